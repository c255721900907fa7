package emit

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

func (e *emitter) mutations(m *model.Model) {
	e.registry(m)
	for _, one := range m.Mutations {
		e.mutation(one)
	}
	e.checks(m)
}

// registry writes the map of all effects, and the interface of those that the application writes itself.
func (e *emitter) registry(m *model.Model) {
	custom := m.Custom()
	var params []string
	if len(custom) > 0 {
		params = []string{"custom: CustomEffects"}
		e.blank()
		e.doc(`The effects that declarations cannot say; the application writes them. What is written to the draft shows until
			the office's state replaces it.`)
		e.block("interface CustomEffects {", func() {
			for i, one := range custom {
				if i > 0 {
					e.blank()
				}
				e.line(e.signature("fun "+private(one), []string{
					"view: " + e.use(offline, "View"), "args: " + e.typeOf(one.Message),
					"at: " + e.use("java.time", "Instant"), "draft: " + e.use(offline, "Draft"),
				}))
			}
		})
	}
	e.blank()
	e.doc("What the mutations show at once, by kind.")
	e.line("fun effects(" + strings.Join(params, ", ") + "): Map<String, " + e.use(offline, "Effect") + "> = mapOf(")
	e.indented(func() {
		for _, one := range m.Mutations {
			name := private(one)
			if one.Custom {
				e.line(name + ".kind to " + name + ".effectBy(custom::" + name + "),")
			} else if len(one.Effects) > 0 {
				e.line(name + ".kind to " + name + "Effect,")
			}
		}
	})
	e.line(")")
}

func (e *emitter) mutation(m *model.Mutation) {
	name, t := private(m), e.typeOf(m.Message)
	e.blank()
	e.doc(about(m))
	rules := ""
	if len(e.ruled(m.Message)) > 0 {
		rules = ", " + e.use(offline, "Rules") + "::" + checker(m.Message)
	}
	e.value(fmt.Sprintf("val %s: %s<%s> =", name, e.use(offline, "Mutator"), t),
		fmt.Sprintf("Mutator(%q, %s.parser()%s)", m.Kind, t, rules), m.Offered)
	if len(m.Effects) > 0 {
		e.blank()
		e.effects(name, m.Effects)
	}
	if m.Attachment != nil {
		e.blank()
		e.attachment(t, m.Attachment)
	}
}

// about is what the proto says of a mutation and of its arguments.
func about(m *model.Mutation) string {
	text := comment(m.Message)
	if text == "" {
		text = "The mutation " + m.Kind + "."
	}
	var list strings.Builder
	for i := range m.Message.Fields().Len() {
		f := m.Message.Fields().Get(i)
		if c := comment(f); c != "" {
			list.WriteString("\n- `" + strings.Trim(property(f), "`") + "`: " + c)
		}
	}
	if list.String() == "" {
		return text
	}
	return text + "\n" + list.String()
}

// value writes the declaration of a mutation, with the conditions under which it is offered.
func (e *emitter) value(head, made string, cs []model.Condition) {
	var paths []model.Path
	for _, c := range cs {
		paths = append(paths, c.Path)
	}
	if len(cs) > 0 {
		made += " { " + unused("view", model.Hops(paths)) + ", args ->"
	}
	write := func(text string) {
		if len(cs) == 0 {
			e.line(text)
			return
		}
		e.block(text, func() {
			s := e.reads(paths)
			e.conjunction(append(s.held(paths), e.conditions(s, cs)...))
		})
	}
	if one := head + " " + made; e.fits(one) {
		write(one)
		return
	}
	e.line(head)
	e.indented(func() { write(made) })
}

