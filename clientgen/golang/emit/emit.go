// Package emit writes the Go client of a model: a table for each entity, with its look-ups, and for each mutation
// its name, the conditions under which it is offered, and its effect. What it writes stands on
// clientgen/golang/offline and reads the messages that protoc-gen-go made.
package emit

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

const offline = protogen.GoImportPath("github.com/doorstep-dev/doorstep/clientgen/golang/offline")

// Emit adds the files of the package to the plugin's answer.
func Emit(p *protogen.Plugin, m *model.Model, path protogen.GoImportPath, name string) error {
	e := &emitter{
		messages: map[protoreflect.FullName]*protogen.Message{},
		fields:   map[protoreflect.FullName]*protogen.Field{},
	}
	names := map[protogen.GoImportPath]string{}
	for _, f := range p.Files {
		e.know(f.Messages)
		names[f.GoImportPath] = string(f.GoPackageName)
	}
	for _, part := range []struct {
		file  string
		write func(*model.Model)
	}{{"entities.gen.go", e.entities}, {"mutations.gen.go", e.mutations}} {
		e.g = &file{own: path, names: names, imports: map[protogen.GoImportPath]string{}}
		part.write(m)
		text, err := e.g.text(name)
		if err != nil {
			return fmt.Errorf("%s: %w", part.file, err)
		}
		if _, err := p.NewGeneratedFile(part.file, path).Write(text); err != nil {
			return err
		}
	}
	return nil
}

type emitter struct {
	g        *file
	messages map[protoreflect.FullName]*protogen.Message
	fields   map[protoreflect.FullName]*protogen.Field
}

func (e *emitter) know(ms []*protogen.Message) {
	for _, m := range ms {
		e.messages[m.Desc.FullName()] = m
		for _, f := range m.Fields {
			e.fields[f.Desc.FullName()] = f
		}
		e.know(m.Messages)
	}
}

func (e *emitter) typeOf(m protoreflect.MessageDescriptor) string {
	return e.g.QualifiedGoIdent(e.messages[m.FullName()].GoIdent)
}

func (e *emitter) goName(f protoreflect.FieldDescriptor) string { return e.fields[f.FullName()].GoName }

// comment carries a proto's comment over.
func (e *emitter) comment(c protogen.Comments) {
	if text := strings.TrimSpace(string(c)); text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			e.g.P("// ", strings.TrimSpace(line))
		}
	}
}

func (e *emitter) entities(m *model.Model) {
	for _, one := range m.Entities {
		t := e.typeOf(one.Message)
		e.g.P()
		e.g.P("// ", one.Plural, " are the entities of kind ", one.Kind, ".")
		e.comment(e.messages[one.Message.FullName()].Comments.Leading)
		e.g.P("var ", one.Plural, " = ", offline.Ident("Table"), "[", t, ", *", t, "]{Kind: ", one.Kind, "}")
		for _, x := range one.Indexes {
			e.lookup(one, x)
		}
	}
}

// lookup writes the function that finds entities by an index.
func (e *emitter) lookup(one *model.Entity, x model.Index) {
	var by, params, words, tests []string
	for _, p := range x.Fields {
		name := ""
		for _, s := range p {
			name += e.goName(s.Field)
		}
		if base, ok := strings.CutSuffix(name, "Id"); ok && base != "" {
			name = base + "ID"
		}
		by = append(by, name)
		param := lower(name)
		params = append(params, param+" "+e.goType(p.End()))
		words = append(words, param)
		var read strings.Builder
		read.WriteString("m")
		for _, s := range p {
			read.WriteString(".Get" + e.goName(s.Field) + "()")
		}
		tests = append(tests, e.equal(p.End(), read.String(), param))
	}
	name := one.Plural + "By" + strings.Join(by, "")
	t := e.typeOf(one.Message)
	e.g.P()
	if x.References != nil {
		e.g.P("// ", name, " finds the ", strings.ToLower(model.Spaced(one.Plural)), " of one ",
			strings.ToLower(model.Spaced(string(x.References.Message.Name()))), ".")
	} else {
		e.g.P("// ", name, " finds the ", strings.ToLower(model.Spaced(one.Plural)), " by ",
			strings.Join(words, " and "), ".")
	}
	e.g.P("func ", name, "(v *", offline.Ident("View"), ", ", strings.Join(params, ", "), ") []*", t, " {")
	e.g.P("return ", one.Plural, ".Where(v, func(m *", t, ") bool { return ", strings.Join(tests, " && "), " })")
	e.g.P("}")
}

// goType is the type of one value of a field.
func (e *emitter) goType(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "bool"
	case protoreflect.EnumKind:
		return e.g.QualifiedGoIdent(e.fields[f.FullName()].Enum.GoIdent)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "int32"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "uint32"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "int64"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "uint64"
	case protoreflect.FloatKind:
		return "float32"
	case protoreflect.DoubleKind:
		return "float64"
	case protoreflect.StringKind:
		return "string"
	case protoreflect.BytesKind:
		return "[]byte"
	}
	return "*" + e.typeOf(f.Message())
}

// equal compares two values of a field's type.
func (e *emitter) equal(f protoreflect.FieldDescriptor, a, b string) string {
	switch {
	case f.Kind() == protoreflect.BytesKind:
		return e.g.QualifiedGoIdent(protogen.GoImportPath("bytes").Ident("Equal")) + "(" + a + ", " + b + ")"
	case f.Message() != nil:
		return e.g.QualifiedGoIdent(protogen.GoImportPath("google.golang.org/protobuf/proto").Ident("Equal")) + "(" + a +
			", " + b + ")"
	}
	return a + " == " + b
}

// lower makes a name of a local variable out of an exported name.
func lower(name string) string {
	out := strings.ToLower(name[:1]) + name[1:]
	if keywords[out] {
		return out + "Is"
	}
	return out
}

// keywords, and names that the generated code uses itself.
var keywords = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`break case chan const continue default defer else fallthrough for func go goto if
		import interface map package range return select struct switch type var a at d m v e ok x true false nil`) {
		out[w] = true
	}
	return out
}()
