package emit

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// width is the longest line; lines are broken as prettier would break them.
const width = 120

const step = "  "

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

// block writes head, what stands in the braces that it opens, and end.
func (e *emitter) block(head string, write func(), end string) {
	e.line(head)
	e.indented(write)
	e.line(end)
}

// call writes a call whose arguments are short, each on its own line when they do not fit into one; of an array that comes
// last, the elements.
func (e *emitter) call(head string, args []string, end string) {
	if one := head + "(" + strings.Join(args, ", ") + ")" + end; e.fits(one) {
		e.line(one)
		return
	}
	if last := args[len(args)-1]; strings.HasPrefix(last, "[") {
		e.listing(head+"("+strings.Join(args, ", ")+")"+end, "")
		return
	}
	e.block(head+"(", func() {
		for _, a := range args {
			e.line(a + ",")
		}
	}, ")"+end)
}

// callback writes a call whose last argument is a function with a body.
func (e *emitter) callback(head string, args []string, params string, write func(), end string) {
	last := "(" + params + ") => {"
	if one := head + "(" + strings.Join(append(slices.Clone(args), last), ", "); e.fits(one) {
		e.block(one, write, "})"+end)
		return
	}
	e.block(head+"(", func() {
		for _, a := range args {
			e.line(a + ",")
		}
		e.block(last, write, "},")
	}, ")"+end)
}

// arrow writes a call whose last argument, begun in head, is a function of one expression; with a body where that does not
// fit.
func (e *emitter) arrow(head, expression, end string) {
	if one := head + " " + expression + end; e.fits(one) {
		e.line(one)
		return
	}
	e.block(head+" {", func() { e.returns(strings.Split(expression, " && ")) }, "}"+end)
}

// function writes a function with a body.
func (e *emitter) function(head string, params []string, result string, write func()) {
	if one := head + "(" + strings.Join(params, ", ") + "): " + result + " {"; e.fits(one) {
		e.block(one, write, "}")
		return
	}
	e.line(head + "(")
	e.indented(func() {
		for _, p := range params {
			e.line(p + ",")
		}
	})
	e.block("): "+result+" {", write, "}")
}

// returns writes a return of what holds when all tests do.
func (e *emitter) returns(tests []string) {
	if one := "return " + strings.Join(tests, " && ") + ";"; e.fits(one) {
		e.line(one)
		return
	}
	if len(tests) == 1 {
		e.listing("return "+tests[0], ";")
		return
	}
	e.block("return (", func() { e.all(tests) }, ");")
}

// when writes a block under conditions, or what stands in it alone when there are none.
func (e *emitter) when(tests []string, write func()) {
	if len(tests) == 0 {
		write()
		return
	}
	if head := "if (" + strings.Join(tests, " && ") + ") {"; e.fits(head) {
		e.block(head, write, "}")
		return
	}
	e.block("if (", func() { e.all(tests) }, ") {")
	e.indented(write)
	e.line("}")
}

// all writes tests that must all hold, one a line.
func (e *emitter) all(tests []string) {
	for i, t := range tests {
		end := ""
		if i < len(tests)-1 {
			end = " &&"
		}
		e.listing(t, end)
	}
}

// listing writes a line that may hold an array, which is broken when it is too long.
func (e *emitter) listing(text, end string) {
	from, to := strings.Index(text, "["), strings.LastIndex(text, "]")
	if e.fits(text+end) || from < 0 || to < from {
		e.line(text + end)
		return
	}
	e.block(text[:from+1], func() {
		for one := range strings.SplitSeq(text[from+1:to], ", ") {
			e.line(one + ",")
		}
	}, text[to:]+end)
}

// doc writes a comment, wrapped.
func (e *emitter) doc(text string) {
	paragraphs := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "*/", "* /")), "\n")
	if one := "/** " + paragraphs[0] + " */"; len(paragraphs) == 1 && e.fits(one) {
		e.line(one)
		return
	}
	e.line("/**")
	for _, p := range paragraphs {
		line := " *"
		for word := range strings.FieldsSeq(p) {
			if !e.fits(line + " " + word) {
				e.line(line)
				line = " *"
			}
			line += " " + word
		}
		e.line(line)
	}
	e.line(" */")
}

// comment is what the proto says of a thing: one line a paragraph.
func comment(d protoreflect.Descriptor) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, strings.Join(paragraph, " "))
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			end()
			continue
		}
		paragraph = append(paragraph, line)
	}
	end()
	return strings.Join(out, "\n")
}

// text is the whole file.
func (e *emitter) text() string {
	out := &emitter{}
	out.line("// Code generated by protoc-gen-doorstep. DO NOT EDIT.")
	modules := slices.SortedFunc(maps.Keys(e.imports), func(a, b string) int {
		near := func(m string) string { return map[bool]string{false: "0", true: "1"}[strings.HasPrefix(m, ".")] + m }
		return strings.Compare(near(a), near(b))
	})
	for i, m := range modules {
		if i == 0 || strings.HasPrefix(m, ".") && !strings.HasPrefix(modules[i-1], ".") {
			out.blank()
		}
		out.importing(m, e.imports[m])
	}
	return out.body.String() + e.body.String()
}

// importing writes the import of some names from a module.
func (e *emitter) importing(module string, names map[string]bool) {
	sorted := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return strings.Compare(strings.ToLower(a)+a, strings.ToLower(b)+b)
	})
	types := true
	for _, onlyType := range names {
		types = types && onlyType
	}
	head := "import {"
	if types {
		head = "import type {"
	}
	for i, n := range sorted {
		if names[n] && !types {
			sorted[i] = "type " + n
		}
	}
	if one := head + " " + strings.Join(sorted, ", ") + " } from " + quote(module) + ";"; e.fits(one) {
		e.line(one)
		return
	}
	e.block(head, func() {
		for _, n := range sorted {
			e.line(n + ",")
		}
	}, "} from "+quote(module)+";")
}
