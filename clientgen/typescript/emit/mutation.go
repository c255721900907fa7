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
}

// registry writes the record of all effects, and the interface of those that the application writes itself.
func (e *emitter) registry(m *model.Model) {
	custom := m.Custom()
	params := ""
	if len(custom) > 0 {
		params = "custom: CustomEffects"
		e.blank()
		e.doc(`The effects that declarations cannot say; the application writes them. What is written to the draft shows until
			the office's state replaces it.`)
		e.block("export interface CustomEffects {", func() {
			for _, one := range custom {
				e.line(fmt.Sprintf("%s(view: %s, args: %s, at: Date, draft: %s): void;", name(one),
					e.useType(offline, "View"), e.messageType(one.Message), e.useType(offline, "Draft")))
			}
		}, "}")
	}
	e.blank()
	e.doc("What the mutations show at once, by kind.")
	e.block("export function effects("+params+"): Record<string, "+e.useType(offline, "Effect")+"> {", func() {
		e.block("return {", func() {
			for _, one := range m.Mutations {
				switch n := name(one); {
				case one.Custom:
					e.line(fmt.Sprintf("[%s.kind]: %s.effectBy(custom.%s.bind(custom)),", n, n, n))
				case len(one.Effects) > 0:
					e.line(fmt.Sprintf("[%s.kind]: %sEffect,", n, n))
				}
			}
		}, "};")
	}, "}")
}

func name(m *model.Mutation) string { return local(lower(typeName(m.Message))) }

func (e *emitter) mutation(m *model.Mutation) {
	about := comment(m.Message)
	if about == "" {
		about = "The mutation " + m.Kind + "."
	}
	e.blank()
	e.doc(about)
	head, args := "export const "+name(m)+" = new "+e.use(offline, "Mutator"), []string{quote(m.Kind), e.schema(m.Message)}
	if len(m.Offered) == 0 {
		e.call(head, args, ";")
	} else {
		var paths []model.Path
		for _, c := range m.Offered {
			paths = append(paths, c.Path)
		}
		e.callback(head, args, unused("view", model.Hops(paths))+", args", func() {
			s := e.reads(paths)
			e.returns(append(s.held(paths), e.conditions(s, m.Offered)...))
		}, ";")
	}
	if len(m.Effects) > 0 {
		e.blank()
		e.effects(m)
	}
	if m.Attachment != nil {
		e.blank()
		e.attachment(m)
	}
}

// attachment writes how a file that the store keeps is described in the arguments.
func (e *emitter) attachment(m *model.Mutation) {
	a := m.Attachment
	e.doc("The part of the arguments that describes a file which the store keeps.")
	e.block("export function "+name(m)+"File(file: "+e.useType(offline, "Kept")+") {", func() {
		e.line(fmt.Sprintf("return { %s, %s, %s: BigInt(file.size), %s };", same(a.ID, "id"), same(a.SHA256, "sha256"),
			fieldName(a.Size), same(a.MediaType, "media")))
	}, "}")
}

func same(f protoreflect.FieldDescriptor, of string) string { return fieldName(f) + ": file." + of }

// unused is a parameter of a function, marked where the function does not use it.
func unused(name string, used bool) string {
	if used {
		return name
	}
	return "_" + name
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
		before := "" // the variable of the last entity on the way
		for i, at := range p {
			upTo := p[:i+1]
			if at.Into == nil {
				continue
			}
			if s.names[upTo.String()] == "" {
				name := ""
				for _, q := range upTo {
					name += capital(strings.TrimSuffix(camel(string(q.Field.Name())), "Id"))
				}
				name = local(lower(name))
				guard := ""
				if before != "" {
					guard = before + " && "
				}
				e.line(fmt.Sprintf("const %s = %s%s.get(view, %s);", name, guard, e.table(at.Into), s.value(upTo)))
				s.names[upTo.String()] = name
			}
			before = s.names[upTo.String()]
		}
	}
	return s
}

// table is the table of an entity, which the other file has.
func (e *emitter) table(one *model.Entity) string {
	return e.use("./entities.gen.js", lower(one.Plural))
}

// held are the tests that all entities on the paths are there.
func (s reading) held(paths []model.Path) (out []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		for i, at := range p {
			if name := s.names[p[:i+1].String()]; at.Into != nil && !seen[name] {
				seen[name] = true
				out = append(out, name+" !== undefined")
			}
		}
	}
	return out
}

// raw is the expression that reads a path whose entities are held, and whether it may be undefined.
func (s reading) raw(p model.Path) (string, bool) {
	from, rest := "args", p
	for i := range p[:len(p)-1] {
		if p[i].Into != nil {
			from, rest = s.names[p[:i+1].String()], p[i+1:]
		}
	}
	return follow(from, false, rest)
}

// value is raw with the zero value for what is not there; a message stays undefined.
func (s reading) value(p model.Path) string {
	text, maybe := s.raw(p)
	return s.e.whole(text, maybe, p.End())
}

func (e *emitter) conditions(s reading, cs []model.Condition) (out []string) {
	for _, c := range cs {
		v := s.value(c.Path)
		switch {
		case c.Path.End().Kind() == protoreflect.BoolKind:
			out = append(out, flags(v, c)...)
		case len(c.Is) > 1:
			out = append(out, "["+e.literals(c.Is)+"].includes("+v+")")
		case len(c.Is) == 1:
			out = append(out, v+" === "+e.literal(c.Is[0]))
		case len(c.NoneOf) > 1:
			out = append(out, "!["+e.literals(c.NoneOf)+"].includes("+v+")")
		default:
			out = append(out, v+" !== "+e.literal(c.NoneOf[0]))
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
