package migrations_test

import (
	"context"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/migrations"
)

const golden = "schema.golden.sql"

func TestSchemaIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	got := pgtest.Schema(t, pgtest.New(t).OwnerURL)
	if os.Getenv("DOORSTEP_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the migrations make; look at the first difference below, and write it anew with"+
			" `make golden` when it is meant\n%s", golden, difference(string(want), got))
	}
}

func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "line " + strconv.Itoa(i+1) + "\n- " + a[i] + "\n+ " + b[i]
		}
	}
	return "one is longer than the other"
}

func TestUpDownUpMakesTheSameSchemaAndDownLeavesNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	nothing := pgtest.Schema(t, url)
	if err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	first := pgtest.Schema(t, url)
	if err := migrations.Down(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if left := pgtest.Schema(t, url); left != nothing {
		t.Errorf("down leaves something: %s", difference(nothing, left))
	}
	if err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if second := pgtest.Schema(t, url); second != first {
		t.Errorf("the second up differs: %s", difference(first, second))
	}
}

func TestManyMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	same, other := pgtest.Empty(t), pgtest.Empty(t)
	all, ctx := errgroup.WithContext(context.Background())
	for range 3 {
		all.Go(func() error { return migrations.Up(ctx, same) })
		all.Go(func() error { return migrations.Up(ctx, other) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), same)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	pending, err := migrations.Pending(t.Context(), c)
	if err != nil || pending {
		t.Errorf("pending %v, %v", pending, err)
	}
}

func TestNumbersAreGivenOnce(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if other, ok := seen[number]; ok {
			t.Errorf("%s and %s have the same number", name, other)
		}
		seen[number] = name
	}
}
