// Package emit writes the Kotlin client of a model: a table for each entity, with its look-ups, and for each mutation
// its kind, the conditions under which it is offered, and its effect. What it writes stands on clientgen/kotlin/offline
// and on the classes that protoc makes for Java lite.
package emit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// offline is the package of the runtime.
const offline = "dev.doorstep.offline"

// File is one file of the client, by its path below the root of sources.
type File struct{ Path, Text string }

// Emit writes the client as a Kotlin package. An error says which proto lacks what Java needs.
func Emit(m *model.Model, pkg string) ([]File, error) {
	var out []File
	for _, part := range []struct {
		name  string
		write func(*emitter, *model.Model)
	}{{"Entities", (*emitter).entities}, {"Mutations", (*emitter).mutations}} {
		e := &emitter{pkg: pkg, imports: map[string]string{}, names: set(kotlinTypes)}
		for _, one := range m.Entities {
			e.names[one.Plural] = true
		}
		part.write(e, m)
		if e.err != nil {
			return nil, e.err
		}
		out = append(out, File{strings.ReplaceAll(pkg, ".", "/") + "/" + part.name + ".kt", e.text()})
	}
	return out, nil
}

// kotlinTypes are the types of the language that generated code names.
const kotlinTypes = "Boolean Double Float Int List Long Map String"

// emitter is one file in the making.
type emitter struct {
	pkg  string
	body strings.Builder
	// depth counts the indents of the next line.
	depth int
	// imports are full names by the name under which they are imported.
	imports map[string]string
	// names are those of the package itself, which no import may hide.
	names map[string]bool
	err   error
}

// use imports a name and returns it as the file writes it. Where the name is taken, it is imported under another.
func (e *emitter) use(pkg, name string) string {
	if pkg == e.pkg {
		return name
	}
	first, rest, _ := strings.Cut(name, ".")
	if rest != "" {
		rest = "." + rest
	}
	full := pkg + "." + first
	for as := first; ; as += "Message" {
		if e.imports[as] == "" && !e.names[as] {
			e.imports[as] = full
		}
		if e.imports[as] == full {
			return as + rest
		}
	}
}

// typeOf is the class of a message or an enum.
func (e *emitter) typeOf(d protoreflect.Descriptor) string {
	pkg, name, err := javaName(d)
	if err != nil && e.err == nil {
		e.err = err
	}
	return e.use(pkg, name)
}

// valueType is the type of one value of a field. Unsigned numbers are Int and Long, as Java lite has them.
func (e *emitter) valueType(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "Boolean"
	case protoreflect.EnumKind:
		return e.typeOf(f.Enum())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.Uint32Kind,
		protoreflect.Fixed32Kind:
		return "Int"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind,
		protoreflect.Fixed64Kind:
		return "Long"
	case protoreflect.FloatKind:
		return "Float"
	case protoreflect.DoubleKind:
		return "Double"
	case protoreflect.StringKind:
		return "String"
	case protoreflect.BytesKind:
		return e.use("com.google.protobuf", "ByteString")
	}
	return e.typeOf(f.Message())
}

func (e *emitter) entities(m *model.Model) {
	for _, one := range m.Entities {
		t := e.typeOf(one.Message)
		e.blank()
		e.doc(fmt.Sprintf("The entities of kind %d. %s", one.Kind, comment(one.Message)))
		e.object("object "+one.Plural+" :", e.use(offline, "Table")+"<"+t+", "+t+".Builder>",
			[]string{fmt.Sprint(one.Kind), t + ".getDefaultInstance()"}, len(one.Indexes)+len(one.Sensitive) > 0)
		if len(one.Indexes)+len(one.Sensitive) > 0 {
			e.indented(func() { e.members(t, one) })
			e.line("}")
		}
	}
}

// object writes the head of an object that is made of a class with arguments.
func (e *emitter) object(head, class string, args []string, braces bool) {
	end := ")"
	if braces {
		end += " {"
	}
	made := class + "(" + strings.Join(args, ", ") + end
	if one := head + " " + made; e.fits(one) {
		e.line(one)
		return
	}
	e.line(head)
	e.indented(func() {
		if e.fits(made) {
			e.line(made)
			return
		}
		e.line(class + "(")
		e.indented(func() {
			for _, a := range args {
				e.line(a + ",")
			}
		})
		e.line(end)
	})
}

