package day

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
)

// documented is the nth block of a language in docs/OPERATIONS.md below a heading, for a database server at another
// address.
func documented(t *testing.T, heading, language string, address string) string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, below, ok := strings.Cut(string(raw), "\n"+heading+"\n")
	_, block, found := strings.Cut(below, "\n```"+language+"\n")
	block, _, _ = strings.Cut(block, "\n```")
	if !ok || !found {
		t.Fatalf("docs/OPERATIONS.md has no block of %s below %s", language, heading)
	}
	return strings.ReplaceAll(block, "db.internal", address)
}

// administer runs documented statements as a superuser.
func administer(t *testing.T, url, statements string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	for sql := range strings.SplitSeq(statements, ";") {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// address is host:port of a database.
func address(t *testing.T, url string) string {
	t.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(url, "@")
	host, _, _ := strings.Cut(after, "/")
	if !strings.HasPrefix(host, c.Host) {
		t.Fatal(url)
	}
	return host
}

// postgresTools finds pg_dump and pg_restore, which come with an installed PostgreSQL and not with a downloaded one.
func postgresTools(t *testing.T) string {
	t.Helper()
	found, ok := postgres.Find(t.Context(), filepath.Join(t.TempDir(), "none"), 0)
	if ok {
		if _, err := os.Stat(filepath.Join(found.Dir, "pg_dump")); err == nil {
			return found.Dir
		}
	}
	t.Skip("this machine has no pg_dump")
	return ""
}

// prepared is a PostgreSQL on which an administrator has done what the documents say, for an installation.
func prepared(t *testing.T) *pgtest.Server {
	t.Helper()
	s := pgtest.Fresh(t, "")
	// The embedded PostgreSQL has a database of that name already, of which nothing is used.
	admin := strings.Replace(s.OwnerURL, "/doorstep?", "/postgres?", 1)
	administer(t, admin, "DROP DATABASE doorstep")
	administer(t, admin, documented(t, "## Two logins", "sql", ""))
	return s
}

// shell runs documented commands in a folder.
func (in *installation) shell(dir, tools, commands string) string {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), "sh", "-ec", commands)
	cmd.Dir = dir
	cmd.Env = append(slices.Clone(in.env), "PATH="+filepath.Dir(in.binary)+":"+tools+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		in.t.Fatalf("%s: %v\n%s", commands, err, out)
	}
	return string(out)
}

// logins sets what the documents call the two logins, on a database server.
func (in *installation) logins(at string) {
	in.owner = "postgres://doorstep_owner:choose-one@" + at + "/doorstep"
	in.env = append(in.env, "DOORSTEP_DATABASE_URL=postgres://doorstep_server:choose-another@"+at+"/doorstep")
}

func TestABackupGoesOnOnANewMachine(t *testing.T) {
	t.Parallel()
	tools := postgresTools(t)
	old, dir := prepared(t), t.TempDir()
	at := address(t, old.OwnerURL)
	in := unmigrated(t, "", s3test.New(t))
	in.logins(at)
	if out := in.shell(dir, tools, documented(t, "## Two logins", "sh", at)); !strings.Contains(out,
		"tables, roles and rights") {
		t.Fatal(out)
	}
	c := found(in)
	const orders = 6
	c.order(orders)
	_, err := c.tickets().AutoAssign(t.Context(), as(c, &officev1.AutoAssignRequest{}))
	c.must(err)
	phones := []*phone{c.enrol("li"), c.enrol("wang")}
	for _, p := range phones {
		p.settle()
	}
	administer(t, old.OwnerURL, documented(t, "## Backups", "sql", ""))
	in.shell(dir, tools, documented(t, "## Backups", "sh", at))
	in.drain()
	old.Stop(t)

	// The old machine is gone, and people go on working.
	tickets, parts := make([]int, len(phones)), make([]int, len(phones))
	for i, p := range phones {
		tickets[i], parts[i] = p.workAll(c.part)
	}
	fresh := prepared(t)
	at = address(t, fresh.OwnerURL)
	in.logins(at)
	if out := in.shell(dir, tools, documented(t, "### Onto a new machine", "sh", at)); !strings.Contains(out,
		"tables, roles and rights") {
		t.Fatal(out)
	}
	in.serve()
	for _, p := range phones {
		p.settle()
	}
	c.agree(phones, tickets, parts, orders)
	// A new phone gets in, too: by a function that the restore made anew.
	c.enrol("li").settle()
}

