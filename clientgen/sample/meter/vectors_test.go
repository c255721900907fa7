package meter_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/clientgen/sample/meter"
	"github.com/doorstep-dev/doorstep/clientgen/sample/meterv1"
)

// vector is one effect: what the device holds, what is done, and what shows then. Bytes are in base64. The clients of
// all languages play these.
type vector struct {
	Name    string   `json:"name"`
	Holds   []entity `json:"holds"`
	Kind    string   `json:"kind"`
	Args    string   `json:"args"`
	At      string   `json:"at"`
	Changes []entity `json:"changes"`
}

// entity is a message as it is held, or as an effect leaves it. JSON is for people; body counts.
type entity struct {
	Kind    uint32          `json:"kind"`
	ID      string          `json:"id"`
	Body    string          `json:"body,omitempty"`
	Removed bool            `json:"removed,omitempty"`
	JSON    json.RawMessage `json:"json,omitempty"`
}

const vectors = "../../../sync/conformance/vectors/effects.json"

func text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func pack(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shown is an entity for people, too.
func shown(t *testing.T, kind offline.Kind, id, body []byte) entity {
	t.Helper()
	var m proto.Message
	switch kind {
	case meter.Routes.Kind:
		m = &meterv1.Route{}
	case meter.Meters.Kind:
		m = &meterv1.Meter{}
	default:
		m = &meterv1.Photo{}
	}
	if err := proto.Unmarshal(body, m); err != nil {
		t.Fatal(err)
	}
	b, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var readable bytes.Buffer // protojson's spaces change from build to build
	if err := json.Compact(&readable, b); err != nil {
		t.Fatal(err)
	}
	return entity{Kind: uint32(kind), ID: text(id), Body: text(body), JSON: readable.Bytes()}
}

func TestEffectsAreThoseOfTheSharedVectors(t *testing.T) {
	t.Parallel()
	full := &meterv1.Meter{
		Id: meterID, RouteId: routeID, Status: meterv1.Status_STATUS_DUE, Visits: 2, Tags: []string{"dog", "dark", "dog"},
		Readings: []*meterv1.Reading{{Id: one, Kwh: 7}, {Id: two, Kwh: 1 << 60, Source: &meterv1.Reading_ByEye{}}},
		Address:  &meterv1.Address{Street: "Oak", Phone: "13800000000"}, Note: new("old"),
	}
	bare := &meterv1.Meter{Id: meterID, RouteId: absent}
	read := &meterv1.Meter{Id: meterID, RouteId: routeID, Status: meterv1.Status_STATUS_READ}
	unknown := &meterv1.Meter{Id: meterID, RouteId: routeID, Status: 77}
	route := &meterv1.Route{Id: routeID, Name: "北 north"}
	photo := &meterv1.Photo{Id: one, MeterId: meterID, Sha256: []byte{1}}
	var made []vector
	for _, c := range []struct {
		name  string
		holds []proto.Message
		kind  string
		args  proto.Message
	}{
		{
			"sets, adds and appends; a nested message is made where it is missing",
			[]proto.Message{bare},
			"meter.read",
			&meterv1.ReadMeter{
				Id: one, MeterId: meterID, Kwh: 9, Street: "Elm",
				Source: &meterv1.ReadMeter_ByCamera{ByCamera: "c1"},
			},
		},
		{
			"a nested message keeps its other fields",
			[]proto.Message{full},
			"meter.read",
			&meterv1.ReadMeter{Id: absent, MeterId: meterID, Kwh: 1<<63 + 1},
		},
		{
			"an element is replaced by its key and goes last",
			[]proto.Message{full},
			"meter.read",
			&meterv1.ReadMeter{Id: one, MeterId: meterID, Kwh: 8, Source: &meterv1.ReadMeter_ByEye{}},
		},
		{"not offered: nothing shows", []proto.Message{read}, "meter.read", &meterv1.ReadMeter{Id: one, MeterId: meterID}},
		{
			"an enum's number that nobody knows is kept and compared",
			[]proto.Message{unknown},
			"meter.tag",
			&meterv1.TagMeter{MeterId: meterID, Tag: "lamp"},
		},
		{"not held: nothing shows", nil, "meter.read", &meterv1.ReadMeter{Id: one, MeterId: meterID}},
		{
			"a condition on the arguments",
			[]proto.Message{full},
			"meter.miss",
			&meterv1.MissMeter{MeterId: meterID, Note: "nobody"},
		},
		{
			"two effects on one entity add up; optional fields are set to their zero value",
			[]proto.Message{full},
			"meter.miss",
			&meterv1.MissMeter{MeterId: meterID, Final: true},
		},
		{
			"all equal elements go, one is added",
			[]proto.Message{full},
			"meter.tag",
			&meterv1.TagMeter{MeterId: meterID, Tag: "lamp", InsteadOf: "dog", DropReading: two},
		},
		{
			"made once it is held, with what stands behind two references",
			[]proto.Message{full, route},
			"photo.take",
			&meterv1.TakePhoto{Id: one, MeterId: meterID, Sha256: []byte{0, 255}, Size: 3, MediaType: "image/jpeg"},
		},
		{
			"an entity behind a reference is not held",
			[]proto.Message{full},
			"photo.take",
			&meterv1.TakePhoto{Id: one, MeterId: meterID},
		},
		{
			"there already: stays as it is",
			[]proto.Message{full, route, photo},
			"photo.take",
			&meterv1.TakePhoto{Id: one, MeterId: meterID, Sha256: []byte{2}},
		},
		{"goes", []proto.Message{photo}, "photo.drop", &meterv1.DropPhoto{PhotoId: one}},
		{"is gone already", nil, "photo.drop", &meterv1.DropPhoto{PhotoId: one}},
	} {
		v := vector{
			Name: c.name, Kind: c.kind, Args: text(pack(t, c.args)), At: at.Format(time.RFC3339), Holds: []entity{},
			Changes: []entity{},
		}
		var held []offline.Item
		for _, m := range c.holds {
			kind, id := meter.Photos.Kind, one
			switch m.(type) {
			case *meterv1.Route:
				kind, id = meter.Routes.Kind, routeID
			case *meterv1.Meter:
				kind, id = meter.Meters.Kind, meterID
			}
			held = append(held, item(t, kind, id, m))
			v.Holds = append(v.Holds, shown(t, kind, id, pack(t, m)))
		}
		done := offline.Mutation{Kind: c.kind, Args: pack(t, c.args), DeviceTime: at}
		for _, change := range meter.Effects(byHand{})[c.kind](offline.ViewOf(held...), done) {
			if change.Removed {
				v.Changes = append(v.Changes,
					entity{Kind: uint32(change.Entity.Kind), ID: text(change.Entity.ID[:]), Removed: true})
				continue
			}
			v.Changes = append(v.Changes, shown(t, change.Entity.Kind, change.Entity.ID[:], change.Body))
		}
		made = append(made, v)
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(map[string]any{
		"about": "What effects show, with the sample trade of clientgen/sample. Bytes are base64; json tells people what " +
			"body says. " +
			"A client gives the changes in this order; where its encoding of a body differs, the messages must be equal.",
		"vectors": made,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.FromSlash(vectors)
	if os.Getenv("DOORSTEP_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { //nolint:gosec // it is committed
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s is not what the Go client shows: look at the difference, then make golden", vectors)
	}
}
