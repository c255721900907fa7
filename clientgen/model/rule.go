package model

import (
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rule is what the server asks of one field of a mutation's arguments, whatever the state of things (buf.validate). A
// client checks it before it saves, for what breaks it would only be parked. A field that is absent breaks no rule but
// Chosen.
type Rule struct {
	Field protoreflect.FieldDescriptor
	// Chosen is a oneof of which some field must be set; then Field is nil.
	Chosen protoreflect.OneofDescriptor
	// Length bounds a string in characters, bytes in bytes; Items bounds a list in elements, Range a number.
	Length, Items, Range *Bounds
	// Finite: the number is neither infinite nor none.
	Finite bool
	// Pattern is a regular expression that a part of the string matches; empty when there is none.
	Pattern string
	// Among are the values that an enum may have; nil when all.
	Among []protoreflect.EnumNumber
	// Each is the rule of every element; nil when there is none.
	Each *Rule
	// Into are the rules of the message that the field holds, or of each message in the list.
	Into protoreflect.MessageDescriptor
}

// Bounds are a least and a greatest value, both allowed.
type Bounds struct{ Least, Most uint64 }

// Rules are those of a message, in the order of its fields. An error names a rule that clients cannot check.
func Rules(md protoreflect.MessageDescriptor) ([]Rule, error) {
	return rules(md, map[protoreflect.FullName]bool{})
}

func rules(md protoreflect.MessageDescriptor, within map[protoreflect.FullName]bool) (out []Rule, err error) {
	if within[md.FullName()] {
		return nil, fmt.Errorf("%s: a message with rules must not hold itself", md.FullName())
	}
	within[md.FullName()] = true
	defer delete(within, md.FullName())
	for i := range md.Oneofs().Len() {
		o := md.Oneofs().Get(i)
		if r, _ := proto.GetExtension(o.Options(), validate.E_Oneof).(*validate.OneofRules); r.GetRequired() {
			out = append(out, Rule{Chosen: o})
		}
	}
	for i := range md.Fields().Len() {
		f := md.Fields().Get(i)
		said, _ := proto.GetExtension(f.Options(), validate.E_Field).(*validate.FieldRules)
		r, err := rule(f, said)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.FullName(), err)
		}
		if f.Message() != nil && !f.IsMap() {
			inner, err := rules(f.Message(), within)
			if err != nil {
				return nil, err
			}
			if len(inner) > 0 {
				r.Into = f.Message()
			}
		}
		if r.checks() {
			out = append(out, r)
		}
	}
	return out, nil
}

func (r Rule) checks() bool {
	return r.Length != nil || r.Items != nil || r.Range != nil || r.Finite || r.Pattern != "" || r.Among != nil ||
		r.Each != nil || r.Into != nil
}

// unbounded is the greatest number of things that a message may hold.
const unbounded = 1<<31 - 1

func rule(f protoreflect.FieldDescriptor, said *validate.FieldRules) (r Rule, err error) {
	r.Field = f
	rest := proto.CloneOf(said)
	switch {
	case said.GetString() != nil:
		s, left := said.GetString(), rest.GetString()
		r.Length, r.Pattern = bounds(s.MinLen, s.MaxLen), s.GetPattern()
		left.MinLen, left.MaxLen, left.Pattern = nil, nil, nil
	case said.GetBytes() != nil:
		s, left := said.GetBytes(), rest.GetBytes()
		r.Length = bounds(s.MinLen, s.MaxLen)
		if s.Len != nil {
			r.Length = &Bounds{s.GetLen(), s.GetLen()}
		}
		left.MinLen, left.MaxLen, left.Len = nil, nil, nil
	case said.GetUint32() != nil:
		s, left := said.GetUint32(), rest.GetUint32()
		r.Range = &Bounds{0, 1<<32 - 1}
		if least, ok := s.GetGreaterThan().(*validate.UInt32Rules_Gte); ok {
			r.Range.Least, left.GreaterThan = uint64(least.Gte), nil
		}
		if most, ok := s.GetLessThan().(*validate.UInt32Rules_Lte); ok {
			r.Range.Most, left.LessThan = uint64(most.Lte), nil
		}
	case said.GetUint64() != nil:
		s, left := said.GetUint64(), rest.GetUint64()
		r.Range = &Bounds{0, 1<<63 - 1} // a Long has no more
		if least, ok := s.GetGreaterThan().(*validate.UInt64Rules_Gte); ok {
			r.Range.Least, left.GreaterThan = least.Gte, nil
		}
		if most, ok := s.GetLessThan().(*validate.UInt64Rules_Lte); ok {
			r.Range.Most, left.LessThan = most.Lte, nil
		}
	case said.GetDouble() != nil:
		r.Finite, rest.GetDouble().Finite = said.GetDouble().GetFinite(), nil
	case said.GetEnum() != nil:
		s, left := said.GetEnum(), rest.GetEnum()
		if s.GetDefinedOnly() {
			r.Among = among(f.Enum(), s.NotIn)
			left.DefinedOnly, left.NotIn = nil, nil
		}
	case said.GetRepeated() != nil:
		s, left := said.GetRepeated(), rest.GetRepeated()
		r.Items = bounds(s.MinItems, s.MaxItems)
		if s.Items != nil {
			each, err := rule(f, s.Items)
			if err != nil {
				return r, err
			}
			r.Each = &each
		}
		left.MinItems, left.MaxItems, left.Items = nil, nil, nil
	}
	if known := (&validate.FieldRules{Type: rest.GetType()}); said != nil &&
		(proto.Size(inner(known)) > 0 || rest.Required != nil || rest.Ignore != nil || len(rest.Cel) > 0) {
		return r, fmt.Errorf("clients cannot check %v", rest)
	}
	return r, nil
}

// inner is the message of rules that a field's rules hold; nil when there is none.
func inner(r *validate.FieldRules) proto.Message {
	m := r.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if f == nil {
		return nil
	}
	return m.Get(f).Message().Interface()
}

func bounds(least, most *uint64) *Bounds {
	if least == nil && most == nil {
		return nil
	}
	b := &Bounds{Most: unbounded}
	if least != nil {
		b.Least = *least
	}
	if most != nil {
		b.Most = *most
	}
	return b
}

func among(e protoreflect.EnumDescriptor, not []int32) (out []protoreflect.EnumNumber) {
	out = []protoreflect.EnumNumber{}
values:
	for i := range e.Values().Len() {
		n := e.Values().Get(i).Number()
		for _, no := range not {
			if protoreflect.EnumNumber(no) == n {
				continue values
			}
		}
		out = append(out, n)
	}
	return out
}
