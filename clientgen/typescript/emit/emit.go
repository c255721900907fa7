// Package emit writes the TypeScript client of a model: a table for each entity, with its look-ups, and for each
// mutation its kind, the conditions under which it is offered, and its effect. What it writes stands on
// clientgen/typescript/offline and on the messages that protoc-gen-es makes.
package emit

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// The packages that generated files import from, beside the messages.
const (
	offline  = "@doorstep-dev/offline"
	protobuf = "@bufbuild/protobuf"
	wkt      = "@bufbuild/protobuf/wkt"
)

// File is one file of the client, by its path below the root of sources.
type File struct{ Path, Text string }

// Emit writes the client. messages is the path from its files to the root of what protoc-gen-es made, for example
// ./gen.
func Emit(m *model.Model, messages string) ([]File, error) {
	var out []File
	for _, part := range []struct {
		path  string
		write func(*emitter, *model.Model)
	}{{"entities.gen.ts", (*emitter).entities}, {"mutations.gen.ts", (*emitter).mutations}} {
		e := &emitter{messages: messages, imports: map[string]map[string]bool{}}
		part.write(e, m)
		if e.err != nil {
			return nil, e.err
		}
		out = append(out, File{part.path, e.text()})
	}
	return out, nil
}

// emitter is one file in the making.
type emitter struct {
	messages string
	body     strings.Builder
	// depth counts the indents of the next line.
	depth int
	// imports are the imported names by module; true for those that are types alone.
	imports map[string]map[string]bool
	err     error
}

// use imports a value and returns its name.
func (e *emitter) use(module, name string) string { return e.imported(module, name, false) }

// useType imports a type and returns its name.
func (e *emitter) useType(module, name string) string { return e.imported(module, name, true) }

func (e *emitter) imported(module, name string, onlyType bool) string {
	if e.imports[module] == nil {
		e.imports[module] = map[string]bool{}
	}
	known, ok := e.imports[module][name]
	e.imports[module][name] = onlyType && (known || !ok)
	return name
}

// fail keeps the first thing that cannot be written.
func (e *emitter) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// schema is the value that describes a message.
func (e *emitter) schema(m protoreflect.MessageDescriptor) string {
	return e.use(e.module(m), typeName(m)+"Schema")
}

// messageType is the type of a message.
func (e *emitter) messageType(m protoreflect.MessageDescriptor) string {
	return e.useType(e.module(m), typeName(m))
}

// module is where protoc-gen-es puts a message or an enum.
func (e *emitter) module(d protoreflect.Descriptor) string {
	path := d.ParentFile().Path()
	if strings.HasPrefix(path, "google/protobuf/") {
		return wkt
	}
	return e.messages + "/" + strings.TrimSuffix(path, ".proto") + "_pb.js"
}

// valueType is the type of one value of a field.
func (e *emitter) valueType(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Kind() == protoreflect.BoolKind:
		return "boolean"
	case f.Enum() != nil:
		return e.useType(e.module(f.Enum()), typeName(f.Enum()))
	case f.Kind() == protoreflect.StringKind:
		return "string"
	case f.Kind() == protoreflect.BytesKind:
		return "Uint8Array"
	case f.Message() != nil:
		return e.messageType(f.Message())
	case wide(f):
		return "bigint"
	}
	return "number"
}

// wide tells whether numbers of a field need 64 bits.
func wide(f protoreflect.FieldDescriptor) bool {
	switch f.Kind() {
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind,
		protoreflect.Fixed64Kind:
		return true
	}
	return false
}

// zero is the value of a scalar field that is not there.
func (e *emitter) zero(f protoreflect.FieldDescriptor) string {
	switch {
	case f.Kind() == protoreflect.BoolKind:
		return "false"
	case f.Enum() != nil:
		return e.enumValue(f.Enum(), f.Enum().Values().Get(0))
	case f.Kind() == protoreflect.StringKind:
		return `""`
	case f.Kind() == protoreflect.BytesKind:
		return "new Uint8Array()"
	case wide(f):
		return "0n"
	}
	return "0"
}

func (e *emitter) enumValue(enum protoreflect.EnumDescriptor, v protoreflect.EnumValueDescriptor) string {
	return e.use(e.module(enum), typeName(enum)) + "." + valueName(enum, v)
}

