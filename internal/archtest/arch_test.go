package archtest

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// vocabulary are packages below server/ that hold words and pure rules only, no storage and no calls: every room may
// speak them. They import nothing but each other and what is below all.
var vocabulary = []string{
	"server/civil", "server/identity", "server/money",
	"server/pay/plan", "server/dispatch/score", "server/order/parse", "server/order/refusal",
	"server/ticket/agreement",
	"server/ticket/checklist",
	"server/label", "server/local/failure", "server/memory", "server/code/token", "server/order/scanned",
}

// wiring may know everything: the commands, and the one object that they start.
var wiring = []string{"server/app", "server/command", "server/demo", "server/load/crew"}

// foundations are below everything.
var foundations = []string{
	"sync/fault", "internal/help", "internal/idjson", "internal/outside", "internal/picture",
	"internal/words", "migrations", "proto/doorstep",
}

// labels reads what stands on labels: one parser for phones and the office.
const labels = "clientgen/golang/codes"

func within(p string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return p == f || strings.HasPrefix(p, f+"/") })
}

// room is the first folder below server/, "" for what is elsewhere.
func room(p string) string {
	rest, ok := strings.CutPrefix(p, "server/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

// mayImport is the direction of imports: main → app → rooms, rpc → sync/* → sync/change → sync/fault.
func mayImport(from, to string) bool {
	switch {
	case within(from, "sync/fault"):
		return false
	case within(to, "sync/fault"):
		return true
	case within(from, labels):
		return within(to, labels)
	case within(to, labels):
		return !within(from, "sync")
	case within(to, "server/app"):
		return from == "server" || within(from, wiring...) || within(from, "internal")
	case from == "server", within(from, wiring...):
		return true
	case within(from, "sync/change"):
		return within(to, "sync/change")
	case within(from, "sync"):
		// The engine knows no trade: of all generated code only its own protocol.
		return within(to, "sync", "proto/doorstep/sync", "migrations")
	case within(from, "server/local"):
		return within(to, "server/local")
	case within(from, vocabulary...):
		return within(to, vocabulary...) || within(to, foundations...) || within(to, "sync/change")
	case within(to, "clientgen"):
		// The terminal's phone, the phones of a load and those of the benchmarks are clients: they stand on the Go client.
		return within(from, "clientgen", "server/phone", "server/load", "internal/bench")
	case within(from, "clientgen"):
		return within(to, foundations...) || within(to, "sync/change")
	case room(from) != "":
		return room(from) == room(to) || within(to, vocabulary...) || within(to, foundations...) ||
			within(to, "sync") || within(to, "server/rpc", "server/job")
	}
	return true
}

func TestImportsGoDownwards(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test || s.generated {
			continue
		}
		for _, to := range s.imports {
			if !mayImport(s.dir, to) {
				t.Errorf("%s imports %s: against the direction of docs/ARCHITECTURE.md", s.path, to)
			}
		}
	}
}

// alike are packages that share a name with one of the standard library's, with the reason why they may.
var alike = map[string]string{
	"main":     "commands",
	"template": "the trade's own word; the design names the room so",
	"rpc":      "the design names the border so; net/rpc is frozen and not used here",
	"parse":    "it parses what shops write; text/template/parse is for template engines",
	"synctest": "the design names the engine's test suite so",
	"draw":     "codes are drawn there; image/draw is not used beside it",
}

func TestNoPackageIsNamedLikeTheStandardLibrarys(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "std").Output()
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	for p := range strings.FieldsSeq(string(out)) {
		// What lies deep, what nobody can import, and the compiler's own packages shadow nothing.
		if !strings.Contains(p, "internal") && strings.Count(p, "/") < 2 && !strings.HasPrefix(p, "vendor/") &&
			!within(p, "go", "debug") {
			taken[path.Base(p)] = p
		}
	}
	for _, s := range sources(t) {
		name := strings.TrimSuffix(s.name, "_test")
		if std, ok := taken[name]; ok && alike[name] == "" {
			t.Errorf("%s: package %s is named like %s", s.path, name, std)
		}
		if within(s.dir, "sync") && s.dir == "sync" {
			t.Errorf("%s: no Go file lies directly in sync/", s.path)
		}
		if slices.Contains([]string{"utils", "util", "common", "helpers", "manager", "misc"}, name) {
			t.Errorf("%s: package %s says nothing about what is in it", s.path, name)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test && !s.generated {
			said[s.dir] = said[s.dir] || s.doc
		}
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	const limit = 600
	for _, s := range sources(t) {
		if !s.generated && s.lines > limit {
			t.Errorf("%s has %d lines, more than %d: it holds more than one idea", s.path, s.lines, limit)
		}
	}
}
