package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/change"
)

// cancel ends a ticket.
func (w trade) cancel(t *testing.T, id []byte) {
	t.Helper()
	must2(t)(officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL()).
		CancelTicket(t.Context(), with(&officev1.CancelTicketRequest{Id: id, Reason: "x"}, w.boss)))
}

// finish does a job from acceptance to completion.
func (h *hand) finish() {
	h.t.Helper()
	var visit fieldv1.Visit
	for _, b := range h.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT) {
		must(h.t, proto.Unmarshal(b, &visit))
		if visit.GetState() == fieldv1.VisitState_VISIT_STATE_DISPATCHED {
			break
		}
	}
	h.applied("visit.accept", &fieldv1.VisitAccept{VisitId: visit.GetId()})
	h.applied("visit.travel", &fieldv1.VisitTravel{VisitId: visit.GetId()})
	h.applied("visit.arrive", &fieldv1.VisitArrive{VisitId: visit.GetId()})
	h.applied("task.answer",
		&fieldv1.AnswerTask{VisitId: visit.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	h.applied("visit.complete", &fieldv1.VisitComplete{VisitId: visit.GetId()})
}

func (h *hand) says(unsent uint32) {
	h.t.Helper()
	must2(h.t)(h.w.sync().Pull(h.t.Context(), with(&syncv1.PullRequest{Unsent: unsent}, h.token)))
}

func (c company) tidy(t *testing.T) app.Tidied {
	t.Helper()
	done, err := c.Tidy(t.Context(), change.Org(c.org.ID))
	must(t, err)
	return done
}

func TestAFinishedTicketLeavesThePhoneAfterItsDaysButNotWhileSomethingIsUnsent(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	w.job(t, "O-1")
	phone.finish()
	must(t, w.Rooms.Account.KeepFinished(t.Context(), w.org.ID, 20))
	holds := func(kind fieldv1.EntityKind) int {
		phone.token = w.phone(t, w.tech).GetTokens().GetAccess() // the clock moved on past the old one
		return len(phone.holds(kind))
	}

	w.clock.Advance(19 * 24 * time.Hour)
	w.tidy(t)
	if n := holds(fieldv1.EntityKind_ENTITY_KIND_TICKET); n != 1 {
		t.Fatalf("%d tickets after 19 of 20 days", n)
	}
	w.clock.Advance(2 * 24 * time.Hour)
	phone.token = w.phone(t, w.tech).GetTokens().GetAccess()
	phone.says(1)
	if done := w.tidy(t); done.Finished != 1 { // the notice
		t.Errorf("something is unsent, and yet %+v", done)
	}
	phone.says(0)
	if done := w.tidy(t); done.Finished != 1 {
		t.Errorf("all is sent: %+v", done)
	}
	for _, kind := range []fieldv1.EntityKind{
		fieldv1.EntityKind_ENTITY_KIND_TICKET, fieldv1.EntityKind_ENTITY_KIND_VISIT, fieldv1.EntityKind_ENTITY_KIND_PROOF,
		fieldv1.EntityKind_ENTITY_KIND_NOTICE,
	} {
		if n := holds(kind); n != 0 {
			t.Errorf("%d of %s are still on the phone", n, kind)
		}
	}
	if n := holds(fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE); n == 0 {
		t.Error("this month's earnings left with the ticket")
	}
	w.clock.Advance(70 * 24 * time.Hour)
	if done := w.tidy(t); done.Lines == 0 {
		t.Errorf("earnings of the month before last are still on the phone: %+v", done)
	}
}

func TestWhatIsKeptIsMeasured(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	w := openTrade(t, func(c *app.Config) { c.Metrics = metrics })
	w.cancel(t, w.job(t, "O-1"))
	w.clock.Advance(91 * 24 * time.Hour)
	value := func(name, label string) float64 {
		t.Helper()
		families, err := metrics.Gather()
		must(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
					return m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
		t.Errorf("%s{%s} is not there", name, label)
		return 0
	}
	must(t, w.Measure(t.Context()))
	if n := value("doorstep_feed_entries", "tombstone"); n == 0 {
		t.Error("a cancelled ticket left no tombstone")
	}
	if age := value("doorstep_tombstone_oldest_seconds", ""); age < (90 * 24 * time.Hour).Seconds() {
		t.Errorf("the oldest tombstone is %v s old", age)
	}
	if value("doorstep_feeds", "") == 0 || value("doorstep_feed_bytes", "") == 0 ||
		value("doorstep_feed_largest_entries", "") == 0 ||
		value("doorstep_table_bytes", "sync_mutation") == 0 || value("doorstep_feed_entries", "live") == 0 {
		t.Error("sizes are missing")
	}
	done := w.tidy(t)
	if done.Tombstones == 0 || value("doorstep_collected_total", "tombstones") != float64(done.Tombstones) ||
		value("doorstep_expired_total", "finished") != float64(done.Finished) {
		t.Errorf("tidied %+v, and the metrics say otherwise", done)
	}
	if value("doorstep_rebuilds_unfinished", "") != 0 {
		t.Error("nobody rebuilds")
	}
}
