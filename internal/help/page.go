package help

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/doorstep-dev/doorstep/internal/words"
)

const (
	// widest and usual are how many columns help takes: at most, and where no terminal tells its width.
	widest, usual = 100, 80
	// gap is the space between a flag and what is said of it.
	gap = 4
)

// headings are help's own words, by language.
var headings = map[string]struct{ usage, arguments, flags, commands, more, command, options string }{
	English: {
		"Usage: ", "Arguments:", "Flags:", "Commands:",
		`Run "%s <command> --help" for more information on a command.`, "<command>", "[flags]",
	},
	Chinese: {"用法：", "参数：", "选项：", "命令：", "输入“%s <命令> --help”查看某个命令的用法。", "<命令>", "[选项]"},
}

// printer prints help in a language. It stands in for kong's own printer, which has English headings and breaks lines
// only at blanks, where Chinese has none.
func printer(lang string) kong.HelpPrinter {
	return func(_ kong.HelpOptions, k *kong.Context) error {
		p := page{lang: lang, width: width(k.Stdout)}
		node := k.Selected()
		if node == nil {
			node = k.Model.Node
		}
		p.print(k.Model, node)
		_, err := io.WriteString(k.Stdout, p.text.String())
		return err
	}
}

func width(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return min(w, widest)
		}
	}
	return usual
}

// page is a page of help while it is written.
type page struct {
	lang  string
	width int
	text  strings.Builder
}

func (p *page) line(s string) { p.text.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *page) print(app *kong.Application, n *kong.Node) {
	says := headings[p.lang]
	summary := strings.NewReplacer("<command>", says.command, "[flags]", says.options).Replace(n.Summary())
	p.line(strings.TrimRight(says.usage+strings.TrimSpace(app.Name+" "+strings.TrimSpace(summary)), " "))
	for _, text := range []string{n.Help, n.Detail} {
		if text != "" {
			p.line("")
			p.paragraphs(text)
		}
	}
	if len(n.Positional) > 0 {
		p.line("")
		p.line(says.arguments)
		var rows [][2]string
		for _, v := range n.Positional {
			rows = append(rows, [2]string{v.Summary(), p.of(v)})
		}
		p.rows(rows)
	}
	p.flags(n)
	commands := n.Leaves(true)
	p.commands(commands)
	if n == app.Node && len(commands) > 0 && app.Name != "" {
		p.line("")
		p.line(fmt.Sprintf(says.more, app.Name))
	}
}

// paragraphs prints a text. Lines that are indented are shown as they are: they can be typed.
func (p *page) paragraphs(text string) {
	var open []string
	flush := func() {
		for _, l := range words.Wrap(strings.Join(open, p.blank()), p.width) {
			p.line(l)
		}
		open = nil
	}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "  "):
			flush()
			p.line("  " + line)
		case line == "":
			flush()
			p.line("")
		default:
			open = append(open, line)
		}
	}
	flush()
}

// blank is what stands between two lines of one paragraph that are joined.
func (p *page) blank() string {
	if p.lang == Chinese {
		return ""
	}
	return " "
}

// of is what is said of a flag or an argument, with the variable of the environment that also gives it.
func (p *page) of(v *kong.Value) string {
	if len(v.Tag.Envs) == 0 {
		return v.Help
	}
	envs := "$" + strings.Join(v.Tag.Envs, ", $")
	for _, stop := range []string{".", "。"} {
		if help, ok := strings.CutSuffix(v.Help, stop); ok && p.lang == Chinese {
			return help + "（" + envs + "）" + stop
		} else if ok {
			return help + " (" + envs + ")" + stop
		}
	}
	return strings.TrimSpace(v.Help + " (" + envs + ")")
}

// grouped are rows below one title.
type grouped struct {
	title string
	rows  [][2]string
}

// add puts a row below its title, which is the last one when it is new.
func add(groups []grouped, title string, row [2]string) []grouped {
	for i := range groups {
		if groups[i].title == title {
			groups[i].rows = append(groups[i].rows, row)
			return groups
		}
	}
	return append(groups, grouped{title, [][2]string{row}})
}

// rows is how many rows stand below a title.
func rows(groups []grouped, title string) int {
	for _, g := range groups {
		if g.title == title {
			return len(g.rows)
		}
	}
	return 0
}

func (p *page) flags(n *kong.Node) {
	levels, short := n.AllFlags(true), map[string]bool{}
	for _, level := range levels {
		for _, f := range level {
			short[p.title(f)] = short[p.title(f)] || f.Short != 0
		}
	}
	groups := []grouped{{title: headings[p.lang].flags}}
	for _, level := range levels {
		begun := map[string]bool{}
		for _, f := range level {
			title := p.title(f)
			if !begun[title] && rows(groups, title) > 0 {
				groups = add(groups, title, [2]string{}) // between the flags of a command and those of the ones above it
			}
			begun[title] = true
			groups = add(groups, title, [2]string{flag(f, short[title]), p.of(f.Value)})
		}
	}
	p.groups(groups)
}

// title is what a flag stands below.
func (p *page) title(f *kong.Flag) string {
	if f.Group != nil {
		return f.Group.Title
	}
	return headings[p.lang].flags
}

// flag shows how a flag is typed; short: some flag of its group has a short form.
func flag(f *kong.Flag, short bool) string {
	out := "--" + f.Name
	switch {
	case f.Short != 0:
		out = "-" + string(f.Short) + ", " + out
	case short:
		out = "    " + out
	}
	if !f.IsBool() && !f.IsCounter() {
		out += "=" + f.FormatPlaceHolder()
	}
	return out
}

func (p *page) commands(all []*kong.Node) {
	groups := []grouped{{title: headings[p.lang].commands}}
	for _, c := range all {
		title := headings[p.lang].commands
		if g := c.ClosestGroup(); g != nil {
			title = g.Title
		}
		groups = add(groups, title, [2]string{c.Path(), c.Help})
	}
	p.groups(groups)
}

func (p *page) groups(all []grouped) {
	for _, g := range all {
		if len(g.rows) > 0 {
			p.line("")
			p.line(g.title)
			p.rows(g.rows)
		}
	}
}

// rows prints two columns, indented by two. A left cell that is too long has its text below it.
func (p *page) rows(rows [][2]string) {
	longest, left := max(30, (p.width-2)*3/8), 0
	for _, r := range rows {
		if c := words.Columns(r[0]); c < longest {
			left = max(left, c)
		}
	}
	below := strings.Repeat(" ", 2+left+gap)
	for _, r := range rows {
		lines := words.Wrap(r[1], p.width-len(below))
		head := "  " + words.Pad(r[0], left+gap)
		if words.Columns(r[0]) < longest && len(lines) > 0 {
			head, lines = head+lines[0], lines[1:]
		}
		p.line(head)
		for _, l := range lines {
			p.line(below + l)
		}
	}
}
