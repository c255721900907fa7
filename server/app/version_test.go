package app_test

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// appVersionRunes is how long the name and version of an app may be, wherever it says them. A phone that is let in
// with a name must not be refused its first sync for it, nor the other way round.
const appVersionRunes = 80

func TestAnAppMaySayTheSameVersionEverywhere(t *testing.T) {
	t.Parallel()
	told := 0
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			version := m.Fields().ByName("app_version")
			if version == nil || !version.Options().ProtoReflect().IsValid() {
				continue // what the office is shown has no rule
			}
			told++
			rules, err := protovalidate.ResolveFieldRules(version)
			if err != nil || rules.GetString().GetMaxLen() != appVersionRunes {
				t.Errorf("%s: at most %d characters, want %d (%v)", version.FullName(), rules.GetString().GetMaxLen(),
					appVersionRunes, err)
			}
		}
		return true
	})
	if told < 2 {
		t.Errorf("%d messages tell the app's version", told)
	}
}