// equal compares two values of a field's type.
func (e *emitter) equal(f protoreflect.FieldDescriptor, a, b string) string {
	if f.Kind() == protoreflect.BytesKind {
		return e.use(offline, "equalBytes") + "(" + a + ", " + b + ")"
	}
	return a + " === " + b
}

func (e *emitter) entities(m *model.Model) {
	for _, one := range m.Entities {
		e.blank()
		e.doc(fmt.Sprintf("The entities of kind %d. %s", one.Kind, comment(one.Message)))
		args := []string{fmt.Sprint(one.Kind), e.schema(one.Message)}
		if len(one.Sensitive) > 0 {
			args = append(args, list(one.Sensitive))
		}
		e.call("export const "+lower(one.Plural)+" = new "+e.use(offline, "Table"), args, ";")
		for _, x := range one.Indexes {
			e.lookup(one, x)
		}
	}
}

// list writes paths as an array of texts.
func list(paths []model.Path) string {
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = quote(p.String())
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// quote writes a text as prettier does: in double quotes unless single ones spare backslashes.
func quote(s string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `""` // a text can always be encoded
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if strings.Count(s, `"`) > strings.Count(s, "'") {
		inner := strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`)
		return "'" + strings.ReplaceAll(inner, "'", `\'`) + "'"
	}
	return text
}

// lookup writes the function that finds entities by an index.
func (e *emitter) lookup(one *model.Entity, x model.Index) {
	name, params := lower(one.Plural)+"By", []string{"view: " + e.useType(offline, "View")}
	var words, tests []string
	for _, p := range x.Fields {
		if p.End().Message() != nil {
			e.fail("%s: lang=ts cannot look up %s, a message", one.Message.FullName(), p)
			return
		}
		var upper strings.Builder
		for _, s := range p {
			upper.WriteString(capital(camel(string(s.Field.Name()))))
		}
		name += upper.String()
		param := local(lower(upper.String()))
		params = append(params, param+": "+e.valueType(p.End()))
		words = append(words, strings.ReplaceAll(strings.ReplaceAll(p.String(), "_", " "), ".", " "))
		tests = append(tests, e.equal(p.End(), e.read("m", p), param))
	}
	many := strings.ToLower(model.Spaced(one.Plural))
	e.blank()
	if x.References != nil {
		e.doc(fmt.Sprintf("Finds the %s of one %s.",
			many, strings.ToLower(model.Spaced(string(x.References.Message.Name())))))
	} else {
		e.doc(fmt.Sprintf("Finds the %s by %s.", many, strings.Join(words, " and ")))
	}
	e.function("export function "+name, params, e.messageType(one.Message)+"[]", func() {
		e.arrow("return "+lower(one.Plural)+".where(view, (m) =>", strings.Join(tests, " && "), ");")
	})
}

// read is the expression for the value at a path that stays in messages, with the zero value for what is not there.
func (e *emitter) read(holder string, p model.Path) string {
	text, maybe := follow(holder, false, p)
	return e.whole(text, maybe, p.End())
}

// whole gives an expression that may be undefined the zero value of the field.
func (e *emitter) whole(text string, maybe bool, f protoreflect.FieldDescriptor) string {
	if maybe && f.Message() == nil && !f.IsList() {
		return "(" + text + " ?? " + e.zero(f) + ")"
	}
	return text
}

// follow extends an expression by the steps of a path, none of which goes into another entity. It tells whether the
// value may be undefined.
func follow(text string, maybe bool, p model.Path) (string, bool) {
	for _, s := range p {
		dot := map[bool]string{false: ".", true: "?."}[maybe]
		if o := choice(s.Field); o != nil {
			of := text + dot + oneofName(o)
			text, maybe = fmt.Sprintf("(%s.case === %q ? %s.value : undefined)", of, fieldName(s.Field), of), true
			continue
		}
		text += dot + fieldName(s.Field)
		maybe = maybe || s.Field.HasPresence()
	}
	return text, maybe
}

// choice is the oneof that a field belongs to, nil for most.
func choice(f protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
		return o
	}
	return nil
}
