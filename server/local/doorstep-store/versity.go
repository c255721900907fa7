package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/objectstore"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	healthPath   = "/_health"
	startTimeout = 30 * time.Second
	lockRetry    = 10 * time.Millisecond
)

// run is the work of the child process that package objectstore starts.
func run(ctx context.Context, raw json.RawMessage, ready func(any) error) error {
	var cfg objectstore.Config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return err
	}
	return serve(ctx, cfg, func(r objectstore.Ready) error { return ready(r) })
}

// serve runs the store in this process, calls ready when it answers, and returns when ctx ends. It changes the
// working directory; cfg.Dir is absolute.
func serve(ctx context.Context, cfg objectstore.Config, ready func(objectstore.Ready) error) error {
	// A store whose parent was killed may still be on its way down.
	before, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	alone := flock.New(filepath.Join(cfg.Dir, "store.lock"))
	if _, err := alone.TryLockContext(before, lockRetry); err != nil {
		if before.Err() != nil {
			return fault.Wrap(err, failure.Running, "object store, %s", cfg.Dir)
		}
		return fault.Wrap(err, failure.Folder, "%s", cfg.Dir)
	}
	defer alone.Close()
	if cfg.Throwaway {
		defer os.RemoveAll(cfg.Dir)
	}
	r, err := cfg.Prepare()
	if err != nil {
		return err
	}
	be, err := backend(cfg)
	if err != nil {
		return fault.Wrap(err, failure.Folder, "%s", cfg.Dir)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess: r.AccessKey, RootUserSecret: r.SecretKey, Region: objectstore.Region,
			Ports: []string{cfg.Listen(r.Port)}, MaxConnections: 4096, MaxRequests: 1024, MultipartMaxParts: 10000,
			// A presigned address carries all the authority there is, and no cookie: any page may use one.
			CORSAllowOrigin: "*",
			Quiet:           true, KeepAlive: true, DisableACLs: true, HealthPath: healthPath,
		})
	}()
	if err := await(ctx, "http://"+r.Endpoint+healthPath, ended); err != nil {
		return err
	}
	if err := ready(r); err != nil {
		return err
	}
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return fault.Wrap(err, failure.Start, "object store")
	}
	return nil
}

// backend keeps metadata in extended attributes, or in a folder beside where the file system has none. A store
// stays with what it began with.
func backend(cfg objectstore.Config) (*posix.Posix, error) {
	opts := posix.PosixOpts{NewDirPerm: 0o700, NewFilePerm: 0o600, Concurrency: 64}
	beside := filepath.Join(cfg.Dir, "metadata")
	_, err := os.Stat(beside)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	attributes := meta.XattrMeta{}
	if err != nil && attributes.Test(cfg.Objects()) == nil {
		return posix.New(cfg.Objects(), attributes, opts)
	}
	if err := os.MkdirAll(beside, 0o700); err != nil {
		return nil, err
	}
	sideCar, err := meta.NewSideCar(beside)
	if err != nil {
		return nil, err
	}
	opts.SideCarDir = beside
	return posix.New(cfg.Objects(), sideCar, opts)
}

// await returns nil when the store answers at url.
func await(ctx context.Context, url string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if healthy(ctx, url) {
			return nil
		}
		select {
		case err := <-ended:
			return fault.Wrap(err, failure.Start, "object store")
		case <-ctx.Done():
			return fault.Wrap(fmt.Errorf("no answer at %s: %w", url, ctx.Err()), failure.Start, "object store")
		case <-tick.C:
		}
	}
}

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}
