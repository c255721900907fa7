package emit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// effects writes what a mutation shows at once.
func (e *emitter) effects(m *model.Mutation) {
	var paths []model.Path
	timed := false
	for i := range m.Effects {
		paths = append(paths, m.Effects[i].Paths()...)
		timed = timed ||
			slices.ContainsFunc(m.Effects[i].Assignments(), func(a model.Assignment) bool { return a.DeviceTime })
	}
	params := unused("view", model.Hops(paths)) + ", args, " + unused("at", timed) + ", draft"
	e.callback(fmt.Sprintf("const %sEffect = %s.effectBy", name(m), name(m)), nil, params, func() {
		s := e.reads(paths)
		for i := range m.Effects {
			e.effect(s, &m.Effects[i])
		}
	}, ";")
}

// effect writes the change of one entity.
func (e *emitter) effect(s reading, f *model.Effect) {
	e.when(append(s.held(f.Paths()), e.conditions(s, f.When)...), func() {
		table := e.table(f.Target)
		switch {
		case f.Delete:
			e.line(table + ".delete(draft, " + s.value(f.On) + ");")
		case len(f.On) == 0:
			e.callback(table+".create", []string{"draft", s.value(f.Key)}, "next", func() { e.change(s, f) }, ";")
		case len(f.Set)+len(f.Add)+len(f.Append)+len(f.Remove) == 0:
			e.line(table + ".edit(draft, " + s.value(f.On) + ");")
		default:
			e.callback(table+".edit", []string{"draft", s.value(f.On)}, "next", func() { e.change(s, f) }, ";")
		}
	})
}

func (e *emitter) change(s reading, f *model.Effect) {
	w := &writing{emitter: e, made: map[string]bool{}, fresh: len(f.On) == 0}
	w.copies("next", f.Copy)
	w.assign(s, "next", f.Set, false)
	w.assign(s, "next", f.Add, true)
	for _, r := range f.Remove {
		e.remove(s, r)
	}
	for i, a := range f.Append {
		element := "element"
		if i > 0 {
			element += fmt.Sprint(i + 1)
		}
		e.append(s, a, element)
	}
}

// writing is the change of one message.
type writing struct {
	*emitter
	// made are the messages within it that are there by now.
	made map[string]bool
	// fresh: nothing was in it before.
	fresh bool
	// given are the fields that have a value by now.
	given []protoreflect.FieldDescriptor
}

// copies takes over what the arguments and the target have alike, where it is there.
func (w *writing) copies(target string, cs []model.Copy) {
	for _, c := range cs {
		w.given = append(w.given, c.To)
		from, maybe := follow("args", false, model.Path{{Field: c.From}})
		switch o := choice(c.From); {
		case c.From.IsList():
			w.line(fmt.Sprintf("%s.%s = [...%s];", target, fieldName(c.To), from))
		case o != nil:
			of := "args." + oneofName(o)
			w.line(fmt.Sprintf("if (%s.case === %q) %s",
				of, fieldName(c.From), w.give(target, c.To, w.cloned(c.From, of+".value"))))
		case maybe:
			w.line(fmt.Sprintf("if (%s !== undefined) %s", from, w.give(target, c.To, w.cloned(c.From, from))))
		default:
			w.line(w.give(target, c.To, from))
		}
	}
}

// cloned keeps what is changed later apart from the arguments, for messages.
func (w *writing) cloned(f protoreflect.FieldDescriptor, value string) string {
	if f.Message() == nil {
		return value
	}
	return w.use(protobuf, "clone") + "(" + w.schema(f.Message()) + ", " + value + ")"
}

// give is the statement that writes one value to a field.
func (w *writing) give(target string, f protoreflect.FieldDescriptor, value string) string {
	if o := choice(f); o != nil {
		return fmt.Sprintf("%s.%s = { case: %q, value: %s };", target, oneofName(o), fieldName(f), value)
	}
	return target + "." + fieldName(f) + " = " + value + ";"
}

