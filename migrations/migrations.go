// Package migrations holds the database's schema as numbered SQL files, each up and down, embedded in the
// binary, and what each role may do to it. schema.golden.sql shows what they add up to; a test keeps it true, and
// what a database has is compared with it.
//
// Two logins use a database. The owner's owns all tables and is for Up and for commands that need ownership. The
// server's owns nothing and is a member of AppRole, to which the migrations grant what a server needs.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// FS holds the migrations, named NNNNN_what.sql.
//
//go:embed [0-9]*.sql
var FS embed.FS

// Querier is a connection, pool or transaction to read the catalogue with.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Up brings the database at url, which is the owner's, to the newest schema and does nothing when it is there already.
// Many processes may call it at once: a session lock lets one work and the others wait (up to five minutes). It leaves
// rights as the migrations make them: Grant sets them again where a restore or somebody's hand has changed them.
func Up(ctx context.Context, url string) error {
	if err := makeAppRole(ctx, url); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return with(url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// UpTo is Up to a version that an older program had. For tests of upgrades.
func UpTo(ctx context.Context, url string, version int64) error {
	if err := makeAppRole(ctx, url); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return with(url, func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, version)
		return err
	})
}

// Down takes every migration back, newest first: all data is lost. For tests.
func Down(ctx context.Context, url string) error {
	return with(url, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}

// Pending tells whether the database lacks a migration that this binary knows. Whoever may read goose_db_version may
// ask.
func Pending(ctx context.Context, q Querier) (bool, error) {
	var there bool
	if err := q.QueryRow(ctx, "SELECT to_regclass('public.goose_db_version') IS NOT NULL").Scan(&there); err != nil ||
		!there {
		return !there, err
	}
	rows, err := q.Query(ctx, "SELECT version_id FROM public.goose_db_version WHERE is_applied")
	if err != nil {
		return false, err
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return false, err
	}
	known, err := numbers()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(known, func(n int64) bool { return !slices.Contains(applied, n) }), nil
}

// numbers are those of the migrations.
func numbers() ([]int64, error) {
	names, err := fs.Glob(FS, "*.sql")
	out := make([]int64, 0, len(names))
	for _, name := range names {
		digits, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migrations: %s: %w", name, err)
		}
		out = append(out, n)
	}
	return out, err
}

func with(url string, do func(*goose.Provider) error) error {
	db, err := open(url)
	if err != nil {
		return fmt.Errorf("migrations: open: %w", err)
	}
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrations: lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, FS, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("migrations: read: %w", err)
	}
	if err := do(p); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// open connects as an owner for whom a statement that row-level security would filter is an error: a migration that
// changes tenants' rows must lift it for the owner (NO FORCE) and put it back, or it would change nothing and say so to
// nobody.
func open(url string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["row_security"] = "off"
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" { // what a migration could not do, for the operator
			slog.Warn("migration", "warning", n.Message)
		}
	}
	return stdlib.OpenDB(*c), nil
}
