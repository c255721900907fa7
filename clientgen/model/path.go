package model

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// String is the path as it is written in an annotation.
func (p Path) String() string {
	names := make([]string, len(p))
	for i, s := range p {
		names[i] = string(s.Field.Name())
	}
	return strings.Join(names, ".")
}

// path resolves a dotted name that begins in a mutation's arguments and may go on in the entities that it names.
func (b *builder) path(m protoreflect.MessageDescriptor, text string) Path {
	return b.walk(m, text, true)
}

// inside resolves a dotted name that stays in a message and those that it holds.
func (b *builder) inside(m protoreflect.MessageDescriptor, text string) Path {
	return b.walk(m, text, false)
}

func (b *builder) walk(m protoreflect.MessageDescriptor, text string, hop bool) (out Path) {
	names := strings.Split(text, ".")
	for i, name := range names {
		f := b.field(m, name)
		if f == nil {
			return nil
		}
		step := Step{Field: f}
		if last := i == len(names)-1; !last {
			switch to := b.points[f.FullName()]; {
			case to != nil && hop:
				step.Into, m = to, to.Message
			case f.Message() != nil && !f.IsList() && !f.IsMap():
				m = f.Message()
			case hop:
				b.problem("%q goes on after %s, which is %s: only a message or a field with references leads on",
					text, name, typeName(f))
				return nil
			default:
				b.problem("%q goes on after %s, which is %s: only one message leads on", text, name, typeName(f))
				return nil
			}
		}
		out = append(out, step)
	}
	return out
}

// target is the entity whose id stands at the end of a path.
func (b *builder) target(p Path) *Entity { return b.points[p.End().FullName()] }

// typeName is a field's type for people: repeated string, doorstep.types.v1.Money.
func typeName(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return "a map"
	case f.Message() != nil:
		name = string(f.Message().FullName())
	case f.Enum() != nil:
		name = string(f.Enum().FullName())
	}
	if f.IsList() {
		return "repeated " + name
	}
	return name
}

// fits tells whether a value of one field can be kept in another.
func fits(from, to protoreflect.FieldDescriptor) bool {
	return typeName(from) == typeName(to) && !to.IsMap()
}

const timestamp = "google.protobuf.Timestamp"

func isTimestamp(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && f.Message().FullName() == timestamp && !f.IsList()
}
