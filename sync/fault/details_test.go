package fault

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
)

func TestDetailsThatPeopleMeetAreSaidInTheirLanguage(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string]string{
		"the code ends too early":                        "码不完整",
		"T-26112300017: InProgress, OnSite":              "T-26112300017：进行中，上门已到场",
		"T-26112300017: Closed":                          "T-26112300017：已关闭",
		"step voltage: 250 is not within 198 to 242":     "步骤 voltage：250 不在 198 到 242 之间",
		"step photo: is answered by proof, not by words": "步骤 photo：需要照片或签名，不能只填文字",
		"(21) has 1 to 20 characters, not 31":            "(21) 应为 1 到 20 个字符，实为 31",
		"login li is taken":                              "账号 li 已被占用",
		"order.customer.phone":                           "order.customer.phone",
		"100%s":                                          "100%s",
		"铜管 (B-7) is in use":                             "铜管 (B-7) 已被使用",
	} {
		e := New(StateForbids, "%s", detail)
		if got := e.Public("zh"); got != StateForbids.Sentence("zh")+" ("+want+")" {
			t.Errorf("%q in Chinese: %s", detail, got)
		}
		if got := e.Public("en"); got != StateForbids.Sentence("en")+" ("+detail+")" {
			t.Errorf("%q in English: %s", detail, got)
		}
	}
}

func TestADetailOfBothLanguagesIsSaidInOne(t *testing.T) {
	t.Parallel()
	e := New(ChecklistIncomplete, "%s", Both("水压：未填写；照片：还差1张", "Pressure: not answered; Photo: 1 more needed"))
	if got := e.Public("zh"); !strings.HasSuffix(got, " (水压：未填写；照片：还差1张)") {
		t.Errorf("in Chinese: %s", got)
	}
	if got := e.Public("en"); !strings.HasSuffix(got, " (Pressure: not answered; Photo: 1 more needed)") {
		t.Errorf("in English: %s", got)
	}
}

func TestARowOfDetailsHasOneMeaning(t *testing.T) {
	t.Parallel()
	if got, want := len(chineseDetails), len(commonDetails)+len(officeDetails)+len(operatorDetails); got != want {
		t.Errorf("%d rows stand in two lists", want-got)
	}
}

// typed are what stands in Chinese as it is typed or named: fields, flags, settings, command lines, formats, products.
var (
	typed = regexp.MustCompile(`\bdoorstep( [\w-]+)*( --[\w-]+)?|--[\w-]+|[a-z]+([._][a-z]+)+|\b[A-Z][A-Z0-9_]+\b|\.[a-z]+|/01/|source: shop|technician:|` +
		`\b(id\.example\.com|make build|PostgreSQL|TrueType|protobuf|KiB|MiB|root|postgres|nobody|received|mutation|kind|sequence|payload|photo|sign)\b`)
	field   = regexp.MustCompile(`^[a-z]+(?: %s)?：|[a-z]+：`)
	foreign = regexp.MustCompile(`[A-Za-z]{3,}`)
)

func TestRowsOfDetailsAreInChinese(t *testing.T) {
	t.Parallel()
	for english, chinese := range chineseDetails {
		left := field.ReplaceAllString(typed.ReplaceAllString(verb.ReplaceAllString(chinese, ""), ""), "")
		if w := foreign.FindString(left); w != "" {
			t.Errorf("%q stands in %q, the Chinese of %q", w, chinese, english)
		}
	}
}

func TestRowsOfDetailsHaveTheSamePlacesInBothLanguages(t *testing.T) {
	t.Parallel()
	for english, chinese := range chineseDetails {
		if strings.Count(english, "%s") != strings.Count(chinese, "%s") || strings.Count(english, "%") != strings.Count(english, "%s") {
			t.Errorf("%q has other places than %q", english, chinese)
		}
	}
}

// rooms are where details are made that people may meet: all but the tests' own packages.
var rooms = []string{"clientgen/golang", "server", "sync"}

var (
	verb = regexp.MustCompile(`%[.0-9]*[a-zA-Z]`)
	word = regexp.MustCompile(`[A-Za-z]{2}`)
)

func TestEveryDetailInWordsIsInTheList(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join("../..", room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				text, ok := detailOf(n)
				if !ok || !strings.Contains(text, " ") || !word.MatchString(verb.ReplaceAllString(text, "")) {
					return true
				}
				seen++
				if _, ok := chineseDetails[verb.ReplaceAllString(text, "%s")]; !ok {
					t.Errorf("%s: %q is not in chineseDetails", path, text)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 250 {
		t.Errorf("only %d details were found", seen)
	}
}

// detailOf is the detail of a call of New or Wrap, when it is a text.
func detailOf(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	at := map[string]int{"New": 1, "Wrap": 2}[fun.Sel.Name]
	if pkg, ok := fun.X.(*ast.Ident); !ok || pkg.Name != "fault" || at == 0 || len(call.Args) <= at {
		return "", false
	}
	lit, ok := call.Args[at].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
