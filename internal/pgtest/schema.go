package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
)

// Schema describes all that the migrations have made in the database at url; see migrations.Describe.
func Schema(t testing.TB, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer c.Close(ctx)
	out, err := migrations.Describe(ctx, c)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return out
}
