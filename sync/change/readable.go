package change

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Readable gives TextUnprintable, with the field's name, when a text anywhere in the arguments has a control character
// other than line feed, carriage return and tab. Nobody types such; a database refuses some (NUL), and a terminal obeys
// others. A mutator returns the error, so that the person
// hears what is wrong; a client refuses it before it is saved.
func Readable(args proto.Message) error {
	return readable(args.ProtoReflect())
}

func readable(m protoreflect.Message) (err error) {
	check := func(f protoreflect.FieldDescriptor, v protoreflect.Value) error {
		switch f.Kind() {
		case protoreflect.MessageKind, protoreflect.GroupKind:
			return readable(v.Message())
		case protoreflect.StringKind:
			if strings.ContainsFunc(v.String(), unreadable) {
				return fault.New(fault.TextUnprintable, "%s", f.Name())
			}
		}
		return nil
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = check(f, v.List().Get(i))
			}
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				if err = check(f.MapKey(), k.Value()); err == nil {
					err = check(f.MapValue(), v)
				}
				return err == nil
			})
		default:
			err = check(f, v)
		}
		return err == nil
	})
	return err
}

func unreadable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
