package archtest

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted = regexp.MustCompile("`([^`]+)`")
	goName = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*)(?:\.\w+)?$`)
	wire   = regexp.MustCompile(`^doorstep\.(\w+)\.v1\.(\w+)$`)
	tables = regexp.MustCompile("tables? (`[a-z_]+`(?:, `[a-z_]+`)*)")
)

// A glossary whose names do not exist sends people searching.
func TestTheNamesOfTheGlossaryExist(t *testing.T) {
	t.Parallel()
	var page, schema string
	protos := map[string]string{}   // by context
	packages := map[string]string{} // by the folder's last part
	walk(t, func(name string, read func() []byte) {
		switch {
		case name == "docs/GLOSSARY.md":
			page = string(read())
		case name == "migrations/schema.golden.sql":
			schema = string(read())
		case path.Ext(name) == ".proto":
			protos[path.Base(path.Dir(path.Dir(name)))] += string(read())
		case path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, ".pb.go"):
			packages[path.Base(path.Dir(name))] += string(read())
		}
	})
	checked := 0
	for _, m := range quoted.FindAllStringSubmatch(page, -1) {
		name := m[1]
		if w := wire.FindStringSubmatch(name); w != nil {
			checked++
			if !regexp.MustCompile(`(?m)^(message|service|enum) ` + w[2] + `\b`).MatchString(protos[w[1]]) {
				t.Errorf("%s is no message of proto/doorstep/%s", name, w[1])
			}
			continue
		}
		if g := goName.FindStringSubmatch(name); g != nil {
			checked++
			declared := regexp.MustCompile(`(?m)^(type|func|var|const|\t)\s*` + g[2] + `\b`)
			if !declared.MatchString(packages[g[1]]) {
				t.Errorf("%s is declared in no package %s", name, g[1])
			}
		}
	}
	for _, m := range tables.FindAllStringSubmatch(page, -1) {
		for _, table := range quoted.FindAllStringSubmatch(m[1], -1) {
			checked++
			if !strings.Contains(schema, "\n"+table[1]+".org_id ") && !strings.Contains(schema, "\n"+table[1]+".id ") &&
				!strings.Contains(schema, "\n"+table[1]+".generation ") {
				t.Errorf("the schema has no table %s", table[1])
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d names were checked", checked)
	}
}
