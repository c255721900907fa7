package model

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// literal reads a fixed value of a field's type.
func (b *builder) literal(f protoreflect.FieldDescriptor, text string) *Literal {
	v, ok := parse(f, text)
	if !ok {
		b.problem("%q is no value of %s, which is %s", text, f.Name(), typeName(f))
		return nil
	}
	return &Literal{Field: f, Value: v}
}

func parse(f protoreflect.FieldDescriptor, text string) (v protoreflect.Value, ok bool) {
	if f.IsList() || f.IsMap() {
		return v, false
	}
	number := func(x any, err error) (protoreflect.Value, bool) { return protoreflect.ValueOf(x), err == nil }
	switch f.Kind() {
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByName(protoreflect.Name(text)); e != nil {
			return protoreflect.ValueOfEnum(e.Number()), true
		}
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), true
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(text == "true"), text == "true" || text == "false"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return number(int32(n), err)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return number(n, err)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return number(uint32(n), err)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return number(n, err)
	case protoreflect.DoubleKind:
		n, err := strconv.ParseFloat(text, 64)
		return number(n, err)
	case protoreflect.FloatKind:
		n, err := strconv.ParseFloat(text, 32)
		return number(float32(n), err)
	}
	return v, false
}
