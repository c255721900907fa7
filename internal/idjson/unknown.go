package idjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// UnknownFieldError says that a message in JSON has a field that its type does not have.
type UnknownFieldError struct {
	// Path leads to the field: plan.components[2].effectiveTo. Characters that no field's name has stand in it as '?'.
	Path string
	// Near is the name of the field beside it that was probably meant; empty when none is near.
	Near string
}

func (e *UnknownFieldError) Error() string {
	if e.Near == "" {
		return "unknown field " + e.Path
	}
	return fmt.Sprintf("unknown field %s, did you mean %s", e.Path, e.Near)
}

// Strict reads JSON into m and refuses fields that m's type does not have, at any depth, with an UnknownFieldError:
// JSON is what people and scripts write, and a field that nobody reads is a wish that nobody fulfils.
func Strict(text []byte, m proto.Message) error {
	err := protojson.Unmarshal(text, m)
	if err == nil {
		return nil
	}
	if unknown := FindUnknown(text, m.ProtoReflect().Descriptor()); unknown != nil {
		return unknown
	}
	return err
}

// FindUnknown finds the first field of the JSON that the type does not have, and nil when there is none or the text is
// no JSON.
func FindUnknown(text []byte, d protoreflect.MessageDescriptor) *UnknownFieldError {
	var v any
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if in.Decode(&v) != nil {
		return nil //nolint:nilerr // what is no JSON has no fields; the reader before says what is wrong with it
	}
	return unknownIn("", v, d)
}

func unknownIn(path string, v any, d protoreflect.MessageDescriptor) *UnknownFieldError {
	fields, ok := v.(map[string]any)
	if !ok || d.FullName().Parent() == "google.protobuf" {
		return nil // what has a JSON of its own: a time, a free-form value
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := join(path, name)
		f := d.Fields().ByJSONName(name)
		if f == nil {
			f = d.Fields().ByTextName(name)
		}
		if f == nil {
			if strings.HasPrefix(name, "[") {
				continue // an extension
			}
			return &UnknownFieldError{Path: at, Near: nearest(name, d)}
		}
		if e := unknownInField(at, fields[name], f); e != nil {
			return e
		}
	}
	return nil
}

func unknownInField(at string, v any, f protoreflect.FieldDescriptor) *UnknownFieldError {
	of := f.Message()
	if f.IsMap() {
		of = f.MapValue().Message()
	}
	if of == nil {
		return nil
	}
	switch v := v.(type) {
	case []any:
		for i, one := range v {
			if e := unknownIn(at+"["+strconv.Itoa(i)+"]", one, of); e != nil {
				return e
			}
		}
	case map[string]any:
		if !f.IsMap() {
			return unknownIn(at, v, of)
		}
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if e := unknownIn(at+"["+printable(key)+"]", v[key], of); e != nil {
				return e
			}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return printable(name)
	}
	return path + "." + printable(name)
}

// printable shortens a name that somebody sent, and leaves of it what names are made of.
func printable(name string) string {
	const most = 64
	var b strings.Builder
	for i, r := range name {
		if i >= most {
			b.WriteString("…")
			break
		}
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			b.WriteRune(r)
		} else {
			b.WriteByte('?')
		}
	}
	return b.String()
}

// nearest is the name of the type's field that differs least from the given one, as JSON writes it; empty when more
// than a quarter of it would have to change.
func nearest(name string, d protoreflect.MessageDescriptor) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)) }
	want := plain(name)
	if len(want) > 64 {
		return ""
	}
	best, found := max(1, len(want)/4)+1, ""
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if n := distance(want, plain(f.JSONName())); n < best {
			best, found = n, f.JSONName()
		}
	}
	return found
}

// distance is how many characters have to be put in, taken out or changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, last+1, row[j]+1)
		}
	}
	return row[len(b)]
}
