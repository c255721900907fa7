package delta_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
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
