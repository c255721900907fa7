package idjson

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
)

var id = uuid.MustParse("01930000-0000-7000-8000-000000000001")

func TestIDsAreWrittenAsPeopleWriteThemAtAnyDepth(t *testing.T) {
	t.Parallel()
	b, err := Marshal(&officev1.WhyResponse{
		TicketId: id[:], UserName: "<李>", Phones: []*officev1.PhoneAnswer{{DeviceId: id[:], LastPull: timestamppb.Now()}, {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"ticket_id": "` + id.String(), `"device_id": "` + id.String(), `"device_id": ""`,
		"<李>",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	list, err := Marshal(&accountv1.Technician{TeamIds: [][]byte{id[:], id[:]}})
	if err != nil || strings.Count(string(list), id.String()) != 2 {
		t.Errorf("a list of ids: %s %v", list, err)
	}
}

func TestAnIDIsReadAsTextAndAsBase64(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		id.String(): true, strings.ToUpper(id.String()): true, "AZMAAAAAcACAAAAAAAAAAQ==": true,
		"AZMAAAAAcACAAAAAAAAAAQ":              true,
		"01930000-0000-7000-8000-00000000000": false, "01930000-0000-7000-8000-00000000000x": false, "AAAA": false,
	} {
		m := &fieldv1.VisitAccept{}
		err := Unmarshal([]byte(`{"visit_id": "`+text+`"}`), m)
		if got := err == nil && string(m.GetVisitId()) == string(id[:]); got != ok {
			t.Errorf("%s: %x %v", text, m.GetVisitId(), err)
		}
	}
	if err := Unmarshal([]byte(`{"visit_id": "", "visit_id": ""}`), &fieldv1.VisitAccept{}); err == nil {
		t.Error("a field was given twice")
	}
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string, n int) []byte { return rapid.SliceOfN(rapid.Byte(), 0, n).Draw(t, label) }
		m := &fieldv1.AttachProof{
			Id:      rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"),
			VisitId: rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "visit"),
			Step:    rapid.StringMatching(`[a-z<>&"]{0,9}`).Draw(t, "step"), Sha256: some("digest", 32),
			Size: rapid.Uint64().Draw(t, "size"),
		}
		b, err := Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back := &fieldv1.AttachProof{}
		if err := Unmarshal(b, back); err != nil || !proto.Equal(m, back) {
			t.Fatalf("%v\n%s\n%v %v", m, b, back, err)
		}
	})
}
