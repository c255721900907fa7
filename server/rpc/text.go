package rpc

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// storable gives InvalidArgument, with the field's path, when a text anywhere in a request holds a NUL: PostgreSQL
// keeps none, so it would fail in whichever statement meets it first, far from who sent it. Other control characters
// are for the rooms to judge: what a scanner reads has some.
func storable(path string, m protoreflect.Message) (err error) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := path + string(f.Name())
		switch {
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = storableValue(fmt.Sprintf("%s[%d]", at, i), f, v.List().Get(i))
			}
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				if err = storableValue(at, f.MapKey(), k.Value()); err == nil {
					err = storableValue(at, f.MapValue(), v)
				}
				return err == nil
			})
		default:
			err = storableValue(at, f, v)
		}
		return err == nil
	})
	return err
}

func storableValue(path string, f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return storable(path+".", v.Message())
	case protoreflect.StringKind:
		if strings.IndexByte(v.String(), 0) >= 0 {
			return fault.New(fault.InvalidArgument, "%s: must not contain the character U+0000", path)
		}
	}
	return nil
}
