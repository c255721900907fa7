package emit

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

func (e *emitter) mutations(m *model.Model) {
	e.registry(m)
	for _, one := range m.Mutations {
		e.mutation(one)
	}
}

// registry writes the map of all effects, and the interface of those that the application writes itself.
func (e *emitter) registry(m *model.Model) {
	custom := m.Custom()
	parameter := ""
	if len(custom) > 0 {
		parameter = "custom Custom"
		e.g.P()
		e.g.P("// Custom are the effects that declarations cannot say; the application writes them. v is what the " +
			"device holds,")
		e.g.P("// at is the device's clock when it was done, and what is written to d shows until the office's state " +
			"replaces it.")
		e.g.P("type Custom interface {")
		for _, one := range custom {
			e.g.P(string(one.Message.Name()), "(", e.parameters(one), ")")
		}
		e.g.P("}")
	}
	e.g.P()
	e.g.P("// Effects are what the mutations show at once, by kind.")
	e.g.P("func Effects(", parameter, ") map[string]", offline.Ident("Effect"), " {")
	e.g.P("return map[string]", offline.Ident("Effect"), "{")
	for _, one := range m.Mutations {
		name := string(one.Message.Name())
		if one.Custom {
			e.g.P(name, ".Kind: ", name, ".EffectBy(custom.", name, "),")
		} else if len(one.Effects) > 0 {
			e.g.P(name, ".Kind: ", name, ".EffectBy(", private(name), "Effect),")
		}
	}
	e.g.P("}")
	e.g.P("}")
}

func (e *emitter) parameters(m *model.Mutation) string {
	return "v *" + e.g.QualifiedGoIdent(offline.Ident("View")) + ", a *" + e.typeOf(m.Message) +
		", at " + e.g.QualifiedGoIdent(protogen.GoImportPath("time").Ident("Time")) + ", d *" +
		e.g.QualifiedGoIdent(offline.Ident("Draft"))
}

func (e *emitter) mutation(m *model.Mutation) {
	name, t := string(m.Message.Name()), e.typeOf(m.Message)
	e.g.P()
	if c := e.messages[m.Message.FullName()].Comments.Leading; c != "" {
		e.comment(c)
	} else {
		e.g.P("// ", name, " is the mutation ", m.Kind, ".")
	}
	fields := fmt.Sprintf("Kind: %q", m.Kind)
	if len(m.Offered) > 0 {
		fields += ", May: " + private(name) + "Offered"
	}
	e.g.P("var ", name, " = ", offline.Ident("Mutator"), "[", t, ", *", t, "]{", fields, "}")
	if len(m.Offered) > 0 {
		e.g.P()
		e.g.P("func ", private(name), "Offered(v *", offline.Ident("View"), ", a *", t, ") bool {")
		var paths []model.Path
		for _, c := range m.Offered {
			paths = append(paths, c.Path)
		}
		s := e.reads(paths)
		e.g.P("return ", strings.Join(append(s.held(paths), e.conditions(s, m.Offered)...), " && "))
		e.g.P("}")
	}
	if len(m.Effects) > 0 {
		e.g.P()
		e.g.P("func ", private(name), "Effect(", e.parameters(m), ") {")
		var paths []model.Path
		for i := range m.Effects {
			paths = append(paths, m.Effects[i].Paths()...)
		}
		s := e.reads(paths)
		for i := range m.Effects {
			e.effect(s, &m.Effects[i])
		}
		e.g.P("}")
	}
}

// reading is how paths are read: entities that they pass stand in variables.
type reading struct {
	e *emitter
	// names of the variables by the path up to the entity.
	names map[string]string
}

// reads writes the variables that the paths need.
func (e *emitter) reads(paths []model.Path) reading {
	s := reading{e, map[string]string{}}
	for _, p := range paths {
		for i, step := range p {
			upTo := p[:i+1]
			if step.Into == nil || s.names[upTo.String()] != "" {
				continue
			}
			var name strings.Builder
			for _, q := range upTo {
				name.WriteString(strings.TrimSuffix(e.goName(q.Field), "Id"))
			}
			id := s.value(upTo)
			s.names[upTo.String()] = lower(name.String())
			e.g.P(lower(name.String()), " := ", step.Into.Plural, ".Get(v, ", id, ")")
		}
	}
	return s
}

// value is the expression that reads a path.
func (s reading) value(p model.Path) string {
	out := "a"
	for i, step := range p {
		if i > 0 && p[i-1].Into != nil {
			out = s.names[p[:i].String()]
		}
		out += ".Get" + s.e.goName(step.Field) + "()"
	}
	return out
}

// held are the tests that all entities on the paths are there.
func (s reading) held(paths []model.Path) (out []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		for i, step := range p {
			if name := s.names[p[:i+1].String()]; step.Into != nil && !seen[name] {
				seen[name] = true
				out = append(out, name+" != nil")
			}
		}
	}
	return out
}

func (e *emitter) conditions(s reading, cs []model.Condition) (out []string) {
	for _, c := range cs {
		v := s.value(c.Path)
		one := func(ls []model.Literal, not bool) {
			var parts []string
			for _, l := range ls {
				switch text := e.literal(l); {
				case text == "true" && !not, text == "false" && not:
					parts = append(parts, v)
				case text == "true", text == "false":
					parts = append(parts, "!"+v)
				case not:
					parts = append(parts, v+" != "+text)
				default:
					parts = append(parts, v+" == "+text)
				}
			}
			switch {
			case len(parts) == 0:
			case not, len(parts) == 1:
				out = append(out, parts...)
			case len(cs) == 1 && len(s.names) == 0:
				out = append(out, strings.Join(parts, " || "))
			default:
				out = append(out, "("+strings.Join(parts, " || ")+")")
			}
		}
		one(c.Is, false)
		one(c.NoneOf, true)
	}
	return out
}

func (e *emitter) literal(l model.Literal) string {
	switch l.Field.Kind() {
	case protoreflect.EnumKind:
		for _, v := range e.fields[l.Field.FullName()].Enum.Values {
			if v.Desc.Number() == l.Value.Enum() {
				return e.g.QualifiedGoIdent(v.GoIdent)
			}
		}
	case protoreflect.StringKind:
		return fmt.Sprintf("%q", l.Value.String())
	}
	return l.Value.String()
}

func private(name string) string { return strings.ToLower(name[:1]) + name[1:] }
