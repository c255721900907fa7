package distribute_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
	"github.com/doorstep-dev/doorstep/server/distribute"
	"github.com/doorstep-dev/doorstep/server/job"
)

// cluster is a database with all tables and the stand-in for Citus of testdata/standin.sql, with its owner's
// connection.
type cluster struct {
	t           *testing.T
	url, server string
	*pgx.Conn
}

// asServer connects as the servers do.
func (c *cluster) asServer() *pgx.Conn { return connect(c.t, c.server) }

func newCluster(t *testing.T) *cluster {
	t.Helper()
	db := pgtest.New(t)
	url := db.OwnerURL
	first, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(context.WithoutCancel(t.Context()))
	var super bool
	if err := first.QueryRow(t.Context(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user").
		Scan(&super); err != nil {
		t.Fatal(err)
	}
	if !super {
		t.Skip("only a superuser can make a stand-in that looks like an extension")
	}
	script, err := os.ReadFile("testdata/standin.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		string(script),
		`INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
			SELECT max(oid::bigint) + 1, 'citus', 10, 'stand_in'::regnamespace, false, '13.2-1' FROM pg_extension`,
		`DO $$ BEGIN
			EXECUTE format('ALTER DATABASE %I SET search_path = public, stand_in', current_database());
			EXECUTE format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''', current_database());
		END $$`,
	} {
		if _, err := first.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return &cluster{t, url, db.URL, connect(t, url)}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) }) // the database goes anyway
	return c
}

func (c *cluster) do(sql string, args ...any) {
	c.t.Helper()
	if _, err := c.Exec(c.t.Context(), sql, args...); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
}

// told is what the stand-in was told so far.
func (c *cluster) told() []string {
	c.t.Helper()
	rows, err := c.Query(c.t.Context(), "SELECT call FROM stand_in.told ORDER BY at")
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// placings leaves out the freeing of room: where rows stay, as with the stand-in, each run finds some to free.
func placings(told []string) []string {
	return slices.DeleteFunc(told, func(w string) bool { return strings.HasPrefix(w, "freed") })
}

func quiet(distribute.Step, int, int) {}

func TestThePlanOfAFreshInstallationIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := job.Migrate(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.Read(t.Context(), db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := distribute.Plan(s, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	out := &strings.Builder{}
	fmt.Fprint(out,
		"-- Every table with its kind, and the statements that spread a fresh installation, written by a test.\n\n")
	for _, table := range s.Tables {
		fmt.Fprintf(out, "-- %s: %s\n", table.Name, tenancy.KindOf(table.Name))
	}
	fmt.Fprintln(out)
	for _, step := range steps {
		fmt.Fprintf(out, "%s;\n", step.SQL)
	}
	const golden = "testdata/plan.golden.sql"
	if os.Getenv("DOORSTEP_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs; if that is meant, write it anew with `make golden`. Now it is:\n%s", golden, out)
	}
}

func TestARunSpreadsEveryTableOnceAndTheNextChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.do("INSERT INTO region (org_id, id, name_zh, name_en) VALUES ($1, $1, 'x', 'x')", uuid.New())
	obstacles, err := distribute.Check(t.Context(), c.Conn, c.asServer())
	if err != nil || len(obstacles) > 0 {
		t.Fatal(obstacles, err)
	}
	made, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 32, quiet)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.Read(t.Context(), c.Conn)
	if err != nil {
		t.Fatal(err)
	}
	told := c.told()
	for _, table := range s.Tables {
		want := ""
		switch tenancy.KindOf(table.Name) {
		case tenancy.Tenant:
			want = "distributed " + table.Name + " by org_id"
		case tenancy.Reference:
			want = "reference " + table.Name
		}
		if n := count(told, want); want != "" && n != 1 {
			t.Errorf("%s: told %d times", want, n)
		}
	}
	if count(told, "freed region") != 1 {
		t.Error("the room of rows that have moved was not freed")
	}
	if made < len(told) {
		t.Errorf("%d statements made, %d heard", made, len(told))
	}
	if _, err = distribute.Run(t.Context(), c.Conn, c.asServer(), 32, quiet); err != nil ||
		len(placings(c.told())) != len(placings(slices.Clone(told))) {
		t.Errorf("the second run placed more: %v, %v", c.told()[len(told):], err)
	}
}

func count(told []string, what string) int {
	n := 0
	for _, w := range told {
		if w == what {
			n++
		}
	}
	return n
}

func TestARunThatIsCutOffIsTakenUpByTheNext(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	whole, err := distribute.Read(t.Context(), c.Conn, 8)
	if err != nil {
		t.Fatal(err)
	}
	// Cut at the first, at one in the middle, and at the last.
	spread := slices.DeleteFunc(slices.Clone(whole),
		func(s distribute.Step) bool { return !strings.Contains(s.SQL, "create_distributed_table") })
	for _, cut := range []string{spread[0].Table, spread[len(spread)/2].Table, spread[len(spread)-1].Table} {
		c.do("INSERT INTO stand_in.cut VALUES ($1)", cut)
		if _, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 8, quiet); err == nil ||
			!strings.Contains(err.Error(), "cut at "+cut) {
			t.Fatalf("cut at %s: %v", cut, err)
		}
		left, err := distribute.Read(t.Context(), c.Conn, 8)
		if err != nil || len(left) == 0 || left[0].Table != cut {
			t.Fatalf("after the cut at %s the next would begin with %v: %v", cut, left, err)
		}
		c.do("DELETE FROM stand_in.cut")
	}
	if _, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 8, quiet); err != nil {
		t.Fatal(err)
	}
	told := placings(c.told())
	want := slices.DeleteFunc(slices.Clone(whole),
		func(s distribute.Step) bool { return !strings.Contains(s.SQL, "create_") })
	if len(told) != len(want) {
		t.Fatalf("%d tables placed, %d planned: %v", len(told), len(want), told)
	}
	for i, s := range want {
		if !strings.Contains(told[i]+" ", " "+s.Table+" ") {
			t.Errorf("step %d was %q, planned was %s", i, told[i], s.SQL)
		}
	}
}

