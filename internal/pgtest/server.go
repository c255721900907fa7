package pgtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
	"github.com/doorstep-dev/doorstep/server/local/process"
)

const (
	childName = "pgtest"
	idleLimit = 30 * time.Second
	lockRetry = 10 * time.Millisecond
)

// daemonConfig tells the shared server where its folder is.
type daemonConfig struct {
	Dir string `json:"dir"`
}

func init() {
	child.Register(childName, func(ctx context.Context, raw json.RawMessage, ready func(any) error) error {
		var cfg daemonConfig
		if err := json.Unmarshal(raw, &cfg); err != nil {
			return err
		}
		return serve(ctx, cfg.Dir, ready)
	})
	child.Main() // a test binary that was started as the shared server becomes it here
}

var shared struct {
	sync.Mutex
	url string
	use *flock.Flock // held as long as this process lives
}

// server is the URL of a server's database "postgres", for a role that may create databases. The login of servers is
// there, too.
func server(ctx context.Context) (string, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.url != "" {
		return shared.url, nil
	}
	url, use, err := find(ctx)
	if err != nil {
		return "", err
	}
	if err := migrations.MakeLogin(ctx, url, ServerURL(url)); err != nil {
		if use != nil {
			err = errors.Join(err, use.Close())
		}
		return "", err
	}
	shared.url, shared.use = url, use
	return url, nil
}

// find finds the given server, or the shared one and the lock that keeps it.
func find(ctx context.Context) (string, *flock.Flock, error) {
	if given := os.Getenv("DOORSTEP_TEST_DATABASE_URL"); given != "" {
		return given, nil, able(ctx, given)
	}
	dir, err := folder()
	if err != nil {
		return "", nil, err
	}
	// A shared lock on "use" says: somebody needs the server. It waits while a server is on its way down.
	use := flock.New(filepath.Join(dir, "use"))
	if _, err := use.TryRLockContext(ctx, lockRetry); err != nil {
		return "", nil, fmt.Errorf("%s: %w", use.Path(), err)
	}
	start := flock.New(filepath.Join(dir, "start"))
	if _, err := start.TryLockContext(ctx, lockRetry); err != nil {
		return "", nil, errors.Join(fmt.Errorf("%s: %w", start.Path(), err), use.Close())
	}
	defer start.Close()
	url, err := running(ctx, dir)
	if err != nil {
		url, err = launch(ctx, dir)
	}
	if err != nil {
		return "", nil, errors.Join(err, use.Close())
	}
	return url, use, nil
}

// able tells what the role of a given server lacks, before a hundred tests fail for it.
func able(ctx context.Context, url string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("DOORSTEP_TEST_DATABASE_URL: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	var can bool
	err = c.QueryRow(ctx,
		"SELECT rolsuper OR rolcreatedb AND rolcreaterole AND rolbypassrls FROM pg_roles WHERE rolname = current_user").
		Scan(&can)
	if err == nil && !can {
		err = errors.New("DOORSTEP_TEST_DATABASE_URL: its role needs CREATEDB, CREATEROLE and BYPASSRLS, or to be a " +
			"superuser")
	}
	return err
}

// folder is private to the user, and passable for the account that PostgreSQL runs as when the user is root.
func folder() (string, error) {
	dir := filepath.Join(os.TempDir(), "doorstep-pgtest-"+strconv.Itoa(os.Geteuid()))
	place, _, err := postgres.Place(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(place, 0o711); err != nil {
		return "", err
	}
	info, err := os.Lstat(place)
	if err != nil {
		return "", err
	}
	if uid, _, ok := process.Owner(info); ok && (uid != os.Geteuid() || !info.IsDir()) {
		return "", fmt.Errorf("%s belongs to somebody else", place)
	}
	return place, nil
}

func running(ctx context.Context, dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return "", err
	}
	url := string(raw)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	return url, c.Close(ctx)
}

func launch(ctx context.Context, dir string) (string, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	defer log.Close()
	var url string
	_, err = child.Start(ctx, childName, daemonConfig{Dir: dir}, &url, child.Options{Stderr: log, Detached: true})
	return url, err
}

// serve is the shared server's life: PostgreSQL runs until nobody has held the lock "use" for idleLimit.
func serve(ctx context.Context, dir string, ready func(any) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	use := make(chan *flock.Flock, 1)
	go func() {
		use <- unused(ctx, filepath.Join(dir, "use"))
		cancel()
	}()
	urlFile := filepath.Join(dir, "url")
	err := postgres.Supervise(ctx, config(dir), func(r postgres.Ready) error {
		url := withDatabase(r.URL, "postgres")
		if err := sweep(ctx, url); err != nil {
			return err
		}
		if err := os.WriteFile(urlFile, []byte(url), 0o600); err != nil {
			return err
		}
		return ready(url)
	})
	if rmErr := os.Remove(urlFile); rmErr != nil && !os.IsNotExist(rmErr) {
		err = errors.Join(err, rmErr)
	}
	cancel()
	if held := <-use; held != nil {
		err = errors.Join(err, held.Close()) // from here on a newcomer may start the next one
	}
	return err
}

func config(dir string) postgres.Config {
	cache := filepath.Join(dir, "programs")
	return postgres.Config{Dir: filepath.Join(dir, "postgres"), Cache: cache, Throwaway: true}
}

// unused returns when nobody has wanted the server for idleLimit, holding the lock that keeps newcomers waiting.
func unused(ctx context.Context, path string) *flock.Flock {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		l := flock.New(path)
		free, err := l.TryLock()
		switch {
		case err != nil, !free:
			last = time.Now()
		case time.Since(last) > idleLimit:
			return l
		default:
			if err := l.Close(); err != nil {
				return nil
			}
		}
	}
}

// sweep drops what test processes that were killed have left.
func sweep(ctx context.Context, url string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx,
		"SELECT datname FROM pg_database WHERE datname LIKE 't\\_%' OR datname LIKE 'doorstep\\_template\\_%'")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+ident(name)+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}