func TestWhatWasRestoredHalfIsNotCalledRight(t *testing.T) {
	t.Parallel()
	tools := postgresTools(t)
	old, dir := prepared(t), t.TempDir()
	at := address(t, old.OwnerURL)
	in := unmigrated(t, "", s3test.New(t))
	in.logins(at)
	in.shell(dir, tools, documented(t, "## Two logins", "sh", at))
	administer(t, old.OwnerURL, documented(t, "## Backups", "sql", ""))
	in.shell(dir, tools, documented(t, "## Backups", "sh", at))

	fresh := prepared(t)
	at = address(t, fresh.OwnerURL)
	in.logins(at)
	restore, _, _ := strings.Cut(documented(t, "### Onto a new machine", "sh", at), "doorstep migrate")
	in.shell(dir, tools, restore)
	in.refused("serve", "doorstep migrate")
	in.run("migrate")
	superuser := strings.Replace(fresh.OwnerURL, "/postgres?", "/doorstep?", 1)
	for sql, want := range map[string]string{
		"REVOKE INSERT ON ticket FROM doorstep_app":                        "in ticket, and should",
		"GRANT UPDATE ON pay_entry TO doorstep_app":                        "in pay_entry, and should",
		"GRANT DELETE ON ticket_event TO PUBLIC":                           "in ticket_event, and should",
		"GRANT UPDATE (amount) ON pay_posting TO doorstep_server":          "in pay_posting, and should",
		"REVOKE EXECUTE ON FUNCTION org_of_handle(text) FROM doorstep_app": "org_of_handle",
		"REVOKE doorstep_app FROM doorstep_server":                         "doorstep migrate",
		"REVOKE SELECT ON goose_db_version FROM doorstep_app":              "doorstep migrate",
		"REVOKE USAGE ON SCHEMA public FROM PUBLIC, doorstep_app":          "doorstep migrate",
		"GRANT CREATE ON SCHEMA public TO PUBLIC":                          "makes tables",
	} {
		administer(t, superuser, sql)
		in.refused("serve", want)
		if out := in.run("migrate"); !strings.Contains(out, "tables, roles and rights") {
			t.Errorf("after %s: %s", sql, out)
		}
		if err := in.check(); err != nil {
			t.Errorf("after %s and migrate: %v", sql, err)
		}
	}
	// What no command of ours may mend is named; the column comes last, for nothing brings it back.
	for _, c := range []struct{ sql, want, undo string }{
		{
			"ALTER TABLE ticket DISABLE ROW LEVEL SECURITY", "row security: ticket enabled forced",
			"ALTER TABLE ticket ENABLE ROW LEVEL SECURITY",
		},
		{"CREATE POLICY open ON ticket USING (true)", "ticket open PERMISSIVE", "DROP POLICY open ON ticket"},
		{"ALTER ROLE doorstep_server BYPASSRLS", "NOBYPASSRLS", "ALTER ROLE doorstep_server NOBYPASSRLS"},
		{"ALTER TABLE visit DROP COLUMN state CASCADE", "visit.state", ""},
	} {
		administer(t, superuser, c.sql)
		in.refused("migrate", c.want)
		in.refused("serve", "")
		if c.undo != "" {
			administer(t, superuser, c.undo)
			in.run("migrate")
		}
	}
}

func TestMigrateSaysWhatAnAdministratorMustDoAndChangesNothingBefore(t *testing.T) {
	t.Parallel()
	s := pgtest.Fresh(t, "")
	administer(t, s.OwnerURL, "CREATE ROLE plain LOGIN PASSWORD 'choose-one'")
	in := unmigrated(t, "", s3test.New(t))
	at := address(t, s.OwnerURL)
	in.logins(at)
	in.owner = "postgres://plain:choose-one@" + at + "/doorstep"
	out := in.refused("migrate", "run doorstep migrate again")
	var tables int
	c, err := pgx.Connect(t.Context(), s.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").
		Scan(&tables); err != nil || tables > 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
	_, statements, _ := strings.Cut(out, "again:\n")
	statements, _, _ = strings.Cut(statements, "\ndoorstep:")
	if strings.Count(statements, ";") != 4 {
		t.Fatalf("the statements are %s", statements)
	}
	statements = strings.ReplaceAll(statements, "the one in DOORSTEP_DATABASE_URL", "choose-another")
	administer(t, s.OwnerURL, strings.TrimSuffix(strings.TrimSpace(statements), ";"))
	if out := in.run("migrate"); !strings.Contains(out, "tables, roles and rights") {
		t.Error(out)
	}
	// One login for both is no longer enough, and the words say what is.
	in.env = append(in.env, "DOORSTEP_DATABASE_URL="+in.owner)
	in.refused("serve", "DOORSTEP_OWNER_DATABASE_URL")
	in.refused("migrate", "the server needs one of its own")
	in.owner = ""
	in.refused("migrate", "DOORSTEP_OWNER_DATABASE_URL")
}

// refused runs a command that must fail with the given words and returns what it printed.
func (in *installation) refused(command, want string) string {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), in.binary, command)
	cmd.Env = append(slices.Clone(in.env), "DOORSTEP_OWNER_DATABASE_URL="+in.owner)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), want) {
		in.t.Errorf("doorstep %s: %v, and says not %q but:\n%s", command, err, want, out)
	}
	return string(out)
}

// check asks, as a command that opens the rooms, whether all is right.
func (in *installation) check() error {
	cmd := exec.CommandContext(in.t.Context(), in.binary, "admin", "org", "list")
	cmd.Env = in.env
	return cmd.Run()
}
