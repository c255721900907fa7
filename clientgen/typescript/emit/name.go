package emit

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// The names here are those that protoc-gen-es 2 gives.

// typeName is the type of a message or an enum: Outer_Inner for one within another.
func typeName(d protoreflect.Descriptor) string {
	name := string(d.Name())
	for p := d.Parent(); p != nil; p = p.Parent() {
		if m, ok := p.(protoreflect.MessageDescriptor); ok {
			name = string(m.Name()) + "_" + name
		}
	}
	if reservedTypes[name] {
		name += "$"
	}
	return name
}

func fieldName(f protoreflect.FieldDescriptor) string { return property(camel(string(f.Name()))) }

func oneofName(o protoreflect.OneofDescriptor) string { return property(camel(string(o.Name()))) }

// property keeps clear of what every object has.
func property(name string) string {
	if reservedProperties[name] {
		return name + "$"
	}
	return name
}

// valueName is the name of an enum's value: less the enum's own name, where all its values begin with it.
func valueName(enum protoreflect.EnumDescriptor, v protoreflect.EnumValueDescriptor) string {
	prefix := strings.ToUpper(snake(string(enum.Name()))) + "_"
	for i := range enum.Values().Len() {
		rest, ok := strings.CutPrefix(strings.ToUpper(string(enum.Values().Get(i).Name())), prefix)
		if !ok || rest == "" || unicode.IsDigit(rune(rest[0])) {
			return property(string(v.Name()))
		}
	}
	return property(string(v.Name())[len(prefix):])
}

// snake puts an underscore before each capital but the first.
func snake(name string) string { return strings.ReplaceAll(model.Spaced(name), " ", "_") }

// camel makes lowerCamelCase of a proto's name.
func camel(name string) string {
	var out strings.Builder
	up := false
	for _, r := range name {
		switch {
		case r == '_':
			up = true
			continue
		case up && !unicode.IsDigit(r):
			r = unicode.ToUpper(r)
		}
		out.WriteRune(r)
		up = false
	}
	return out.String()
}

func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// local makes the name of a parameter or variable, apart from those that the generated code has itself and from the
// language's.
func local(name string) string {
	if taken[name] {
		return name + "Is"
	}
	return name
}

var (
	reservedProperties = set("constructor toString toJSON valueOf")
	reservedTypes      = set(
		`Object Number String Boolean Array Uint8Array Map Set Date Symbol Error Promise Function RegExp BigInt Record`)
	taken = set(`view args at draft next element m o file break case catch class const continue debugger default delete do
		else enum export extends false finally for function if import in instanceof new null return super switch this throw
		true try typeof var void while with yield let static implements interface package private protected public await async of`)
)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}
