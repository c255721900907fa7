package command

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/office/v1"
)

func TestIDsInJSONAreWrittenAsOtherCommandsTakeThem(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01930000-0000-7000-8000-000000000001")
	m := &officev1.WhyResponse{TicketId: id[:], Phones: []*officev1.PhoneAnswer{{DeviceId: id[:], LastPull: timestamppb.Now()}, {}}}
	b, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	idsAsText(m.ProtoReflect(), v)
	devices := v["phones"].([]any)
	if v["ticket_id"] != id.String() || devices[0].(map[string]any)["device_id"] != id.String() || devices[1].(map[string]any)["device_id"] != "" {
		t.Errorf("written %v", v)
	}
}
