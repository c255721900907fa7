// Package idjson writes messages as JSON for people, and reads it back: ids, which are 16 bytes on the wire, stand in
// it as the UUIDs that people and commands write. A field holds an id when it is of bytes and its name is id or ends in
// _id; a list of them ends in ids.
package idjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Marshal writes m, indented, with the proto's names of fields, sorted, those that are empty included. Equal messages
// give equal text.
func Marshal(m proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var v any // through a value, for protojson's spacing changes from build to build
	in := json.NewDecoder(bytes.NewReader(b))
	in.UseNumber()
	if err := in.Decode(&v); err != nil {
		return nil, err
	}
	asText(m.ProtoReflect(), v)
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// isID tells whether a field holds an id, or a list of them.
func isID(f protoreflect.FieldDescriptor) bool {
	if f.Kind() != protoreflect.BytesKind || f.IsMap() {
		return false
	}
	name := string(f.Name())
	if f.IsList() {
		return name == "ids" || strings.HasSuffix(name, "_ids")
	}
	return name == "id" || strings.HasSuffix(name, "_id")
}

// asText writes the ids of m in its JSON v. What is no UUID, an empty id among them, stays.
func asText(m protoreflect.Message, v any) {
	fields, ok := v.(map[string]any)
	if !ok {
		return // a message that has a JSON of its own: a time
	}
	m.Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch name := string(f.Name()); {
		case isID(f) && f.IsList():
			for i := range fields[name].([]any) {
				if id, err := uuid.FromBytes(value.List().Get(i).Bytes()); err == nil {
					fields[name].([]any)[i] = id.String()
				}
			}
		case isID(f):
			if id, err := uuid.FromBytes(value.Bytes()); err == nil {
				fields[name] = id.String()
			}
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i, one := range fields[name].([]any) {
				asText(value.List().Get(i).Message(), one)
			}
		default:
			asText(value.Message(), fields[name])
		}
		return true
	})
}

// Unmarshal reads JSON into m. An id is a UUID as text, or base64 of its bytes. See Strict for fields that m does not
// have.
func Unmarshal(text []byte, m proto.Message) error {
	if err := Strict(text, m); err != nil {
		return err
	}
	fromText(m.ProtoReflect())
	return nil
}

// fromText finds the ids that were written as text. protojson has read them as base64, as which they are valid: the 36
// characters of a UUID stand for 27 bytes, which are no id, and give the same 36 characters back.
func fromText(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case isID(f) && f.IsList():
			for i := range value.List().Len() {
				if id, ok := misread(value.List().Get(i).Bytes()); ok {
					value.List().Set(i, protoreflect.ValueOfBytes(id))
				}
			}
		case isID(f):
			if id, ok := misread(value.Bytes()); ok {
				m.Set(f, protoreflect.ValueOfBytes(id))
			}
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range value.List().Len() {
				fromText(value.List().Get(i).Message())
			}
		default:
			fromText(value.Message())
		}
		return true
	})
}

// misread gives the id whose text was taken for base64.
func misread(b []byte) ([]byte, bool) {
	if base64.URLEncoding.EncodedLen(len(b)) != len(uuid.Nil.String()) {
		return nil, false
	}
	id, err := uuid.Parse(base64.URLEncoding.EncodeToString(b))
	return id[:], err == nil
}