func (e *emitter) members(t string, one *model.Entity) {
	for i, x := range one.Indexes {
		if i > 0 {
			e.blank()
		}
		e.lookup(one, x)
	}
	if len(one.Sensitive) > 0 {
		if len(one.Indexes) > 0 {
			e.blank()
		}
		e.redacted(t, one.Sensitive)
	}
}

// lookup writes the function that finds entities by an index.
func (e *emitter) lookup(one *model.Entity, x model.Index) {
	var name strings.Builder
	name.WriteString("by")
	var words, tests []string
	params := []string{"view: " + e.use(offline, "View")}
	for _, p := range x.Fields {
		var said []string
		var upper strings.Builder
		for _, s := range p {
			upper.WriteString(camel(string(s.Field.Name())))
			said = append(said, strings.ReplaceAll(string(s.Field.Name()), "_", " "))
		}
		name.WriteString(upper.String())
		param := local(lower(upper.String()))
		params = append(params, param+": "+e.valueType(p.End()))
		words = append(words, strings.Join(said, " "))
		var read strings.Builder
		read.WriteString("it")
		for _, s := range p {
			read.WriteString("." + property(s.Field))
		}
		tests = append(tests, read.String()+" == "+param)
	}
	many := strings.ToLower(model.Spaced(one.Plural))
	if x.References != nil {
		e.doc(fmt.Sprintf("Finds the %s of one %s.",
			many, strings.ToLower(model.Spaced(string(x.References.Message.Name())))))
	} else {
		e.doc(fmt.Sprintf("Finds the %s by %s.", many, strings.Join(words, " and ")))
	}
	result := "List<" + e.typeOf(one.Message) + ">"
	where := "where(view) { " + strings.Join(tests, " && ") + " }"
	if len(step)+utf8.RuneCountInString(where)+e.depth*len(step) <= width {
		e.function("fun "+name.String(), params, result, where)
		return
	}
	e.block(e.signature("fun "+name.String(), params)+": "+result+" = where(view) {", func() { e.conjunction(tests) })
}

// redacted writes the function that takes out what nothing may print.
func (e *emitter) redacted(t string, sensitive []model.Path) {
	e.block("override fun redacted(message: "+t+"): "+t+" {", func() {
		e.line("val next = message.toBuilder()")
		e.clear("next", "", sensitive)
		e.line("return next.build()")
	})
}

// clear takes the fields at the paths out of a builder. above names what the builder belongs to.
func (e *emitter) clear(builder, above string, paths []model.Path) {
	for _, g := range groups(paths) {
		f := g[0][0].Field
		if len(g[0]) == 1 {
			e.line(builder + ".clear" + getter(f) + "()")
			continue
		}
		var inner []model.Path
		for _, p := range g {
			inner = append(inner, p[1:])
		}
		path := above + camel(string(f.Name()))
		name := local(lower(path))
		if f.IsList() {
			e.block(fmt.Sprintf("val %s = %s.%s.map {", name, builder, property(f)), func() {
				e.line("val " + lower(path) + "Next = it.toBuilder()")
				e.clear(lower(path)+"Next", path, inner)
				e.line(lower(path) + "Next.build()")
			})
			e.line(fmt.Sprintf("%s.clear%s().addAll%s(%s)", builder, getter(f), getter(f), name))
			continue
		}
		e.block("if ("+builder+".has"+getter(f)+"()) {", func() {
			e.line(fmt.Sprintf("val %s = %s.%s.toBuilder()", name, builder, property(f)))
			e.clear(name, path, inner)
			e.line(fmt.Sprintf("%s.set%s(%s)", builder, getter(f), name))
		})
	}
}

// groups puts paths together that begin with the same field.
func groups(paths []model.Path) (out [][]model.Path) {
	for i, p := range paths {
		if i > 0 && paths[i-1][0].Field == p[0].Field {
			out[len(out)-1] = append(out[len(out)-1], p)
		} else {
			out = append(out, []model.Path{p})
		}
	}
	return out
}
