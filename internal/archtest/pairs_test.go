package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// speakers are the packages that say things to people in two languages, side by side: say(zh, en) and the like.
var speakers = []string{
	"server/phone", "server/command", "server/order", "server/code", "server/local", "server/demo",
	"server/ticket", "server/pay", "server/proof",
}

var (
	han   = regexp.MustCompile(`\p{Han}`)
	verbs = regexp.MustCompile(`%(?:\[\d+\])?[-+ #0]*(?:\d+|\*)?(?:\.\d+)?[a-zA-Z%]`)
	latin = regexp.MustCompile(`[A-Za-z]{3,}`)
	// asTyped is what stands in Chinese as it is typed, or as it is named everywhere.
	asTyped = regexp.MustCompile(
		`https?://\S+|(\bdoorstep|%(\[\d+\])?s(/[\w-]+)?)( [\w./-]+)*|\w+_\w+|admin restored|\b[A-Z][A-Z0-9_-]+\b|--[\w-]+|[\w-]+(\.[a-z]+)+|PostgreSQL|\bCtrl-C\b|\bmake clean\b|` +
			`\b(curl|root)\b|\b(today|unsent|enrol|export|help|exit|online|sign|photo|acknowledge|scan|ticket|all|let-go|demo|boss|dispatch|super|finance|dealer|clerk)\b|docs/\S+`)
)

// pair is a text in two languages as it stands in a call.
type pair struct{ chinese, english string }

// pairs are the neighbouring texts among a call's arguments of which one is Chinese.
func pairs(call *ast.CallExpr) []pair {
	var out []pair
	for i := 0; i+1 < len(call.Args); i++ {
		a, okA := text(call.Args[i])
		b, okB := text(call.Args[i+1])
		switch {
		case !okA || !okB || han.MatchString(a) == han.MatchString(b):
		case han.MatchString(a):
			out = append(out, pair{a, b})
		default:
			out = append(out, pair{b, a})
		}
	}
	return out
}

// twice tells whether a call that says something says it in Chinese in both of its languages.
func twice(call *ast.CallExpr) bool {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	if !slices.Contains([]string{"say", "note", "now", "pick", "Say", "sayLater"}, name) {
		return false
	}
	for i := 0; i+1 < len(call.Args); i++ {
		a, okA := text(call.Args[i])
		b, okB := text(call.Args[i+1])
		if okA && okB && a != b && han.MatchString(a) && han.MatchString(b) {
			return true
		}
	}
	return false
}

// text is a text, also one that is painted.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && (han.MatchString(s) || latin.MatchString(s))
	case *ast.BinaryExpr:
		a, okA := text(e.X)
		b, okB := text(e.Y)
		return a + b, okA || okB
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "paint" && len(e.Args) == 2 {
			return text(e.Args[1])
		}
	}
	return "", false
}

// places are the kinds of the places of a format, in the order of what is put in.
func places(format string) []string {
	found := verbs.FindAllString(format, -1)
	found = slices.DeleteFunc(found, func(v string) bool { return strings.HasSuffix(v, "%") })
	for i, v := range found {
		if strings.Contains(v, "[") {
			found[i] = v[strings.Index(v, "["):strings.Index(v, "]")+1] + v[len(v)-1:]
		} else {
			found[i] = "[" + strconv.Itoa(i+1) + "]" + v[len(v)-1:]
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestWhatIsSaidInTwoLanguagesSaysTheSameInEach(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, dir := range speakers {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if twice(call) {
					t.Errorf("%s: Chinese in both languages", set.Position(call.Pos()))
				}
				for _, p := range pairs(call) {
					seen++
					at := set.Position(call.Pos())
					if !slices.Equal(places(p.chinese), places(p.english)) {
						t.Errorf("%s: %q has other places than %q", at, p.chinese, p.english)
					}
					if w := latin.FindString(verbs.ReplaceAllString(asTyped.ReplaceAllString(p.chinese, " "), " ")); w != "" {
						t.Errorf("%s: %q stands in %q", at, w, p.chinese)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 200 {
		t.Errorf("only %d pairs were found", seen)
	}
}
