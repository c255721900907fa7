package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
)

const (
	testPrefix     = "t_"
	templatePrefix = "doorstep_template_"
	templateLock   = 0x646f6f72 // any number; one builder at a time
)

var made struct {
	sync.Mutex
	name string
}

// template is the name of a database with all migrations applied. Its name holds their hash, so that it is built
// again when a migration changes, and only then.
func template(ctx context.Context, admin string) (string, error) {
	made.Lock()
	defer made.Unlock()
	if made.name != "" {
		return made.name, nil
	}
	hash, err := migrationsHash()
	if err != nil {
		return "", err
	}
	name := templatePrefix + hash
	c, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx)) // the lock goes with the connection
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return "", err
	}
	var exists bool
	err = c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil {
		return "", err
	}
	if !exists {
		if err := build(ctx, c, admin, name); err != nil {
			return "", err
		}
	}
	made.name = name
	return name, nil
}

// build migrates a database under another name and renames it at the end: what has the name is whole.
func build(ctx context.Context, c *pgx.Conn, admin, name string) error {
	draft := name + "_draft"
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + ident(draft) + " WITH (FORCE)",
		"CREATE DATABASE " + ident(draft) + " TEMPLATE template0",
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if err := migrations.Up(ctx, withDatabase(admin, draft)); err != nil {
		return err
	}
	_, err := c.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", ident(draft), ident(name)))
	return err
}

func migrationsHash() (string, error) {
	h := sha256.New()
	entries, err := fs.ReadDir(migrations.FS, ".")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		raw, err := fs.ReadFile(migrations.FS, e.Name())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", e.Name(), len(raw))
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}
