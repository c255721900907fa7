package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/server/command"
	"github.com/doorstep-dev/doorstep/server/load"
)

// terminal runs commands as somebody types them, against one database.
type terminal struct {
	t   *testing.T
	env map[string]string
}

func (m terminal) run(args ...string) (out, errOut string, code int) {
	m.t.Helper()
	var o, e bytes.Buffer
	code = command.Run(m.t.Context(), args,
		command.Console{Out: &o, Err: &e, Getenv: func(k string) string { return m.env[k] }})
	return o.String(), e.String(), code
}

// admin gives two ways to run doorstep admin on an installation: run gives what it said, do wants it to succeed and to
// say something.
func (m terminal) admin(
	where []string,
) (run func(args ...string) (string, string, int), do func(want string, args ...string) string) {
	run = func(args ...string) (string, string, int) {
		m.t.Helper()
		return m.run(append(append([]string{"admin"}, args...), where...)...)
	}
	do = func(want string, args ...string) string {
		m.t.Helper()
		out, e, code := run(args...)
		if code != 0 || !strings.Contains(out, want) {
			m.t.Fatalf("%v: %d %s%s, want %q", args, code, out, e, want)
		}
		return out
	}
	return run, do
}

// installation gives flags for a private database and secret.
func installation(t *testing.T) (terminal, []string) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	m := terminal{t, map[string]string{"LANG": "en_GB.UTF-8"}}
	if out, e, code := m.run("admin", "secret", secret); code != 0 || !strings.Contains(out, secret) {
		t.Fatal(e)
	}
	return m, []string{"--database-url", pgtest.New(t).URL, "--secret-file", secret}
}

// ownerOf is the owner's URL of the database that where names.
func ownerOf(t *testing.T, where []string) string {
	t.Helper()
	return pgtest.OwnerURL(t, where[1])
}