func TestATableOfALaterUpgradeIsSpreadByTheNextRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if _, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 8, quiet); err != nil {
		t.Fatal(err)
	}
	c.do(`CREATE TABLE a_later_one (org_id uuid NOT NULL, id uuid NOT NULL, ticket_id uuid, PRIMARY KEY (org_id, id),
		FOREIGN KEY (org_id, ticket_id) REFERENCES ticket (org_id, id))`)
	before := len(placings(c.told()))
	if _, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 8, quiet); err != nil {
		t.Fatal(err)
	}
	if told := placings(c.told()); !slices.Equal(told[before:], []string{"distributed a_later_one by org_id"}) {
		t.Error(told[before:])
	}
}

func TestTwoRunsAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	other := connect(t, c.url)
	_, err := distribute.Run(t.Context(), c.Conn, c.asServer(), 8, func(distribute.Step, int, int) {
		if _, err := distribute.Run(t.Context(), other, c.asServer(), 8, quiet); !errors.Is(err, distribute.ErrBusy) {
			t.Errorf("a second run beside the first: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatStandsInTheWayIsSaidBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, want string }{
		"an old Citus": {
			"UPDATE pg_extension SET extversion = '9.5-1' WHERE extname = 'citus'",
			"install 12 or newer",
		},
		"a node that is away": {
			"UPDATE stand_in.pg_dist_node SET isactive = false WHERE nodename = 'worker2'",
			"not active: worker2:5432",
		},
		"no node to spread to": {"DELETE FROM stand_in.pg_dist_node WHERE shouldhaveshards", "citus_add_node()"},
		"a role without login": {
			"UPDATE stand_in.answer SET result = '0' WHERE nodename = 'worker1'",
			"cannot sign in on worker1:5432",
		},
		"a worker that is mute": {
			"UPDATE stand_in.answer SET success = false, result = NULL",
			"No answer from worker1:5432, worker2:5432",
		},
		"a key without org_id": {"CREATE UNIQUE INDEX broken ON ticket (number)", "unique key broken"},
		"a pending migration":  {"DELETE FROM goose_db_version WHERE version_id > 1", "doorstep migrate"},
		"a deaf role": {
			"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET citus.propagate_set_commands', current_database()); END $$",
			"SET citus.propagate_set_commands = 'local'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCluster(t)
			k.do(c.sql)
			obstacles, err := distribute.Check(t.Context(), connect(t, k.url), k.asServer())
			if err != nil || len(obstacles) != 1 {
				t.Fatal(obstacles, err)
			}
			if o := obstacles[0]; !strings.Contains(o.English, c.want) || o.Chinese == "" || o.Chinese == o.English {
				t.Errorf("%+v lacks %q", o, c.want)
			}
		})
	}
}

func TestAStockPostgresIsToldThatTheExtensionIsMissing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	obstacles, err := distribute.Check(t.Context(), connect(t, db.OwnerURL), connect(t, db.URL))
	if err != nil || len(obstacles) != 1 || !strings.Contains(obstacles[0].English, "no extension citus") {
		t.Error(obstacles, err)
	}
}

func TestATablePlacedOtherwiseIsAnErrorNotARepair(t *testing.T) {
	t.Parallel()
	schema := tenancy.Schema{
		Tables:      []tenancy.Table{{Name: "a"}, {Name: "b"}, {Name: "org"}, {Name: "code_org"}},
		ForeignKeys: []tenancy.ForeignKey{{Table: "a", Other: "b"}, {Table: "a", Other: "a"}},
	}
	sound := []distribute.Placed{
		{Table: "b", Kind: tenancy.Tenant, Column: "org_id", Group: 3},
		{Table: "a", Kind: tenancy.Tenant, Column: "org_id", Group: 3},
		{Table: "org", Kind: tenancy.Reference},
		{Table: "code_org", Kind: tenancy.Local},
	}
	if steps, err := distribute.Plan(schema, sound, 4); err != nil || len(steps) != 0 {
		t.Errorf("of a sound cluster: %v, %v", steps, err)
	}
	for name, c := range map[string]struct {
		at   int
		with distribute.Placed
		want string
	}{
		"another column": {
			0,
			distribute.Placed{Table: "b", Kind: tenancy.Tenant, Column: "id", Group: 3},
			"spread by id",
		},
		"another group": {
			1,
			distribute.Placed{Table: "a", Kind: tenancy.Tenant, Column: "org_id", Group: 4},
			"lies apart from b",
		},
		"a tenant's everywhere": {1, distribute.Placed{Table: "a", Kind: tenancy.Reference}, "a is reference, not tenant"},
		"a reference spread": {
			2,
			distribute.Placed{Table: "org", Kind: tenancy.Tenant, Column: "id"},
			"org is tenant, not reference",
		},
		"a local everywhere": {
			3,
			distribute.Placed{Table: "code_org", Kind: tenancy.Reference},
			"code_org is reference, not local",
		},
	} {
		placed := slices.Clone(sound)
		placed[c.at] = c.with
		if _, err := distribute.Plan(schema, placed, 4); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	schema.ForeignKeys = append(schema.ForeignKeys, tenancy.ForeignKey{Table: "b", Other: "a"})
	if _, err := distribute.Plan(schema, nil, 4); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("foreign keys in a circle: %v", err)
	}
}
