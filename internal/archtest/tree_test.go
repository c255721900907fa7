package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/doorstep-dev/doorstep"

// source is one Go file: its package's folder from the root, and what it says at its top.
type source struct {
	path, dir, name string
	doc             bool
	test, generated bool
	imports         []string // of this module, from the root
	lines           int
}

func root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(here)))
}

// skipped are folders that are made by building and running, or hold foreign code.
var skipped = []string{".git", ".tmp", ".doorstep", "node_modules", "dist", "target", "third_party"}

// walk calls see with each file of the tree, by its slashed path from the root.
func walk(t *testing.T, see func(name string, read func() []byte)) {
	t.Helper()
	top := root()
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skipped, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(top, p)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		see(filepath.ToSlash(rel), func() []byte {
			raw, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	walk(t, func(name string, read func() []byte) {
		if path.Ext(name) != ".go" || strings.Contains(name, "/testdata/") {
			return
		}
		raw := read()
		f, err := parser.ParseFile(token.NewFileSet(), name, raw, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		s := source{
			path: name, dir: path.Dir(name), name: f.Name.Name, doc: f.Doc != nil,
			test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(f),
			lines: strings.Count(string(raw), "\n"),
		}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Error(err)
			}
			if rest, ok := strings.CutPrefix(p, module+"/"); ok {
				s.imports = append(s.imports, rest)
			}
		}
		all = append(all, s)
	})
	return all
}
