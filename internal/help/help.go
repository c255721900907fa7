// Package help is what a command line says of itself: its help, and what is wrong with what was typed, in English or
// Chinese. The texts in the grammar's tags are English; tables give the Chinese, and a test of each command line finds
// what they lack.
package help

import (
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
	"zh or en; else what DOORSTEP_LANG, LC_ALL, LC_MESSAGES or LANG says.": "zh 或 en；不填则依次看 " +
		"DOORSTEP_LANG、LC_ALL、LC_MESSAGES、LANG。",
}

// English and Chinese are the languages that a command line speaks.
const (
	English = "en"
	Chinese = "zh"
)

// Language is English or Chinese: what --lang among the arguments says, else the first that is set of DOORSTEP_LANG,
// LC_ALL, LC_MESSAGES and LANG. It is read before anything is parsed, for help and mistakes are said in it, too. What
// does not begin with zh is English.
func Language(args []string, getenv func(string) string) string {
	said := ""
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--lang="); ok {
			said = value
		}
		if arg == "--lang" && i+1 < len(args) {
			said = args[i+1]
		}
	}
	for _, v := range []string{said, getenv("DOORSTEP_LANG"), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG")} {
		if strings.HasPrefix(strings.ToLower(v), Chinese) {
			return Chinese
		}
		if v != "" {
			return English
		}
	}
	return English
}

// In makes a parser print its help in a language. It stands behind kong.Description, which it translates too.
func (t Texts) In(lang string) kong.Option {
	return options{
		kong.PostBuild(func(k *kong.Kong) error {
			if lang == Chinese {
				walk(k.Model.Node, "", t.translate)
			}
			return nil
		}),
		kong.Help(printer(lang)),
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
	if chinese, ok := t.Details[one.path]; ok && one.path != "" {
		if examples != "" && indented(chinese) == "" {
			chinese += "\n\n" + examples
		}
		return chinese, true
	}
	if english == "" || examples == strings.TrimRight(english, "\n") {
		return english, true
	}
	if chinese, ok := common[english]; ok && one.path == "" {
		return chinese, true
	}
	chinese, ok := t.Helps[english]
	return chinese, ok && one.path == ""
}

// indented are the lines of a text that are indented, and the empty ones between them.
func indented(s string) string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		if strings.HasPrefix(line, "  ") || line == "" && len(out) > 0 {
			out = append(out, line)
		}
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}
