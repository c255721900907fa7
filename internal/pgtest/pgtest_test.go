package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
)

func TestDatabasesArePrivateAndParallel(t *testing.T) {
	t.Parallel()
	for range 8 {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			ctx := context.Background()
			if _, err := db.Owner.Exec(ctx, "CREATE TABLE mine (id int PRIMARY KEY)"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Owner.Exec(ctx, "INSERT INTO mine VALUES (1)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAServersURLSignsInAsALoginThatIsNobodyElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var login, role string
	var bypass bool
	err := db.App.QueryRow(t.Context(),
		"SELECT session_user, current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").
		Scan(&login, &role, &bypass)
	if err != nil {
		t.Fatal(err)
	}
	if role != login || bypass {
		t.Fatalf("the application's pool signs in as %s and works as %s, bypass %v", login, role, bypass)
	}
}

func TestAnOwnServerKeepsWhatWasCommittedOverACrashAndAStop(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	exec := func(sql string) {
		t.Helper()
		// A server on its way up refuses, and tells nobody when it is up. One on its way down may do what it is
		// told and lose the answer, so what it is told must bear repeating.
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		began := time.Now()
		for ; ; <-tick.C {
			c, err := pgx.Connect(t.Context(), server.OwnerURL)
			if err == nil {
				_, err = c.Exec(t.Context(), sql)
				err = errors.Join(err, c.Close(t.Context()))
			}
			if err == nil {
				return
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
	exec("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
	server.Crash(t)
	exec("INSERT INTO kept VALUES (1) ON CONFLICT DO NOTHING")
	server.Stop(t)
	if _, err := pgx.Connect(t.Context(), server.URL); err == nil {
		t.Fatal("a stopped server answers")
	}
	server.Start(t)
	exec("INSERT INTO kept VALUES (2) ON CONFLICT DO NOTHING")
}
