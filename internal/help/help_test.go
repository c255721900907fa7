package help_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/doorstep-dev/doorstep/internal/help"
)

func TestTheLanguageIsWhatIsSaidClosest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{nil, nil, help.English},
		{nil, map[string]string{"LANG": "zh_CN.UTF-8"}, help.Chinese},
		{nil, map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, help.English},
		{nil, map[string]string{"LC_ALL": "en_US.UTF-8", "DOORSTEP_LANG": "zh_CN"}, help.Chinese},
		{[]string{"admin", "--lang", "zh", "--help"}, map[string]string{"DOORSTEP_LANG": "en"}, help.Chinese},
		{[]string{"--lang=en"}, map[string]string{"LANG": "zh_TW.UTF-8"}, help.English},
		{[]string{"note", "--", "--lang=en"}, map[string]string{"LANG": "zh_CN.UTF-8"}, help.Chinese},
		{nil, map[string]string{"LANG": "C"}, help.English},
	} {
		if got := help.Language(c.args, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v %v: %s, want %s", c.args, c.env, got, c.want)
		}
	}
}

// toy is a grammar with all that help shows.
type toy struct {
	Paint paint `cmd:"" help:"Paint a wall."`
	Rest  struct {
		Long struct{} `cmd:"" help:"For long."`
	} `cmd:"" help:"Rest."`
}

type paint struct {
	Wall   string `arg:"" help:"Which wall."`
	Colour string `short:"c" required:"" enum:"red,blue" placeholder:"COLOUR" help:"In which colour."`
	Coats  int    `default:"2" env:"TOY_COATS" group:"How:" help:"How many coats (${default})."`
}

func (paint) Help() string {
	return `Two coats are usual, for a
single one shows what is below.

  toy paint north --colour red`
}

var toyTexts = help.Texts{Helps: map[string]string{
	"Paint a wall.": "刷墙。", "Rest.": "休息。", "For long.": "长时间休息。", "Which wall.": "哪面墙。", "In which colour.": "颜色。",
	"How:": "方式：", "How many coats (${default}).": "刷几遍（${default}）。", "A toy.": "示例。",
}, Details: map[string]string{
	"paint": "通常刷两遍，只刷一遍会透出底色，看上去不够均匀，因此除非原来的颜色与新颜色十分接近，否则请不要只刷一遍。",
}}

type left struct{}

func says(t *testing.T, lang string, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	k, err := kong.New(&toy{}, kong.Name("toy"), kong.Description("A toy."), kong.Writers(&b, &b),
		kong.Exit(func(int) { panic(left{}) }), toyTexts.In(lang))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != nil && p != any(left{}) {
			panic(p)
		}
		out = b.String()
	}()
	_, err = k.Parse(args)
	return b.String(), err
}

func TestHelpIsInOneLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lang string
		args []string
		want string
	}{
		{"en", []string{"--help"}, `Usage: toy <command>

A toy.

Flags:
  -h, --help    Show context-sensitive help.

Commands:
  paint        Paint a wall.
  rest long    For long.

Run "toy <command> --help" for more information on a command.
`},
		{"zh", []string{"--help"}, `用法：toy <命令>

示例。

选项：
  -h, --help    显示帮助。

命令：
  paint        刷墙。
  rest long    长时间休息。

输入“toy <命令> --help”查看某个命令的用法。
`},
		{"en", []string{"paint", "--help"}, `Usage: toy paint --colour=COLOUR <wall> [flags]

Paint a wall.

Two coats are usual, for a single one shows what is below.

    toy paint north --colour red

Arguments:
  <wall>    Which wall.

Flags:
  -h, --help             Show context-sensitive help.

  -c, --colour=COLOUR    In which colour.

How:
  --coats=2    How many coats (2) ($TOY_COATS).
`},
		{"zh", []string{"paint", "--help"}, `用法：toy paint --colour=COLOUR <wall> [选项]

刷墙。

通常刷两遍，只刷一遍会透出底色，看上去不够均匀，因此除非原来的颜色与新颜色十分接
近，否则请不要只刷一遍。

    toy paint north --colour red

参数：
  <wall>    哪面墙。

选项：
  -h, --help             显示帮助。

  -c, --colour=COLOUR    颜色。

方式：
  --coats=2    刷几遍（2）（$TOY_COATS）。
`},
	} {
		if out, err := says(t, c.lang, c.args...); err != nil || out != c.want {
			t.Errorf("%s %v: %v\n%s\nwant\n%s", c.lang, c.args, err, out, c.want)
		}
	}
}