// attachment writes how a file that the store keeps is described in the arguments.
func (e *emitter) attachment(t string, a *model.Attachment) {
	e.doc("Describes a file that the store keeps: its id, its SHA-256, its size in bytes, its media type.")
	e.function("fun "+t+".Builder.describe", []string{"file: " + e.use(offline, "Kept")}, t+".Builder",
		fmt.Sprintf("set%s(file.id).set%s(file.sha256).set%s(file.size).set%s(file.media)",
			getter(a.ID), getter(a.SHA256), getter(a.Size), getter(a.MediaType)))
}

// unused is a lambda's parameter, or an underscore when it is not used.
func unused(name string, used bool) string {
	if used {
		return name
	}
	return "_"
}

func private(m *model.Mutation) string { return lower(string(m.Message.Name())) }

// reading is how paths are read: entities that they pass stand in variables.
type reading struct {
	// names of the variables by the path up to the entity.
	names map[string]string
}

// reads writes the variables that the paths need.
func (e *emitter) reads(paths []model.Path) reading {
	s := reading{map[string]string{}}
	for _, p := range paths {
		last := 0 // where the last entity before this one is named
		for i, at := range p {
			upTo := p[:i+1]
			if at.Into == nil {
				continue
			}
			if s.names[upTo.String()] == "" {
				name := ""
				for _, q := range upTo {
					name += strings.TrimSuffix(camel(string(q.Field.Name())), "Id")
				}
				name = local(lower(name))
				if last == 0 {
					e.line(fmt.Sprintf("val %s = %s.get(view, %s)", name, at.Into.Plural, s.value(upTo)))
				} else {
					e.line(fmt.Sprintf("val %s = %s?.let { %s.get(view, it%s) }", name, s.names[p[:last].String()], at.Into.Plural,
						properties(p[last:i+1])))
				}
				s.names[upTo.String()] = name
			}
			last = i + 1
		}
	}
	return s
}

func properties(p model.Path) string {
	var out strings.Builder
	for _, s := range p {
		out.WriteString("." + property(s.Field))
	}
	return out.String()
}

// holder is the expression for what holds the path's end.
func (s reading) holder(p model.Path) string {
	out := "args"
	for i := range p[:len(p)-1] {
		if p[i].Into != nil {
			out = s.names[p[:i+1].String()]
		} else {
			out += "." + property(p[i].Field)
		}
	}
	return out
}

// value is the expression that reads a path.
func (s reading) value(p model.Path) string { return s.holder(p) + "." + property(p.End()) }

// wire is the same, but an enum's number.
func (s reading) wire(p model.Path) string { return s.holder(p) + "." + wire(p.End()) }

// held are the tests that all entities on the paths are there.
func (s reading) held(paths []model.Path) (out []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		for i, at := range p {
			if name := s.names[p[:i+1].String()]; at.Into != nil && !seen[name] {
				seen[name] = true
				out = append(out, name+" != null")
			}
		}
	}
	return out
}

func (e *emitter) conditions(s reading, cs []model.Condition) (out []string) {
	for _, c := range cs {
		v := s.value(c.Path)
		switch {
		case c.Path.End().Kind() == protoreflect.BoolKind:
			out = append(out, flags(v, c)...)
		case len(c.Is) > 1:
			out = append(out, v+" in setOf("+e.literals(c.Is)+")")
		case len(c.Is) == 1:
			out = append(out, v+" == "+e.literal(c.Is[0]))
		case len(c.NoneOf) > 1:
			out = append(out, v+" !in setOf("+e.literals(c.NoneOf)+")")
		default:
			out = append(out, v+" != "+e.literal(c.NoneOf[0]))
		}
	}
	return out
}

// flags are the tests of a truth value: it is one of those, or none of those.
func flags(v string, c model.Condition) (out []string) {
	for _, l := range c.NoneOf {
		out = append(out, map[bool]string{true: "!" + v, false: v}[l.Value.Bool()])
	}
	if len(c.Is) == 1 { // either of both is no condition
		out = append(out, map[bool]string{true: v, false: "!" + v}[c.Is[0].Value.Bool()])
	}
	return out
}