func TestAnOperatorSetsACompanyUp(t *testing.T) {
	t.Parallel()
	m, where := installation(t)
	do := func(want string, args ...string) string {
		t.Helper()
		out, e, code := m.run(append(args, where...)...)
		if code != 0 || !strings.Contains(out, want) {
			t.Fatalf("%v: %d %s%s", args, code, out, e)
		}
		return out
	}
	do("acme", "admin", "org", "add", "acme", "上门家居", "--english", "Acme Home", "--password", "long words here")
	do("Acme Home", "admin", "org", "list")
	do("", "admin", "place", "add", "acme", "region", "南\x1b[31m\u202e\n方", "--english", "South")
	if out := do("South", "admin", "place", "list", "acme"); strings.ContainsAny(out, "\x1b\u202e") ||
		strings.Count(out, "\n") != 2 {
		t.Errorf("a name steers the terminal: %q", out)
	}
	do("华北 is there", "admin", "place", "add", "acme", "region", "华北", "--english", "North")
	do("", "admin", "place", "add", "acme", "team", "朝阳一组", "--region", "华北")
	do("", "admin", "place", "add", "acme", "store", "国贸店", "--region", "North", "--latitude", "39.91",
		"--longitude", "116.46")
	do("国贸店", "admin", "place", "list", "acme")
	do("李师傅", "admin", "user", "add", "acme", "li", "李师傅", "--role", "technician:华北", "--team", "朝阳一组",
		"--skill", "water_heater")
	do("wang", "admin", "user", "add", "acme", "wang", "王店长", "--role", "clerk:国贸店")
	king := []string{"admin", "user", "add", "acme", "k", "K", "--role", "king"}
	if _, e, code := m.run(append(king, where...)...); code != 1 ||
		!strings.Contains(e, "king: one of technician, clerk, dispatcher") {
		t.Errorf("a role that does not exist: %d %s", code, e)
	}
	if code := strings.TrimSpace(do("-", "admin", "enrol-code", "acme", "li")); len(code) != 11 {
		t.Errorf("enrolment code %q", code)
	}
	if code := strings.TrimSpace(do("-", "admin", "enrol-code", "acme", "李师傅")); len(code) != 11 {
		t.Errorf("enrolment code by name %q", code)
	}
	do("", "admin", "user", "add", "acme", "li2", "李师傅", "--role", "technician:华北")
	if _, e, code := m.run(append([]string{"admin", "enrol-code", "acme", "李师傅"}, where...)...); code != 1 ||
		!strings.Contains(e, "li, li2") {
		t.Errorf("two people of one name: %d %s", code, e)
	}
	do("", "admin", "user", "disable", "acme", "li")
	people := do("disabled", "admin", "user", "list", "acme")
	for _, want := range []string{"login", "technician:华北", "朝阳一组", "clerk:国贸店"} {
		if !strings.Contains(people, want) {
			t.Errorf("the list of people lacks %s:\n%s", want, people)
		}
	}
	do("last seen", "admin", "device", "list", "acme")
	do(`"parked": []`, "admin", "parked", "list", "acme", "--json")
	if _, e, code := m.run(append([]string{"admin", "why", "acme", "li", "T-0"}, where...)...); code != 1 ||
		!strings.Contains(e, "no such thing") {
		t.Errorf("why about nothing: %d %s", code, e)
	}
	if _, e, code := m.run(append([]string{"admin", "device", "acme", "0192f0c1-0000-7000-8000-000000000001"},
		where...)...); code != 1 || !strings.Contains(e, "no such thing") {
		t.Errorf("an unknown device: %d %s", code, e)
	}
	do("receipt", "admin", "rotate-key", "receipt")
	do("", "admin", "org", "set", "acme", "--finished-days", "30")
	do("acme: 0 finished and 0 earning lines left", "admin", "collect", "--finished-days", "7")
	do("acme profiles: 2 looked at, 0 differ, 0 aged", "admin", "verify-feeds", "--org", "acme")
	do("acme profiles: 2 looked at, 0 would be written, 0 taken out", "admin", "rebuild-feeds", "--kind",
		"profiles", "--dry-run")
	for _, about := range []string{"rebuild-feeds", "verify-feeds", "collect"} {
		out, e, code := m.run(append([]string{"admin", about, "--org", "nobody"}, where...)...)
		if code != 1 || out != "" || !strings.Contains(e, "company nobody") {
			t.Errorf("%s of an unknown company: %d %s%s", about, code, out, e)
		}
	}
	report := do("0 with a wrong digest", "admin", "rebuild-feeds")
	help, _, _ := m.run("admin", "rebuild-feeds", "--help")
	for line := range strings.Lines(report) {
		if kind, _, ok := strings.Cut(strings.TrimPrefix(line, "acme "), ": "); ok && strings.Contains(line, "looked at") &&
			!strings.Contains(help, kind) {
			t.Errorf("the help does not name %s", kind)
		}
	}
	do("tables, roles and rights", "migrate", "--owner-database-url", ownerOf(t, where))
}