// assign gives fields their values, or adds them.
func (w *writing) assign(s reading, target string, as []model.Assignment, add bool) {
	for _, a := range as {
		at, end := target, a.To.End()
		for _, step := range a.To[:len(a.To)-1] {
			if choice(step.Field) != nil {
				w.fail("%s: lang=ts cannot set a field within a oneof", a.To)
				return
			}
			at += "." + fieldName(step.Field)
			if !w.made[at] {
				w.made[at] = true
				w.line(at + " ??= " + w.use(protobuf, "create") + "(" + w.schema(step.Field.Message()) + ");")
			}
		}
		if len(a.From) > 0 && a.From.End().Message() != nil {
			w.message(s, at, a)
			continue
		}
		value := w.worth(s, a)
		switch now, maybe := follow(at, false, model.Path{{Field: end}}); {
		case add && !maybe:
			w.line(now + " += " + value + ";")
			continue
		case add:
			value = w.whole(now, maybe, end) + " + " + value
		}
		w.statement(w.give(at, end, value))
	}
}

// message takes a message over; one that is not there leaves the field empty.
func (w *writing) message(s reading, at string, a model.Assignment) {
	from, end := s.value(a.From), a.To.End()
	w.line(fmt.Sprintf("if (%s !== undefined) %s", from, w.give(at, end, w.cloned(a.From.End(), from))))
	if w.fresh && len(a.To) == 1 && !slices.Contains(w.given, end) {
		w.given = append(w.given, end)
		return
	}
	if o := choice(end); o != nil {
		of := at + "." + oneofName(o)
		w.line(fmt.Sprintf("else if (%s.case === %q) %s = { case: undefined };", of, fieldName(end), of))
		return
	}
	w.line("else delete " + at + "." + fieldName(end) + ";")
}

// worth is the value of an assignment that is no message.
func (w *writing) worth(s reading, a model.Assignment) string {
	switch {
	case a.DeviceTime:
		return w.use(wkt, "timestampFromDate") + "(at)"
	case a.Literal != nil:
		return w.literal(*a.Literal)
	}
	return bare(s.value(a.From))
}

// statement writes an assignment, after its = where it is too long.
func (w *writing) statement(text string) {
	left, right, ok := strings.Cut(text, " = ")
	if !ok || w.fits(text) {
		w.line(text)
		return
	}
	w.line(left + " =")
	w.indented(func() { w.line(right) })
}

// bare is an expression that stands alone: without the parentheses around a default.
func bare(text string) string {
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") && strings.Contains(text, " ?? ") &&
		!strings.ContainsAny(text[1:len(text)-1], "()") {
		return text[1 : len(text)-1]
	}
	return text
}

func (e *emitter) append(s reading, a model.Append, element string) {
	list := "next." + fieldName(a.Field)
	if a.Field.Message() == nil {
		e.line(list + ".push(" + bare(s.value(a.From)) + ");")
		return
	}
	e.line("const " + element + " = " + e.use(protobuf, "create") + "(" + e.schema(a.Field.Message()) + ");")
	w := &writing{emitter: e, made: map[string]bool{}, fresh: true}
	w.copies(element, a.Copy)
	w.assign(s, element, a.Set, false)
	if a.ReplaceBy != nil {
		by := model.Path{{Field: a.ReplaceBy}}
		e.keep(list, a.ReplaceBy, e.read("o", by), e.read(element, by))
	}
	e.line(list + ".push(" + element + ");")
}

func (e *emitter) remove(s reading, r model.Remove) {
	of, read := r.Field, "o"
	if r.By != nil {
		of, read = r.By, e.read("o", model.Path{{Field: r.By}})
	}
	e.keep("next."+fieldName(r.Field), of, read, s.value(r.Equals))
}

// keep takes the elements away of which a value equals another.
func (e *emitter) keep(list string, f protoreflect.FieldDescriptor, read, value string) {
	test := read + " !== " + value
	if f.Kind() == protoreflect.BytesKind {
		test = "!" + e.equal(f, read, value)
	}
	e.arrow(list+" = "+list+".filter((o) =>", test, ");")
}

func (e *emitter) literals(ls []model.Literal) string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = e.literal(l)
	}
	return strings.Join(out, ", ")
}

// literal writes a fixed value.
func (e *emitter) literal(l model.Literal) string {
	switch f := l.Field; {
	case f.Enum() != nil:
		return e.enumValue(f.Enum(), f.Enum().Values().ByNumber(l.Value.Enum()))
	case f.Kind() == protoreflect.StringKind:
		return quote(l.Value.String())
	case f.Kind() == protoreflect.FloatKind, f.Kind() == protoreflect.DoubleKind:
		return fraction(l.Value.Float())
	case wide(f):
		return l.Value.String() + "n"
	}
	return l.Value.String()
}

func fraction(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
