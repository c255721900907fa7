package meter_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/clientgen/sample/meter"
	"github.com/doorstep-dev/doorstep/clientgen/sample/meterv1"
)

var (
	meterID, routeID, one, two, absent = id(1), id(2), id(3), id(4), id(9)

	at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
)

func id(n byte) []byte { u := uuid.UUID{15: n}; return u[:] }

// byHand is the effect that the annotations leave to the application.
type byHand struct{}

func (byHand) CloseRoute(v *offline.View, a *meterv1.CloseRoute, _ time.Time, d *offline.Draft) {
	for _, m := range meter.MetersByRouteID(v, a.GetRouteId()) {
		meter.Meters.Edit(d, m.GetId()).Tags = []string{"closed"}
	}
}

func item(t *testing.T, kind offline.Kind, id []byte, m proto.Message) offline.Item {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return offline.Item{Entity: offline.Entity{Kind: kind, ID: uuid.UUID(id)}, Body: b}
}

func view(t *testing.T) *offline.View {
	t.Helper()
	return offline.ViewOf(
		item(t, meter.Routes.Kind, routeID, &meterv1.Route{Id: routeID, Name: "north"}),
		item(t, meter.Meters.Kind, meterID, &meterv1.Meter{
			Id: meterID, RouteId: routeID, Status: meterv1.Status_STATUS_DUE, Visits: 2, Tags: []string{"dog", "dark"},
			Readings: []*meterv1.Reading{{Id: one, Kwh: 7}},
		}),
	)
}

// do lets the effect of one mutation show, and returns how many entities it changed.
func do(t *testing.T, v *offline.View, kind string, args proto.Message) int {
	t.Helper()
	b, err := proto.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	changes := meter.Effects(byHand{})[kind](v, offline.Mutation{Kind: kind, Args: b, DeviceTime: at})
	v.Apply(changes...)
	return len(changes)
}

func TestAReadingShowsAtOnce(t *testing.T) {
	t.Parallel()
	v := view(t)
	read := &meterv1.ReadMeter{
		Id: two, MeterId: meterID, Kwh: 9, Street: "Elm",
		Source: &meterv1.ReadMeter_ByCamera{ByCamera: "c1"},
	}
	if !meter.ReadMeter.Offered(v, read) || do(t, v, "meter.read", read) != 1 {
		t.Fatal("a due meter can be read")
	}
	m := meter.Meters.Get(v, meterID)
	if m.GetStatus() != meterv1.Status_STATUS_READ || m.GetVisits() != 3 || m.GetAddress().GetStreet() != "Elm" ||
		!m.GetReadAt().AsTime().Equal(at) {
		t.Errorf("meter %v", m)
	}
	if r := m.GetReadings(); len(r) != 2 || r[1].GetKwh() != 9 || r[1].GetByCamera() != "c1" ||
		!r[1].GetAt().AsTime().Equal(at) {
		t.Errorf("readings %v", r)
	}
	if meter.ReadMeter.Offered(v, read) || do(t, v, "meter.read", read) != 0 {
		t.Error("a meter that was read is not offered again and shows nothing more")
	}
}

func TestAnElementIsReplacedByItsKey(t *testing.T) {
	t.Parallel()
	v := view(t)
	do(t, v, "meter.read",
		&meterv1.ReadMeter{Id: one, MeterId: meterID, Kwh: 8, Source: &meterv1.ReadMeter_ByEye{ByEye: false}})
	r := meter.Meters.Get(v, meterID).GetReadings()
	if len(r) != 1 || r[0].GetKwh() != 8 {
		t.Fatalf("readings %v", r)
	}
	if _, chosen := r[0].GetSource().(*meterv1.Reading_ByEye); !chosen {
		t.Error("of a choice the one that was made is kept, false as it is")
	}
}

func TestAnEffectMayDependOnTheArguments(t *testing.T) {
	t.Parallel()
	v := view(t)
	do(t, v, "meter.miss", &meterv1.MissMeter{MeterId: meterID, Note: "nobody"})
	m := meter.Meters.Get(v, meterID)
	if m.GetStatus() != meterv1.Status_STATUS_DUE || m.GetNote() != "nobody" || m.Floor == nil || m.GetVisits() != 3 {
		t.Errorf("meter %v", m)
	}
	// Two effects on one entity add up.
	do(t, v, "meter.miss", &meterv1.MissMeter{MeterId: meterID, Final: true})
	if m = meter.Meters.Get(v, meterID); m.GetStatus() != meterv1.Status_STATUS_UNREACHABLE || m.GetVisits() != 4 {
		t.Errorf("meter %v", m)
	}
}

func TestElementsAreAddedAndTakenAway(t *testing.T) {
	t.Parallel()
	v := view(t)
	do(t, v, "meter.tag", &meterv1.TagMeter{MeterId: meterID, Tag: "lamp", InsteadOf: "dark", DropReading: one})
	m := meter.Meters.Get(v, meterID)
	if got := m.GetTags(); len(got) != 2 || got[0] != "dog" || got[1] != "lamp" || len(m.GetReadings()) != 0 {
		t.Errorf("meter %v", m)
	}
}

func TestEntitiesAreMadeOnceAndGo(t *testing.T) {
	t.Parallel()
	v := view(t)
	take := &meterv1.TakePhoto{Id: one, MeterId: meterID, Sha256: []byte{1}}
	if do(t, v, "photo.take", take) != 1 ||
		do(t, v, "photo.take", &meterv1.TakePhoto{Id: one, MeterId: meterID, Sha256: []byte{2}}) != 0 {
		t.Error("an entity is made once")
	}
	p := meter.Photos.Get(v, one)
	if p.GetRouteName() != "north" || p.GetSha256()[0] != 1 || len(meter.PhotosByMeterID(v, meterID)) != 1 ||
		!meter.Photos.Pending(v, one) {
		t.Errorf("photo %v", p)
	}
	if do(t, v, "photo.take", &meterv1.TakePhoto{Id: two, MeterId: absent}) != 0 {
		t.Error("what goes through an entity that is not here does not happen")
	}
	if do(t, v, "photo.drop", &meterv1.DropPhoto{PhotoId: one}) != 1 || meter.Photos.Get(v, one) != nil {
		t.Error("a dropped photo is gone")
	}
}

func TestWhatIsWrittenByHandUsesTheSameTables(t *testing.T) {
	t.Parallel()
	v := view(t)
	if do(t, v, "route.close", &meterv1.CloseRoute{RouteId: routeID}) != 1 ||
		meter.Meters.Get(v, meterID).GetTags()[0] != "closed" {
		t.Error("the route is not closed")
	}
	if got := meter.MetersByStatusAddressStreet(v, meterv1.Status_STATUS_DUE, ""); len(got) != 1 {
		t.Errorf("by index: %v", got)
	}
}

func TestRubbishHasNoEffect(t *testing.T) {
	t.Parallel()
	for kind, effect := range meter.Effects(byHand{}) {
		if got := effect(view(t), offline.Mutation{Kind: kind, Args: []byte{0xff}, DeviceTime: at}); len(got) != 0 {
			t.Errorf("%s: %v", kind, got)
		}
		if got := effect(offline.ViewOf(), offline.Mutation{Kind: kind, DeviceTime: at}); len(got) != 0 &&
			kind != "photo.take" {
			t.Errorf("%s on nothing: %v", kind, got)
		}
	}
}
