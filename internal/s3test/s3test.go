// Package s3test gives each test a bucket of its own in a real S3 object store, VersityGW. One store serves all
// tests of a process; it ends with the process, and its files with it.
package s3test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/doorstep-dev/doorstep/internal/port"
	"github.com/doorstep-dev/doorstep/internal/storeprogram"
	"github.com/doorstep-dev/doorstep/server/local/objectstore"
)

const patience = time.Minute

// Bucket is a test's private, empty bucket and all that is needed to reach it.
type Bucket struct {
	// Endpoint is host:port, for plain HTTP.
	Endpoint             string
	AccessKey, SecretKey string
	Region               string
	Name                 string
	// Client speaks to the store as the bucket's owner.
	Client *minio.Client
}

// Store is an object store.
type Store struct {
	cfg    objectstore.Config
	server *objectstore.Server
}

var shared struct {
	sync.Mutex
	store *Store
}

// New makes a bucket in the store that the tests of this process share.
func New(t testing.TB) *Bucket {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.store == nil {
		s, err := open()
		if err != nil {
			t.Fatalf("s3test: %v", err)
		}
		shared.store = s
	}
	return shared.store.Bucket(t)
}

// Own starts a store for this test alone, which the test may stop and start again.
func Own(t testing.TB) *Store {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		if err := os.RemoveAll(s.cfg.Dir); err != nil {
			t.Errorf("s3test: %v", err)
		}
	})
	s.Stop(t) // from here on its files survive a stop
	s.cfg.Throwaway, s.cfg.Port = false, port.Stable(t)
	s.Start(t)
	return s
}

func open() (*Store, error) {
	bin, err := storeprogram.Build()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "doorstep-s3test-")
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: objectstore.Config{Dir: dir, Program: bin, Throwaway: true}}
	return s, s.start()
}

func (s *Store) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	s.server, err = objectstore.Start(ctx, s.cfg)
	return err
}

// Start starts a stopped store again, at the same address and with the same objects.
func (s *Store) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("s3test: start: %v", err)
	}
}

// Stop takes the store away: whoever calls it now is refused. Stopping twice is harmless.
func (s *Store) Stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil {
		t.Errorf("s3test: stop: %v", err)
	}
}

// Bucket makes a bucket; it goes with the store.
func (s *Store) Bucket(t testing.TB) *Bucket {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	r := s.server.Ready
	b := &Bucket{
		Endpoint: r.Endpoint, AccessKey: r.AccessKey, SecretKey: r.SecretKey,
		Region: objectstore.Region, Name: "test-" + hex.EncodeToString(random),
	}
	// A transport of its own leaves no connection behind in the default one.
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	var err error
	b.Client, err = minio.New(b.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(b.AccessKey, b.SecretKey, ""), Region: b.Region, Transport: transport,
	})
	if err != nil {
		t.Fatalf("s3test: client: %v", err)
	}
	if err := b.Client.MakeBucket(ctx, b.Name, minio.MakeBucketOptions{Region: b.Region}); err != nil {
		t.Fatalf("s3test: make bucket: %v", err)
	}
	return b
}
