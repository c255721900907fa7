package emit

import (
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// width is the longest line, as .editorconfig of clientgen/kotlin says.
const width = 120

const step = "    "

func (e *emitter) blank() { e.body.WriteByte('\n') }

func (e *emitter) line(text string) {
	e.body.WriteString(strings.Repeat(step, e.depth) + text + "\n")
}

// fits tells whether a line of this text is short enough.
func (e *emitter) fits(text string) bool {
	return e.depth*len(step)+utf8.RuneCountInString(text) <= width
}

// indented writes something one indent further in.
func (e *emitter) indented(write func()) {
	e.depth++
	write()
	e.depth--
}

// block writes head, what stands in the braces that it opens, and the closing brace.
func (e *emitter) block(head string, write func()) {
	e.line(head)
	e.indented(write)
	e.line("}")
}

// when writes a block under conditions, or what stands in it alone when there are none.
func (e *emitter) when(tests []string, write func()) {
	if len(tests) == 0 {
		write()
		return
	}
	if head := "if (" + strings.Join(tests, " && ") + ") {"; e.fits(head) {
		e.block(head, write)
		return
	}
	e.line("if (" + tests[0] + " &&")
	e.indented(func() { e.all(tests[1:]) })
	e.block(") {", write)
}

// conjunction writes an expression that holds when all tests do.
func (e *emitter) conjunction(tests []string) {
	if one := strings.Join(tests, " && "); e.fits(one) || len(tests) == 1 {
		e.listing(one)
		return
	}
	e.listing(tests[0] + " &&")
	e.indented(func() { e.all(tests[1:]) })
}

// all writes tests that must all hold, one a line.
func (e *emitter) all(tests []string) {
	for i, t := range tests {
		if i < len(tests)-1 {
			t += " &&"
		}
		e.listing(t)
	}
}

// listing writes a line that may hold a list in parentheses, which is broken when it is too long.
func (e *emitter) listing(text string) {
	open, end := strings.Index(text, "setOf("), strings.LastIndex(text, ")")
	if e.fits(text) || open < 0 || end < open {
		e.line(text)
		return
	}
	open += len("setOf(")
	e.line(text[:open])
	e.indented(func() {
		for one := range strings.SplitSeq(text[open:end], ", ") {
			e.line(one + ",")
		}
	})
	e.line(text[end:])
}

// function writes a function of one expression.
func (e *emitter) function(head string, params []string, result, expression string) {
	signature := e.signature(head, params) + ": " + result + " ="
	if one := signature + " " + expression; e.fits(one) {
		e.line(one)
		return
	}
	e.line(signature)
	e.indented(func() { e.chain(expression) })
}

// signature is head with its parameters in parentheses. Where they need a line each, it is written up to the last
// line, which is returned.
func (e *emitter) signature(head string, params []string) string {
	if one := head + "(" + strings.Join(params, ", ") + ")"; e.fits(one) {
		return one
	}
	e.line(head + "(")
	e.indented(func() {
		for _, p := range params {
			e.line(p + ",")
		}
	})
	return ")"
}

// chain writes an expression, each call on a line of its own when it is too long.
func (e *emitter) chain(expression string) {
	if e.fits(expression) {
		e.line(expression)
		return
	}
	calls := calls(expression)
	e.line(calls[0])
	e.indented(func() {
		for _, c := range calls[1:] {
			e.line(c)
		}
	})
}

// calls splits a.b().c() into a, .b() and .c(), outside of parentheses and braces.
func calls(expression string) (out []string) {
	depth, from := 0, 0
	for i, r := range expression {
		switch r {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		case '.':
			if depth == 0 && i > from {
				out = append(out, expression[from:i])
				from = i
			}
		}
	}
	return append(out, expression[from:])
}

// doc writes KDoc. An empty line parts paragraphs; lines that begin with a dash stay on their own.
func (e *emitter) doc(text string) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "*/", "*&#47;")
	if one := "/** " + text + " */"; !strings.Contains(text, "\n") && e.fits(one) {
		e.line(one)
		return
	}
	e.line("/**")
	for _, l := range wrap(text, width-e.depth*len(step)-len(" * ")) {
		e.line(strings.TrimRight(" * "+l, " "))
	}
	e.line(" */")
}

// wrap fills lines of at most so many characters.
func wrap(text string, most int) (out []string) {
	now := ""
	flush := func() {
		if now != "" {
			out = append(out, now)
		}
		now = ""
	}
	for l := range strings.SplitSeq(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "- ") {
			flush()
		}
		if l == "" {
			out = append(out, "")
		}
		for w := range strings.FieldsSeq(l) {
			switch next := now + " " + w; {
			case now == "":
				now = w
			case utf8.RuneCountInString(next) <= most:
				now = next
			default:
				flush()
				now = w
			}
		}
	}
	flush()
	return out
}

// comment is what the proto says of something, lines as they are.
func comment(d protoreflect.Descriptor) string {
	var lines []string
	for l := range strings.SplitSeq(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments, "\n") {
		lines = append(lines, strings.TrimSpace(l))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// text is the whole file.
func (e *emitter) text() string {
	var out strings.Builder
	out.WriteString("// Code generated by protoc-gen-doorstep. DO NOT EDIT.\n\npackage " + e.pkg + "\n\n")
	var lines []string
	for as, full := range e.imports {
		if !strings.HasSuffix(full, "."+as) {
			full += " as " + as
		}
		lines = append(lines, "import "+full+"\n")
	}
	slices.Sort(lines)
	out.WriteString(strings.Join(lines, ""))
	out.WriteString(e.body.String())
	return out.String()
}
