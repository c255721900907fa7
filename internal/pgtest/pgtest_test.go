package pgtest_test

import (
	"context"
	"testing"

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

func TestAppPoolIsTheRoleThatRowSecurityHoldsFor(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var role string
	var bypass bool
	err := db.App.QueryRow(t.Context(),
		"SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").Scan(&role, &bypass)
	if err != nil {
		t.Fatal(err)
	}
	if role != pgtest.AppRole || bypass {
		t.Fatalf("the application's pool is %s, bypass %v", role, bypass)
	}
}
