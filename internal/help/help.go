// Package help says the help of command lines in Chinese. The texts in the grammar's tags are English; tables give the
// Chinese, and a test of each command line finds what they lack.
package help

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// Texts are the Chinese texts of a command line.
type Texts struct {
	// Helps are one-line helps of commands, flags and arguments, and titles of groups, by their English.
	Helps map[string]string
	// Details are the longer texts of commands by their path, as "admin why". Examples, lines that are indented, follow
	// from the English where a text has none of its own.
	Details map[string]string
}

// common are the texts that every command line has.
var common = map[string]string{
	"Show context-sensitive help.": "显示帮助。",
	"Flags:":                       "选项：",
	"Commands:":                    "命令：",
}

// Chinese makes a parser print its help in Chinese.
func (t Texts) Chinese() kong.Option {
	return options{
		kong.PostBuild(func(k *kong.Kong) error {
			walk(k.Model.Node, "", t.translate)
			return nil
		}),
		kong.Help(printed),
	}
}

type options []kong.Option

// Apply implements kong.Option.
func (o options) Apply(k *kong.Kong) error {
	for _, one := range o {
		if err := one.Apply(k); err != nil {
			return err
		}
	}
	return nil
}

// text is a place where a help stands: the help itself, or a command's details under its path.
type text struct {
	path    string // of details, else empty
	english *string
}

// walk visits all texts that help shows.
func walk(n *kong.Node, path string, visit func(text)) {
	if n.Hidden {
		return
	}
	visit(text{english: &n.Help})
	visit(text{path: path, english: &n.Detail})
	if n.Group != nil {
		visit(text{english: &n.Group.Title})
	}
	for _, f := range n.Flags {
		if f.Hidden {
			continue
		}
		visit(text{english: &f.Help})
		if f.Group != nil {
			visit(text{english: &f.Group.Title})
		}
	}
	for _, p := range n.Positional {
		visit(text{english: &p.Help})
	}
	for _, child := range n.Children {
		walk(child, strings.TrimSpace(path+" "+child.Name), visit)
	}
}

func (t Texts) translate(one text) {
	if chinese, ok := t.of(one); ok {
		*one.english = chinese
	}
}

// of is the Chinese for a text. A text of examples alone is its own.
func (t Texts) of(one text) (string, bool) {
	english := *one.english
	examples := indented(english)
	switch {
	case english == "" || examples == strings.TrimRight(english, "\n"):
		return english, true
	case one.path == "":
		chinese, ok := t.Helps[english]
		if !ok {
			chinese, ok = common[english]
		}
		return chinese, ok
	}
	chinese, ok := t.Details[one.path]
	if ok && examples != "" && indented(chinese) == "" {
		chinese += "\n\n" + examples
	}
	return chinese, ok
}

// indented are the lines of a text that are indented, and the empty ones between them.
func indented(s string) string {
	var out []string
	for _, line := range strings.Split(s, "\n") {
		if strings.HasPrefix(line, "  ") || line == "" && len(out) > 0 {
			out = append(out, line)
		}
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// Missing are the texts of a parser that have no Chinese. The parser's help must be in English.
func (t Texts) Missing(k *kong.Kong) (out []string) {
	walk(k.Model.Node, "", func(one text) {
		if _, ok := t.of(one); !ok {
			out = append(out, strings.TrimSpace(one.path+" "+*one.english))
		}
	})
	return out
}

// Unused are texts that no command shows any more.
func (t Texts) Unused(k *kong.Kong) (out []string) {
	shown := map[string]bool{}
	walk(k.Model.Node, "", func(one text) { shown[one.path+"\x00"+*one.english], shown[one.path] = true, true })
	for english := range t.Helps {
		if !shown["\x00"+english] {
			out = append(out, english)
		}
	}
	for path := range t.Details {
		if !shown[path] {
			out = append(out, path)
		}
	}
	return out
}

// fixed are the words that kong itself writes.
var fixed = []struct {
	english *regexp.Regexp
	chinese string
}{
	{regexp.MustCompile(`(?m)^Usage: `), "用法："},
	{regexp.MustCompile(`(?m)^Arguments:$`), "参数："},
	{regexp.MustCompile(`(?m)^Flags:$`), "选项："},
	{regexp.MustCompile(`(?m)^Commands:$`), "命令："},
	{regexp.MustCompile(`(?m)^Run "(.*)" for more information on a command\.$`), "输入“$1”查看某个命令的用法。"},
}

// printed prints help by kong's printer, with its own words in Chinese.
func printed(o kong.HelpOptions, ctx *kong.Context) error {
	out := ctx.Stdout
	var b bytes.Buffer
	ctx.Stdout = &b
	err := kong.DefaultHelpPrinter(o, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	text := b.String()
	for _, f := range fixed {
		text = f.english.ReplaceAllString(text, f.chinese)
	}
	_, err = out.Write([]byte(text))
	return err
}

// wrong are the sentences of kong about what cannot be typed.
var wrong = []struct {
	english *regexp.Regexp
	chinese string
}{
	{regexp.MustCompile(`^unknown flag (\S+), did you mean (?:one of )?(.*)\?$`), "没有选项 $1，是否指 $2"},
	{regexp.MustCompile(`^unknown flag (\S+)$`), "没有选项 $1"},
	{regexp.MustCompile(`^unexpected argument (.*), did you mean (?:one of )?(.*)\?$`), "多余的参数 $1，是否指 $2"},
	{regexp.MustCompile(`^unexpected argument (.*)$`), "多余的参数 $1"},
	{regexp.MustCompile(`^missing flags: (.*)$`), "缺少选项：$1"},
	{regexp.MustCompile(`^expected one of (.*)$`), "请输入以下命令之一：$1"},
	{regexp.MustCompile(`^expected (.*)$`), "缺少参数：$1"},
	{regexp.MustCompile(`^(.*) must be one of (.*) but got (.*)$`), "$1 只能是 $2，不能是 $3"},
	{regexp.MustCompile(`^(\S+): expected (.*)$`), "$1：应为 $2"},
}

// Wrong says in Chinese what cannot be typed, or gives a sentence back as it is.
func Wrong(english string) string {
	for _, w := range wrong {
		if w.english.MatchString(english) {
			return w.english.ReplaceAllString(english, w.chinese)
		}
	}
	return english
}
