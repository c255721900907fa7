package emit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// effects writes what a mutation shows at once.
func (e *emitter) effects(name string, fs []model.Effect) {
	var paths []model.Path
	timed := false
	for i := range fs {
		paths = append(paths, fs[i].Paths()...)
		timed = timed || slices.ContainsFunc(fs[i].Assignments(), func(a model.Assignment) bool { return a.DeviceTime })
	}
	head := fmt.Sprintf("private val %sEffect: %s = %s.effectBy { %s, args, %s, draft ->",
		name, e.use(offline, "Effect"), name, unused("view", model.Hops(paths)), unused("at", timed))
	e.block(head, func() {
		s := e.reads(paths)
		for i := range fs {
			e.effect(s, &fs[i])
		}
	})
}

// effect writes the change of one entity.
func (e *emitter) effect(s reading, f *model.Effect) {
	e.when(append(s.held(f.Paths()), e.conditions(s, f.When)...), func() {
		switch table := f.Target.Plural; {
		case f.Delete:
			e.line(table + ".delete(draft, " + s.value(f.On) + ")")
		case len(f.On) == 0:
			e.block(table+".create(draft, "+s.value(f.Key)+") { next ->", func() { e.change(s, f) })
		case len(f.Set)+len(f.Add)+len(f.Append)+len(f.Remove) == 0:
			e.line(table + ".edit(draft, " + s.value(f.On) + ")")
		default:
			e.block(table+".edit(draft, "+s.value(f.On)+") { next ->", func() { e.change(s, f) })
		}
	})
}

func (e *emitter) change(s reading, f *model.Effect) {
	e.copies("next", f.Copy)
	e.assign(s, "next", f.Set, len(f.On) == 0, f.Copy)
	for _, a := range f.Add {
		e.give("next", a.To, e.literalOrPath(s, a), true)
	}
	for _, r := range f.Remove {
		e.remove(s, r)
	}
	elements := 0
	for _, a := range f.Append {
		name := "element"
		if a.Field.Message() != nil {
			if elements++; elements > 1 {
				name += strconv.Itoa(elements)
			}
		}
		e.append(s, a, name)
	}
}

// copies takes over what the arguments and the target have alike, where it is there.
func (e *emitter) copies(target string, cs []model.Copy) {
	for _, c := range cs {
		take := fmt.Sprintf("%s.%s = args.%s", target, wire(c.To), wire(c.From))
		switch {
		case c.From.IsList():
			e.line(fmt.Sprintf("%s.addAll%s(args.%s)", target, wireGetter(c.To), wire(c.From)))
		case c.From.HasPresence():
			e.line(fmt.Sprintf("if (args.has%s()) %s", getter(c.From), take))
		default:
			e.line(take)
		}
	}
}

// assign gives fields their values. In a new message there is nothing yet to take away.
func (e *emitter) assign(s reading, target string, as []model.Assignment, empty bool, copied []model.Copy) {
	for i, a := range as {
		if len(a.From) == 0 || a.From.End().Message() == nil {
			e.give(target, a.To, e.literalOrPath(s, a), false)
			continue
		}
		// A message that is not there leaves the field empty.
		there := fmt.Sprintf("if (%s.has%s())", s.holder(a.From), getter(a.From.End()))
		first := !slices.ContainsFunc(as[:i], func(b model.Assignment) bool { return b.To[0].Field == a.To[0].Field }) &&
			!slices.ContainsFunc(copied, func(c model.Copy) bool { return c.To == a.To[0].Field })
		if empty && first && len(a.To) == 1 {
			e.line(there + " " + given(target, a.To, s.value(a.From), false))
			continue
		}
		e.line(there + " {")
		e.indented(func() { e.give(target, a.To, s.value(a.From), false) })
		e.line("} else {")
		e.indented(func() { e.line(taken(target, a.To)) })
		e.line("}")
	}
}

// literalOrPath is the value of an assignment that is no message.
func (e *emitter) literalOrPath(s reading, a model.Assignment) string {
	switch {
	case a.DeviceTime:
		return "at." + e.use(offline, "toTimestamp") + "()"
	case a.Literal != nil:
		return e.literal(*a.Literal)
	}
	return s.wire(a.From)
}

func (e *emitter) give(target string, to model.Path, value string, add bool) {
	text := given(target, to, value, add)
	if left, right, ok := strings.Cut(text, " = "); ok && !e.fits(text) {
		e.line(left + " =")
		e.indented(func() { e.chain(right) })
		return
	}
	e.line(text)
}

// given is the statement that writes one value. Numbers of enums go by their own properties, for a number that this
// client does not know must survive.
func given(target string, to model.Path, value string, add bool) string {
	end := to.End()
	name, set := property(end), getter(end)
	if strings.HasSuffix(value, "Value") && end.Enum() != nil {
		name, set = wire(end), wireGetter(end)
	}
	if len(to) == 1 {
		return target + "." + name + map[bool]string{false: " = ", true: " += "}[add] + value
	}
	if add {
		value = target + properties(to) + " + " + value
	}
	return target + "." + property(to[0].Field) + " = " + rebuilt(target, to, ".set"+set+"("+value+")")
}

// taken is the statement that empties a field.
func taken(target string, to model.Path) string {
	if len(to) == 1 {
		return target + ".clear" + getter(to.End()) + "()"
	}
	return target + "." + property(to[0].Field) + " = " + rebuilt(target, to, ".clear"+getter(to.End())+"()")
}

// rebuilt is the message in the path's first field, with a call on the builder of the one that holds the path's end.
func rebuilt(target string, to model.Path, call string) string {
	at := target + "." + property(to[0].Field)
	if len(to) > 2 {
		call = ".set" + getter(to[1].Field) + "(" + rebuilt(at, to[1:], call) + ")"
	}
	return at + ".toBuilder()" + call + ".build()"
}

func (e *emitter) append(s reading, a model.Append, name string) {
	if a.Field.Message() == nil {
		e.line(fmt.Sprintf("next.add%s(%s)", wireGetter(a.Field), s.wire(a.From)))
		return
	}
	e.line("val " + name + " = " + e.typeOf(a.Field.Message()) + ".newBuilder()")
	e.copies(name, a.Copy)
	e.assign(s, name, a.Set, true, a.Copy)
	if a.ReplaceBy != nil {
		e.drop(a.Field, "it."+wire(a.ReplaceBy)+" == "+name+"."+wire(a.ReplaceBy))
	}
	e.line(fmt.Sprintf("next.add%s(%s)", getter(a.Field), name))
}

func (e *emitter) remove(s reading, r model.Remove) {
	read := "it"
	if r.By != nil {
		read += "." + wire(r.By)
	}
	e.drop(r.Field, read+" == "+s.wire(r.Equals))
}

// drop takes the elements away for which the test on it holds.
func (e *emitter) drop(list protoreflect.FieldDescriptor, test string) {
	e.chain(fmt.Sprintf("next.%s.filterNot { %s }.let { next.clear%s().addAll%s(it) }", wire(list), test, getter(list),
		wireGetter(list)))
}
