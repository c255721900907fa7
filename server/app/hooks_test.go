package app_test

import (
	"reflect"
	"slices"
	"testing"
)

// Hooks that may stay unconnected, each with its reason.
var unconnected = []string{
	"Account.Moved",        // rank asks where technicians belong when it needs to know
	"Proof.Config.Refused", // the phone sees a refusal in the proof itself
}

func TestEveryHookIsConnected(t *testing.T) {
	t.Parallel()
	c := open(t)
	rooms := reflect.ValueOf(c.Rooms)
	for i := range rooms.NumField() {
		f := rooms.Type().Field(i)
		if f.IsExported() && f.Type.Kind() == reflect.Pointer {
			walk(t, f.Name, rooms.Field(i).Elem())
		}
	}
}

func walk(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := path + "." + f.Name
		switch {
		case !f.IsExported():
		case f.Type.Kind() == reflect.Func && v.Field(i).IsNil() && !slices.Contains(unconnected, name):
			t.Errorf("%s is not connected", name)
		case f.Type.Kind() == reflect.Struct && (f.Name == "Hooks" || f.Name == "Keys" || f.Anonymous):
			walk(t, name, v.Field(i))
		}
	}
}
