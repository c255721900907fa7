package help

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Check lists what is wrong with the Chinese of a parser, whose help must be in English: texts that have none, Chinese
// texts that no command shows any more, lines to type that differ between the languages, and English words of three
// letters or more in Chinese texts. What is typed as it is in any language may stand there: flags, paths, command
// lines, names in capitals, names of commands, what flags may be; and the names given.
func (t Texts) Check(k *kong.Kong, names ...string) []string {
	var out []string
	shown := map[string]bool{}
	names = append(slices.Clone(names), typedNames(k.Model.Node)...)
	walk(k.Model.Node, "", func(one text) {
		shown[one.path+"\x00"+*one.english], shown[one.path] = true, true
		chinese, ok := t.of(one)
		if !ok || one.path != "" && remarked(*one.english) && t.Details[one.path] == "" {
			out = append(out, fmt.Sprintf("%s %q has no Chinese", one.path, *one.english))
			return
		}
		for _, p := range place.FindAllString(*one.english, -1) {
			if !strings.Contains(chinese, p) {
				out = append(out, fmt.Sprintf("%q lacks %s", chinese, p))
			}
		}
		if one.path != "" && !slices.Equal(lines(*one.english), lines(chinese)) {
			out = append(out, fmt.Sprintf("%s: %q are not the English lines to type", one.path, lines(chinese)))
		}
		for _, w := range foreign(chinese, names) {
			out = append(out, fmt.Sprintf("%q stands in the Chinese %q", w, chinese))
		}
	})
	for english := range t.Helps {
		if !shown["\x00"+english] {
			out = append(out, fmt.Sprintf("%q is shown nowhere", english))
		}
	}
	for path := range t.Details {
		if !shown[path] {
			out = append(out, fmt.Sprintf("%s says nothing at length in English", path))
		}
	}
	return out
}

// typedNames are the names of commands and what flags and arguments may be.
func typedNames(n *kong.Node) []string {
	out := []string{n.Name}
	for _, v := range n.Values() {
		out = append(out, v.EnumSlice()...)
	}
	for _, c := range n.Children {
		out = append(out, typedNames(c)...)
	}
	return out
}

var (
	place = regexp.MustCompile(`\$\{\w+\}`)
	// typed is what stays as it is in any language: variables, flags, links, paths, names in capitals, command lines.
	typed = regexp.MustCompile(`\$\{\w+\}|\B--?[a-z][\w-]*(=\S+)?|https?://\S*|Ctrl-C|make clean|kill -9|` +
		`\bdoorstep( [\w./<>-]+)*|[\w.-]*[./:_][\w./:_-]+|\b[A-Z][A-Z0-9_]+\b`)
	// logged is what a log says, in quotation marks.
	logged = regexp.MustCompile(`"[^"]+"|“[^”]+”`)
	remark = regexp.MustCompile(` {3,}\S.*$`)
	word   = regexp.MustCompile(`[A-Za-z]+(?:-[A-Za-z]+)*`)
)

// foreign are the English words of a Chinese text.
func foreign(text string, names []string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			line = strings.TrimPrefix(strings.TrimSpace(line), command(line))
		}
		line = logged.ReplaceAllString(typed.ReplaceAllString(line, " "), " ")
		for _, w := range word.FindAllString(line, -1) {
			if len(w) >= 3 && !slices.Contains(names, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// lines are the lines to type of a text, without what is said behind them.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			out = append(out, command(line))
		}
	}
	return out
}

func command(line string) string { return remark.ReplaceAllString(strings.TrimSpace(line), "") }

// remarked tells whether something is said behind a line to type.
func remarked(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") && remark.MatchString(strings.TrimSpace(line)) {
			return true
		}
	}
	return false
}
