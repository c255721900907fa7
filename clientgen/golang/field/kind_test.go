package field_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
	_ "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	_ "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
)

// The server writes kinds by EntityKind, clients read them by the messages' annotations.
func TestTheAnnotationsNumberEntitiesAsTheServerDoes(t *testing.T) {
	t.Parallel()
	annotated := map[int32]string{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			if e, ok := proto.GetExtension(m.Options(), optionsv1.E_Entity).(*optionsv1.Entity); ok && e != nil {
				annotated[int32(e.GetKind())] = string(m.Name())
			}
		}
		return true
	})
	for n, name := range fieldv1.EntityKind_name {
		if n == 0 {
			continue
		}
		words := strings.ReplaceAll(strings.TrimPrefix(name, "ENTITY_KIND_"), "_", "")
		if words == "PAYPLAN" { // the message is that of the pay context, which knows versions only
			words = "PLANVERSION"
		}
		if got := strings.ToUpper(annotated[n]); got != words {
			t.Errorf("%s is %d for the server; the message of kind %d is %q", name, n, n, got)
		}
		delete(annotated, n)
	}
	if len(annotated) > 0 {
		t.Errorf("kinds that the server does not know: %v", annotated)
	}
}
