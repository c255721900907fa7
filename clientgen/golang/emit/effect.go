package emit

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// effect writes the change of one entity.
func (e *emitter) effect(s reading, f *model.Effect) {
	if tests := append(s.held(f.Paths()), e.conditions(s, f.When)...); len(tests) > 0 {
		e.g.P("if ", strings.Join(tests, " && "), " {")
		defer e.g.P("}")
	}
	switch table := f.Target.Plural; {
	case f.Delete:
		e.g.P(table, ".Delete(d, ", s.value(f.On), ")")
		return
	case len(f.On) == 0:
		e.g.P("if m := ", table, ".Create(d, ", s.value(f.Key), "); m != nil {")
	case len(f.Set)+len(f.Add)+len(f.Append)+len(f.Remove) == 0:
		e.g.P(table, ".Edit(d, ", s.value(f.On), ")")
		return
	default:
		e.g.P("if m := ", table, ".Edit(d, ", s.value(f.On), "); m != nil {")
	}
	e.copies("m", f.Copy)
	e.assignments(s, "m", f.Set, " = ")
	e.assignments(s, "m", f.Add, " += ")
	for _, r := range f.Remove {
		e.remove(s, r)
	}
	for _, a := range f.Append {
		e.append(s, a)
	}
	e.g.P("}")
}

// copies takes over what the arguments and the target have alike; of a choice, the one that was made.
func (e *emitter) copies(target string, cs []model.Copy) {
	for _, c := range cs {
		from, to := e.fields[c.From.FullName()], e.fields[c.To.FullName()]
		switch {
		case choice(c.From) && choice(c.To):
			e.g.P("if x, ok := a.Get", from.Oneof.GoName, "().(*", from.GoIdent, "); ok {")
			e.g.P(target, ".", to.Oneof.GoName, " = &", to.GoIdent, "{", to.GoName, ": x.", from.GoName, "}")
			e.g.P("}")
		case choice(c.From):
			e.g.P("if x, ok := a.Get", from.Oneof.GoName, "().(*", from.GoIdent, "); ok {")
			e.give(target, c.To, "x."+from.GoName, " = ")
			e.g.P("}")
		case pointer(c.From):
			e.g.P("if a.", from.GoName, " != nil {")
			e.give(target, c.To, "a.Get"+from.GoName+"()", " = ")
			e.g.P("}")
		default:
			e.give(target, c.To, "a.Get"+from.GoName+"()", " = ")
		}
	}
}

// choice tells whether a field is one of a oneof.
func choice(f protoreflect.FieldDescriptor) bool {
	return f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
}

// pointer tells whether Go keeps a scalar behind a pointer.
func pointer(f protoreflect.FieldDescriptor) bool {
	return f.HasPresence() && f.Message() == nil && !choice(f) && f.Kind() != protoreflect.BytesKind
}

// give writes one value to a field.
func (e *emitter) give(target string, f protoreflect.FieldDescriptor, value, op string) {
	name := e.goName(f)
	switch {
	case choice(f):
		one := e.fields[f.FullName()]
		if op != " = " {
			value = target + ".Get" + name + "() + " + value
		}
		e.g.P(target, ".", one.Oneof.GoName, " = &", one.GoIdent, "{", name, ": ", value, "}")
	case pointer(f):
		if op != " = " {
			value = target + ".Get" + name + "() + " + value
		}
		e.g.P(target, ".", name, " = new(", value, ")")
	default:
		e.g.P(target, ".", name, op, value)
	}
}

func (e *emitter) assignments(s reading, target string, as []model.Assignment, op string) {
	for _, a := range as {
		value := ""
		switch {
		case a.DeviceTime:
			value = e.g.QualifiedGoIdent(protogen.GoImportPath("google.golang.org/protobuf/types/known/timestamppb").
				Ident("New")) + "(at)"
		case a.Literal != nil:
			value = e.literal(*a.Literal)
			if pointer(a.Literal.Field) && a.Literal.Field.Enum() == nil && a.Literal.Field.Kind() != protoreflect.StringKind {
				value = e.goType(a.Literal.Field) + "(" + value + ")"
			}
		default:
			value = s.value(a.From)
		}
		var at strings.Builder
		at.WriteString(target)
		for _, step := range a.To[:len(a.To)-1] {
			at.WriteString("." + e.goName(step.Field))
			e.g.P("if ", at.String(), " == nil {")
			e.g.P(at.String(), " = &", e.typeOf(step.Field.Message()), "{}")
			e.g.P("}")
		}
		e.give(at.String(), a.To.End(), value, op)
	}
}

func (e *emitter) append(s reading, a model.Append) {
	list := "m." + e.goName(a.Field)
	if a.Field.Message() == nil {
		e.g.P(list, " = append(", list, ", ", s.value(a.From), ")")
		return
	}
	t := e.typeOf(a.Field.Message())
	e.g.P("e := &", t, "{}")
	e.copies("e", a.Copy)
	e.assignments(s, "e", a.Set, " = ")
	if a.ReplaceBy != nil {
		get := ".Get" + e.goName(a.ReplaceBy) + "()"
		e.drop(list, "*"+t, e.equal(a.ReplaceBy, "o"+get, "e"+get))
	}
	e.g.P(list, " = append(", list, ", e)")
}

func (e *emitter) remove(s reading, r model.Remove) {
	element, read := e.goType(r.Field), "o"
	if r.By != nil {
		read = "o.Get" + e.goName(r.By) + "()"
	}
	e.drop("m."+e.goName(r.Field), element, e.equal(r.Equals.End(), read, s.value(r.Equals)))
}

// drop takes the elements away for which the test on o holds.
func (e *emitter) drop(list, element, test string) {
	e.g.P(list, " = ", protogen.GoImportPath("slices").Ident("DeleteFunc"), "(", list, ", func(o ",
		element, ") bool { return ", test, " })")
}
