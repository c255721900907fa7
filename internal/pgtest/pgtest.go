// Package pgtest gives each test a private, real PostgreSQL database with all migrations applied, in some 30 ms,
// in parallel with all others.
//
// One PostgreSQL serves all test processes of a user: the first that needs it starts it, it survives from
// package to package, and ends half a minute after the last test process has. It keeps its data folder under
// the temporary directory, without fsync. DOORSTEP_TEST_DATABASE_URL names another server instead; the role in it
// must be a superuser, or have CREATEDB, CREATEROLE and BYPASSRLS. Tests that stop or kill PostgreSQL run one of
// their own all the same, for nobody else's may be killed: Own.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const patience = 90 * time.Second

// DB is a test's private database. It is dropped, whatever is still connected, when the test ends.
type DB struct {
	// URL reaches the database as a server does, by a login that owns nothing. OwnerURL reaches it as its owner.
	URL, OwnerURL string
	// Owner is a pool whose connections own everything: row-level security does not hold for them.
	Owner *pgxpool.Pool
	// App is a pool on URL.
	App *pgxpool.Pool
}

// New makes a database with all migrations applied. The test fails when it cannot be made.
func New(t testing.TB) *DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	admin, err := server(ctx)
	if err != nil {
		t.Fatalf("pgtest: start PostgreSQL: %v", err)
	}
	template, err := template(ctx, admin)
	if err != nil {
		t.Fatalf("pgtest: migrate the template: %v", err)
	}
	db := &DB{OwnerURL: create(t, admin, template)}
	db.URL = ServerURL(db.OwnerURL)
	if err := learn(ctx, db.OwnerURL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db.Owner = pool(t, db.OwnerURL, nil)
	db.App = pool(t, db.URL, both{recorder, order})
	return db
}

// URL is New for a test that opens its own connections, as a server does.
func URL(t testing.TB) string {
	t.Helper()
	return New(t).URL
}

// Empty makes a database without any migration and returns its owner's URL; ServerURL makes the server's of it.
func Empty(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	admin, err := server(ctx)
	if err != nil {
		t.Fatalf("pgtest: start PostgreSQL: %v", err)
	}
	return create(t, admin, "template0")
}

func create(t testing.TB, admin, template string) string {
	t.Helper()
	name := databaseName(t)
	if err := exec(admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", ident(name), ident(template))); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(admin, name); err != nil {
			t.Errorf("pgtest: drop database: %v", err)
		}
	})
	url := withDatabase(admin, name)
	watch(t, url)
	return url
}

// drop drops a database, whoever is connected. A role that is no superuser may not force out an autovacuum that is at
// work there; without force PostgreSQL ends that by itself.
func drop(admin, name string) error {
	sql := "DROP DATABASE IF EXISTS " + ident(name)
	err := exec(admin, sql+" WITH (FORCE)")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return exec(admin, sql)
	}
	return err
}

func pool(t testing.TB, url string, tracer pgx.QueryTracer) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	cfg.MaxConns = 16
	cfg.ConnConfig.Tracer = tracer
	p, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// exec runs one statement on a connection of its own: CREATE and DROP DATABASE allow no transaction.
func exec(url, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}

// databaseName begins with the test's name, for whoever looks at a stuck server, and is unique.
func databaseName(t testing.TB) string {
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, t.Name())
	return testPrefix + plain[:min(len(plain), 40)] + "_" + hex.EncodeToString(random)
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

func withDatabase(raw, name string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Path = "/" + name
	return u.String()
}
