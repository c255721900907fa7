// Command conformance serves the harness that scenarios of sync/conformance run against, for the test runner of a
// client in any language:
//
//	go run ./internal/conformance
//
// starts a PostgreSQL and an object store of its own in a temporary folder, prints the address of the harness as its
// first line, and ends with its input, so that the runner only has to close the pipe.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/doorstep-dev/doorstep/internal/conformance/harness"
	"github.com/doorstep-dev/doorstep/internal/storeprogram"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/local"
	"github.com/doorstep-dev/doorstep/server/local/objectstore"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
)

func main() {
	local.RunChild()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// PostgreSQL does not run as root, and its own account must be able to enter.
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // nothing in it but what has rights of its own
		return err
	}
	db, err := postgres.Start(ctx,
		postgres.Config{Dir: filepath.Join(dir, "postgres"), Cache: filepath.Join(dir, "programs"), Throwaway: true})
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		err = errors.Join(err, db.Stop(stop))
	}()
	program, err := storeprogram.Build()
	if err != nil {
		return err
	}
	store, err := objectstore.Start(ctx, objectstore.Config{
		Dir: filepath.Join(dir, "objects"), Program: program, Throwaway: true,
	})
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		err = errors.Join(err, store.Stop(stop))
	}()
	h, err := harness.New(ctx, db.URL, db.ServerURL, app.Objects{
		Endpoint: store.Endpoint, Region: objectstore.Region, AccessKey: store.AccessKey, SecretKey: store.SecretKey,
	})
	if err != nil {
		return err
	}
	defer h.Close(ctx)
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listen) }()
	fmt.Printf("http://%s\n", listen.Addr())
	gone := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		gone <- err
	}()
	select {
	case err = <-failed:
	case err = <-gone:
	}
	return errors.Join(err, server.Close())
}
