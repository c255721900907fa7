package command_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// typed are what stands in Chinese as it is typed or named: fields, flags, settings, command lines, formats, products.
var (
	typed = regexp.MustCompile(`\bdoorstep( [\w-]+)*( --[\w-]+)?|--[\w-]+|[a-z]+([._][a-z]+)+|\b[A-Z][A-Z0-9_]+\b|` +
		`\.[a-z]+|/01/|source: shop|technician:|` +
		`\b(id\.example\.com|make build|PostgreSQL|TrueType|protobuf|KiB|MiB|root|postgres|nobody|received|mutation)\b|` +
		`\b(kind|sequence|payload|photo|sign)\b`)
	field   = regexp.MustCompile(`^[a-z]+(?: %s)?：|[a-z]+：`)
	foreign = regexp.MustCompile(`[A-Za-z]{3,}`)
	verb    = regexp.MustCompile(`%(\[\d\])?[-+# 0-9.]*[a-zA-Z]`)
	word    = regexp.MustCompile(`[A-Za-z]{2}`)
)

func TestTranslationsOfDetailsAreInChinese(t *testing.T) {
	t.Parallel()
	for english, chinese := range fault.Translations() {
		left := field.ReplaceAllString(typed.ReplaceAllString(verb.ReplaceAllString(chinese, ""), ""), "")
		if w := foreign.FindString(left); w != "" {
			t.Errorf("%q stands in %q, the Chinese of %q", w, chinese, english)
		}
	}
}

func TestTranslationsOfDetailsHaveTheSameArguments(t *testing.T) {
	t.Parallel()
	for english, chinese := range fault.Translations() {
		places := strings.Count(english, "%s")
		if places != len(verb.FindAllString(chinese, -1)) || places != len(verb.FindAllString(english, -1)) {
			t.Errorf("%q has other arguments than %q", english, chinese)
		}
	}
}

// keys are the literals of the server, the engine and the Go client, and which of them are details in words.
func keys(t *testing.T) (all map[string]bool, details map[string]string) {
	t.Helper()
	all, details = map[string]bool{}, map[string]string{}
	for _, root := range []string{"clientgen/golang", "server", "sync"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				d.Name() == "messages.go" {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if s, ok := literal(e); ok {
						all[verb.ReplaceAllString(s, "%s")] = true
					}
				}
				if text, ok := detailOf(n); ok && strings.Contains(text, " ") &&
					word.MatchString(verb.ReplaceAllString(text, "")) {
					details[verb.ReplaceAllString(text, "%s")] = path
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all, details
}

func TestEveryDetailInWordsHasItsChinese(t *testing.T) {
	t.Parallel()
	rows := fault.Translations()
	all, details := keys(t)
	if len(details) < 200 {
		t.Errorf("only %d details were found", len(details))
	}
	for key, path := range details {
		if _, ok := rows[key]; !ok {
			t.Errorf("%s: %q has no Chinese: add it to messages.go there", path, key)
		}
	}
	for key := range rows {
		if !all[key] {
			t.Errorf("%q is said by nobody any more: take its Chinese out", key)
		}
	}
}

// formats are where the format stands among the arguments of a call that makes a detail.
var formats = map[string]int{
	"fault.New": 1, "fault.Wrap": 2, "fault.Textf": 0, "fault.Key": 0, "intake.Reject": 1, "intake.Park": 1,
	"Reject": 1, "Park": 1,
	"a.park": 2, "a.refuse": 2, "invalid": 0, "bad": 0,
}

func detailOf(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			name = x.Name + "." + f.Sel.Name
		}
	}
	at, ok := formats[name]
	if !ok || len(call.Args) <= at {
		return "", false
	}
	return literal(call.Args[at])
}

// literal is the value of a string literal, or of several that are added.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, ok := literal(e.X)
		b, ok2 := literal(e.Y)
		return a + b, ok && ok2 && e.Op == token.ADD
	}
	return "", false
}
