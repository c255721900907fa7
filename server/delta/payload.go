package delta

import (
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/doorstep-dev/doorstep/internal/idjson"
	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Payloads are the messages of mutations' arguments, by the mutation's kind.
type Payloads map[string]protoreflect.MessageType

// KnownPayloads finds the messages that say of themselves which kind of mutation they belong to.
func KnownPayloads() Payloads {
	out := Payloads{}
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		m, ok := proto.GetExtension(t.Descriptor().Options(), optionsv1.E_Mutation).(*optionsv1.Mutation)
		if ok && m.GetKind() != "" {
			out[m.GetKind()] = t
		}
		return true
	})
	return out
}

// Read gives a mutation's arguments as JSON for people, with all the fields of its message, and the message's name.
// Both are empty for a kind that is not known; only the JSON is for arguments that are none of that message.
func (p Payloads) Read(kind string, args []byte) (name, text string) {
	t, ok := p[kind]
	if !ok {
		return "", ""
	}
	name = string(t.Descriptor().FullName())
	m := t.New().Interface()
	if proto.Unmarshal(args, m) != nil {
		return name, ""
	}
	b, err := idjson.Marshal(m)
	if err != nil {
		return name, ""
	}
	return name, string(b)
}

// Write turns edited JSON into arguments of the kind. JSON that is not the kind's message, or breaks one of its
// rules, gives InvalidArgument with what is wrong. Fields of the first arguments that this server does not know, for a
// newer app made them, stand in no JSON, and stay.
func (p Payloads) Write(kind, text string, first []byte) ([]byte, error) {
	t, ok := p[kind]
	if !ok {
		return nil, fault.New(fault.MutationUnknown, "%.64s", kind)
	}
	m := t.New().Interface()
	if err := idjson.Unmarshal([]byte(text), m); err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "payload: %.300s", err.Error())
	}
	if err := protovalidate.Validate(m); err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "payload: %.300s", err.Error())
	}
	if was := t.New(); proto.Unmarshal(first, was.Interface()) == nil {
		keepUnknown(was, m.ProtoReflect())
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// keepUnknown gives a message the unknown fields of what it was, also within the single messages that both have. Those
// within lists are lost where nobody can say which element is which.
func keepUnknown(was, is protoreflect.Message) {
	is.SetUnknown(was.GetUnknown())
	was.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Message() != nil && !f.IsList() && !f.IsMap() && is.Has(f) {
			keepUnknown(v.Message(), is.Mutable(f).Message())
		}
		return true
	})
}

// evidenceOf tells whether a message is evidence, and which of its fields the office may correct.
func evidenceOf(t protoreflect.MessageType) (correctable []string, ok bool) {
	m, _ := proto.GetExtension(t.Descriptor().Options(), optionsv1.E_Mutation).(*optionsv1.Mutation)
	return m.GetEvidence().GetCorrectable(), m.GetEvidence() != nil
}

// keepsEvidence refuses arguments that change evidence: Forbidden.
func (p Payloads) keepsEvidence(kind string, was, is []byte) error {
	t, known := p[kind]
	if !known || is == nil {
		return nil
	}
	correctable, ok := evidenceOf(t)
	if !ok {
		return nil
	}
	before, after := t.New(), t.New()
	if proto.Unmarshal(was, before.Interface()) == nil && proto.Unmarshal(is, after.Interface()) == nil {
		for _, name := range correctable {
			f := before.Descriptor().Fields().ByName(protoreflect.Name(name))
			before.Clear(f)
			after.Clear(f)
		}
		if proto.Equal(before.Interface(), after.Interface()) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "payload: of %s only %s and the time may be changed", kind,
		strings.Join(correctable, ", "))
}
