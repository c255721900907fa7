// Package local runs all that Doorstep stands on, a PostgreSQL and an object store, on this machine and for this
// machine alone: what `doorstep demo` uses where `doorstep serve` is given a database and a store. Both are real,
// both are child processes (see package child), both keep their data below one folder.
//
// A binary that calls Start calls RunChild first thing in main (tests: in TestMain): it is also PostgreSQL's
// supervisor. The object store is the program doorstep-store.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"

	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/objectstore"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
	"github.com/doorstep-dev/doorstep/server/local/process"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// leastFree is the disk space, in bytes, below which a start is refused: PostgreSQL alone begins with 40 MB.
const leastFree = 128 << 20

// Config says where the services keep their data and where they listen.
type Config struct {
	// Dir is the data folder, made when missing; .doorstep by custom.
	Dir string
	// PostgresPort and StorePort are ports of 127.0.0.1; 0 takes the last time's or a free one. A port that
	// is given and busy is LocalPortBusy.
	PostgresPort, StorePort int
	// StoreHost is the address that the object store listens on; empty is 127.0.0.1. Phones that upload
	// straight to the store over the local network need 0.0.0.0.
	StoreHost string
	// StoreProgram is the path of doorstep-store; empty is what objectstore.Find finds.
	StoreProgram string
	// Bucket is made when missing; empty is "doorstep".
	Bucket string
	// Note is told what a person should know but need not act on, in English and Chinese; may be nil.
	Note func(english, chinese string)
}

// S3 is how to reach the object store, over plain HTTP.
type S3 struct {
	Endpoint, AccessKey, SecretKey, Bucket, Region string
	// Port is the endpoint's port, for naming the store by another of this machine's addresses.
	Port int
}

// Services are the running database and object store.
type Services struct {
	// DatabaseURL is for a server: its login owns nothing, and is made by the database's migrations. OwnerURL reaches the
	// database as its owner. The passwords are in them.
	DatabaseURL, OwnerURL string

	S3 S3
	// PIDs are the processes that run for us: PostgreSQL's supervisor, its postmaster, the object store.
	PIDs []int
	// PostgresDir is where PostgreSQL's data really lies; see postgres.Place.
	PostgresDir string

	database *postgres.Server
	store    *objectstore.Server
	lock     *flock.Flock
	failed   chan error
}

// RunChild does a child's work and exits when this process was started as one; otherwise it returns at once.
func RunChild() { child.Main() }

// Start starts both services on cfg.Dir and waits until they answer. The data of an earlier run is there again,
// also when that run was cut off. A folder in use is LocalRunning; see the other Local codes of package fault.
func Start(ctx context.Context, cfg Config) (*Services, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fault.Wrap(err, failure.Folder, "%s", cfg.Dir)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, folderFault(err, dir)
	}
	place, moved, err := settle(dir)
	if err != nil {
		return nil, err
	}
	if moved && cfg.Note != nil {
		cfg.Note("PostgreSQL does not run as root, and no other account may enter "+dir+": its data is kept in "+place+".",
			"PostgreSQL 不能以 root 运行，而其他账号无法进入 "+dir+"，因此数据保存在 "+place+"。")
	}
	// The kernel gives the lock back when its holder ends, however that is: it is never stale.
	lock := flock.New(filepath.Join(dir, "lock"))
	free, err := lock.TryLock()
	if err != nil {
		return nil, folderFault(err, dir)
	}
	if !free {
		return nil, fault.New(failure.Running, "%s", dir)
	}
	s := &Services{lock: lock, PostgresDir: place, failed: make(chan error, 2)}
	if err := s.start(ctx, cfg, dir); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if stopErr := s.Stop(stop); stopErr != nil {
			return nil, fault.Wrap(errors.Join(err, stopErr), fault.CodeOf(err), "%s", fault.As(err).Detail)
		}
		return nil, err
	}
	return s, nil
}

func (s *Services) start(ctx context.Context, cfg Config, dir string) error {
	if err := roomOn(dir); err != nil {
		return err
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		s.database, err = postgres.Start(ctx, postgres.Config{
			Dir: s.PostgresDir, Cache: filepath.Join(filepath.Dir(s.PostgresDir), "programs"), Port: cfg.PostgresPort,
		})
		return err
	})
	both.Go(func() (err error) {
		s.store, err = objectstore.Start(ctx, objectstore.Config{
			Dir: filepath.Join(dir, "store"), Host: cfg.StoreHost, Port: cfg.StorePort,
			Program: cfg.StoreProgram,
		})
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	s.DatabaseURL, s.OwnerURL = s.database.ServerURL, s.database.URL
	s.PIDs = []int{s.database.Supervisor(), s.database.PID, s.store.PID()}
	s.S3 = S3{
		Endpoint: s.store.Endpoint, AccessKey: s.store.AccessKey, SecretKey: s.store.SecretKey,
		Bucket: cfg.Bucket, Region: objectstore.Region, Port: s.store.Port,
	}
	if s.S3.Bucket == "" {
		s.S3.Bucket = "doorstep"
	}
	go s.watch("PostgreSQL", s.database.Done())
	go s.watch("object store", s.store.Done())
	return s.S3.makeBucket(context.WithoutCancel(ctx))
}

// watch ends with the service; what it says after a Stop nobody hears.
func (s *Services) watch(name string, done <-chan struct{}) {
	<-done
	s.failed <- fault.New(failure.Start, "%s ended by itself", name)
}

// Failed gives an error when a service has ended by itself and will not come back. PostgreSQL is started again a
// few times before that. After Stop it means nothing.
func (s *Services) Failed() <-chan error { return s.failed }

// Stop ends both services in order and returns when no process is left; the data stays. When ctx ends first they
// are killed.
func (s *Services) Stop(ctx context.Context) error {
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Stop(ctx))
	}
	if s.database != nil {
		errs = append(errs, s.database.Stop(ctx))
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

func (s S3) makeBucket(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := minio.New(s.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region,
	})
	if err != nil {
		return fault.Wrap(err, failure.Start, "object store")
	}
	there, err := c.BucketExists(ctx, s.Bucket)
	if err == nil && !there {
		err = c.MakeBucket(ctx, s.Bucket, minio.MakeBucketOptions{Region: s.Region})
	}
	if err != nil {
		return fault.Wrap(err, failure.Start, "object store, bucket %s", s.Bucket)
	}
	return nil
}

// roomOn refuses a disk that is as good as full, before anything half-made is on it.
func roomOn(dir string) error {
	free, err := process.Free(dir)
	if err != nil {
		return folderFault(err, dir)
	}
	if free < leastFree {
		return fault.Wrap(fmt.Errorf("%d bytes free", free), failure.DiskFull, "%s: %d MB free, %d MB needed",
			dir, free>>20, leastFree>>20)
	}
	return nil
}

func folderFault(err error, dir string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fault.Wrap(err, failure.DiskFull, "%s", dir)
	}
	return fault.Wrap(err, failure.Folder, "%s", dir)
}