func TestMistakesAreSaidInChinese(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"pant"}, `多余的参数 pant，是否指 "paint"？`},
		{[]string{"fly"}, "多余的参数 fly"},
		{nil, `缺少以下之一："paint", "rest"`},
		{[]string{"rest"}, `缺少 "long"`},
		{[]string{"paint"}, "缺少选项：--colour=COLOUR"},
		{[]string{"paint", "--colour", "red"}, `缺少 "<wall>"`},
		{[]string{"paint", "north", "--color", "red"}, `没有选项 --color，是否指 "--colour"？`},
		{[]string{"paint", "north", "--size", "3"}, "没有选项 --size"},
		{[]string{"paint", "north", "--colour"}, "--colour：后面缺少值"},
		{[]string{"paint", "north", "--colour", "pink"}, `--colour 应为 "red","blue" 之一，而不是 "pink"`},
		{[]string{"paint", "north", "--colour", "red", "--coats", "many"}, `--coats：应为整数，而不是 "many"`},
		{[]string{"paint", "north", "south", "--colour", "red"}, "多余的参数 south"},
	} {
		_, err := says(t, "zh", c.args...)
		if err == nil {
			t.Errorf("%v is taken", c.args)
			continue
		}
		if got := help.Mistake(err, "zh"); got != c.want {
			t.Errorf("%v: %s, want %s (%v)", c.args, got, c.want, err)
		}
		if got := help.Mistake(err, "en"); got != err.Error() {
			t.Errorf("%v in English: %s", c.args, got)
		}
	}
}

// programmers are what kong says to who writes a grammar, or of types that no grammar here has.
var programmers = regexp.MustCompile(
	`no Run\(\)|no command selected|enum can only|no mapper|cannot find mapper|must be applied to|must be used with|` +
		`type:"" on map|%s\.%s|%#v|^%s$`)

// TestEverySentenceOfTheParserIsKnown reads kong's sources: a new version may say things anew.
func TestEverySentenceOfTheParserIsKnown(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/alecthomas/kong").
		Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range []string{"context.go", "mapper.go", "model.go", "scanner.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			text, ok := sentence(n)
			if !ok || programmers.MatchString(text) {
				return true
			}
			seen++
			made := filled(text)
			if got := help.Mistake(mistake(made), "zh"); got == made {
				t.Errorf("%s: %q is not known", name, text)
			}
			return true
		})
	}
	if seen < 30 {
		t.Errorf("only %d sentences were found", seen)
	}
}

type mistake string

func (m mistake) Error() string { return string(m) }

// sentence is the format of an error that a call makes.
func sentence(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	at := slices.Index([]string{"Errorf", "", "findPotentialCandidates"}, name)
	if name == "New" {
		at = 0
	}
	if at < 0 || name == "" || len(call.Args) <= at {
		return "", false
	}
	lit, ok := call.Args[at].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil && strings.Contains(text, " ")
}

// filled puts something in the places of a format.
func filled(format string) string {
	return strings.NewReplacer("%s: %w", "--x: expected 1", "--%s", "--x", "%q", `"x"`, "%s", `"x"`, "%v", `"x"`, "%w",
		"x", "%T", "x", "%d", "8", "%c", ",").
		Replace(format)
}