func TestFailuresAreOneSentenceAndANumber(t *testing.T) {
	t.Parallel()
	_, where := installation(t)
	phones := filepath.Join(t.TempDir(), "phones.json")
	if err := (load.Phones{Slug: "load-test", Logins: []load.Login{{}}}).Write(phones); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		args []string
		lang string
		code int
		want string
	}{
		{"an unknown command", []string{"fly"}, "en", 2, "doorstep --help"},
		{"an unknown command, in Chinese", []string{"fly"}, "zh_CN.UTF-8", 2, "查看用法"},
		{"an unknown company", append([]string{"admin", "user", "list", "nobody"}, where...), "en", 1, "company nobody"},
		{"in Chinese", append([]string{"admin", "user", "list", "nobody"}, where...), "zh_CN.UTF-8", 1, "不存在"},
		{"no database there", []string{
			"admin", "org", "list", "--database-url", "postgres://127.0.0.1:1/x", "--secret-file",
			where[3],
		}, "en", 1, "DOORSTEP_DATABASE_URL"},
		{"no secret", []string{"admin", "org", "list", "--database-url", where[1]}, "en", 1, "doorstep admin secret FILE"},
		{"a secret that is there stays", []string{"admin", "secret", where[3]}, "en", 1, "exists"},
		{"a store without a database", []string{"serve", "--s3-endpoint", "127.0.0.1:1"}, "en", 1, "DOORSTEP_DATABASE_URL"},
		{"a database without a store", append([]string{"serve"}, where...), "en", 1, "DOORSTEP_S3_ENDPOINT"},
		{
			"load on no server",
			[]string{"load", "storm", phones, "--server", "http://127.0.0.1:1"},
			"en",
			1, "No server answers there. Start it, or name another with --server. (http://127.0.0.1:1)",
		},
		{
			"a short password", append([]string{"admin", "org", "add", "x", "某公司", "--password", "short"}, where...), "en",
			1, "10 characters",
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			out, e, code := terminal{t, map[string]string{"LANG": c.lang}}.run(c.args...)
			if code != c.code || !strings.Contains(e, c.want) || strings.Contains(e, "goroutine") || strings.Count(e, "\n") > 2 {
				t.Errorf("%d %q %q", code, out, e)
			}
		})
	}
}

func TestACompanyForLoadIsNoneToChooseFrom(t *testing.T) {
	t.Parallel()
	m, where := installation(t)
	do := func(args ...string) (string, int) {
		t.Helper()
		_, e, code := m.run(append(args, where...)...)
		return e, code
	}
	for _, c := range []struct {
		slug  string
		asked bool
	}{{"load-test", false}, {"acme", false}, {"load-more", false}, {"bello", true}} {
		if e, code := do("admin", "org", "add", c.slug, "某公司", "--password", "long words here"); code != 0 {
			t.Fatal(e)
		}
		e, code := do("codes", "revoke", "7KQ2-M4XD", "--reason", "lost")
		if code != 1 || strings.Contains(e, "which company?") != c.asked {
			t.Errorf("with %s: %s", c.slug, e)
		}
	}
}

func TestASecondDemoOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state, err := json.Marshal(map[string]string{"database_url": pgtest.New(t).URL, "public_url": "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "running.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	_, e, code := terminal{t, map[string]string{"LANG": "en"}}.run("demo", "--data", dir, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(e, "already running on this data folder") ||
		!strings.Contains(e, "http://127.0.0.1:8080)") {
		t.Errorf("%d %s", code, e)
	}
}

func TestTheDemoTellsOneDayAtLeastAndTwoWeeksAtMost(t *testing.T) {
	t.Parallel()
	for _, days := range []string{"0", "-1", "15"} {
		_, e, code := terminal{t, map[string]string{"LANG": "en"}}.run("demo", "--data", t.TempDir(), "--days="+days)
		if code == 0 || !strings.Contains(e, "--days: 1 to 14") {
			t.Errorf("%s: %d %s", days, code, e)
		}
	}
}

func TestEveryCommandTeachesByExample(t *testing.T) {
	t.Parallel()
	m := terminal{t, map[string]string{}}
	top, _, _ := m.run("--help")
	n := 0
	for line := range strings.SplitSeq(top, "\n") {
		name, _, ok := strings.Cut(strings.TrimPrefix(line, "  "), "  ")
		if !ok || !strings.HasPrefix(line, "  ") || strings.HasPrefix(name, " ") || strings.HasPrefix(name, "-") ||
			name == "" {
			continue
		}
		n++
		// The subcommands of codes are taught by codes itself.
		words := strings.Fields(name)
		if words[0] == "codes" {
			words = words[:1]
		}
		help, _, code := m.run(append(words, "--help")...)
		if code != 0 || strings.Count(help, "doorstep "+words[0]) < 2 /* the usage, and an example */ {
			t.Errorf("doorstep %s --help shows no example:\n%.300s", name, help)
		}
	}
	if n < 15 {
		t.Errorf("only %d commands found in %s", n, top)
	}
}

func TestServeDrainsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	m, where := installation(t)
	if out, e, code := m.run("migrate", "--owner-database-url", ownerOf(t, where), "--database-url",
		where[1]); code != 0 || !strings.Contains(out, "tables, roles and rights") {
		t.Fatal(out, e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var log syncBuffer
	done := make(chan int, 1)
	log.said = cancel // the first line says that it serves
	go func() {
		done <- command.Run(ctx,
			append([]string{
				"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--s3-endpoint",
				"127.0.0.1:1", "--s3-access-key", "x", "--s3-secret-key", "x",
			}, where...),
			command.Console{Out: &log, Err: &log, Getenv: os.Getenv})
	}()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d\n%s", code, log.String())
	}
	if l := log.String(); !strings.Contains(l, `"serving"`) || !strings.Contains(l, `"stopped"`) {
		t.Error(l)
	}
}

func TestSpreadingOnAStockPostgresSaysWhatIsMissingAndShowsTheStatements(t *testing.T) {
	t.Parallel()
	m, _ := installation(t)
	db := pgtest.New(t)
	where := []string{"--database-url", db.URL, "--owner-database-url", db.OwnerURL}
	out, e, code := m.run(append([]string{"admin", "distribute", "--dry-run"}, where...)...)
	for _, want := range []string{
		"has no extension citus", "create_distributed_table('public.ticket', 'org_id'",
		"create_reference_table('public.org')",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the dry run does not say %s:\n%s", want, out)
		}
	}
	if code != 1 || !strings.Contains(e, "cannot be spread yet") {
		t.Errorf("%d %s", code, e)
	}
	m.env["LANG"] = "zh_CN.UTF-8"
	out, e, code = m.run(append([]string{"admin", "distribute"}, where...)...)
	if code != 1 || !strings.Contains(out, "没有 citus 扩展") || strings.Contains(out, "create_") ||
		!strings.Contains(e, "无法分布") {
		t.Errorf("%d %s%s", code, out, e)
	}
	if _, _, code = m.run(append([]string{"admin", "distribute", "--shards", "0"}, where...)...); code != 1 {
		t.Error("no shards at all are taken")
	}
}

func TestHelpAndMistakesAreInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	chinese, english := map[string]string{"LANG": "zh_CN.UTF-8"}, map[string]string{"LANG": "en_GB.UTF-8"}
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{chinese, []string{"--help"}, "用法：doorstep <命令>"},
		{chinese, []string{"serve", "--help"}, "启动服务，供手机"},
		{chinese, []string{"codes", "read", "--help"}, "厂家标签"},
		{chinese, []string{"phone", "--help"}, "今天的工单（按时间），然后是以后的。"},
		{chinese, []string{"phone", "--lang", "en", "--help"}, "Today's jobs"},
		{english, []string{"--lang", "zh", "phone", "pool", "--help"}, "班组成员可抢的工单"},
		{english, []string{"admin", "user", "add", "--help", "--lang=zh"}, "新增或修改人员"},
		{
			map[string]string{"LANG": "en_GB.UTF-8", "DOORSTEP_LANG": "zh_CN"},
			[]string{"phone", "--help"},
			"今天的工单（按时间），然后是以后的。",
		},
		{english, []string{"--help"}, "Usage: doorstep <command>"},
		{chinese, []string{"serve", "--listn", ":1"}, `没有选项 --listn，是否指 "--listen"？`},
		{english, []string{"serve", "--listn", ":1"}, `unknown flag --listn, did you mean "--listen"?`},
		{chinese, []string{"phone", "today", "now"}, "多余的参数 now"},
		{english, []string{"phone", "today", "now"}, "unexpected argument now"},
	} {
		out, e, _ := terminal{t, c.env}.run(c.args...)
		if !strings.Contains(out+e, c.want) {
			t.Errorf("%v: does not say %q: %s%s", c.args, c.want, out, e)
		}
	}
}
