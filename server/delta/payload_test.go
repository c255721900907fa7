package delta_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
	"github.com/doorstep-dev/doorstep/server/delta"
)

func TestAnEditKeepsWhatANewerAppWrote(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	args, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: id[:]})
	if err != nil {
		t.Fatal(err)
	}
	newer := []byte("\xc2\x3e\x03new") // field 1000
	args = append(args, newer...)
	p := delta.KnownPayloads()
	_, text := p.Read("visit.accept", args)
	edited, err := p.Write("visit.accept", text, args)
	if err != nil || !bytes.Contains(edited, newer) {
		t.Errorf("%x %v", edited, err)
	}
	if _, err := p.Write("visit.accept", `{"visitid": ""}`, args); err == nil {
		t.Error("a misspelt field was taken")
	}
}

func TestTheFieldsOfEvidenceThatMayBeCorrectedExist(t *testing.T) {
	t.Parallel()
	found := 0
	for kind, m := range delta.KnownPayloads() {
		annotated, _ := proto.GetExtension(m.Descriptor().Options(), optionsv1.E_Mutation).(*optionsv1.Mutation)
		for _, name := range annotated.GetEvidence().GetCorrectable() {
			found++
			if m.Descriptor().Fields().ByName(protoreflect.Name(name)) == nil {
				t.Errorf("%s has no field %s", kind, name)
			}
		}
	}
	if found < 4 {
		t.Errorf("%d fields of evidence may be corrected", found)
	}
}
