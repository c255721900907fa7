package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// watched is a phone whose clock one can set.
type watched struct {
	company
	t     *testing.T
	token string
	ahead time.Duration
	seq   uint64
	queue []*syncv1.Mutation
	// way is how long the last call took: what is told of the clock is off by no more.
	way time.Duration
}

func (w *watched) now() time.Time { return w.company.clock.Now().Add(w.ahead) }

// does saves something on the phone.
func (w *watched) does(kind string, args proto.Message) []byte {
	w.t.Helper()
	b, err := proto.Marshal(args)
	must(w.t, err)
	w.seq++
	id := uuid.Must(uuid.NewV7())
	w.queue = append(w.queue,
		&syncv1.Mutation{Sequence: w.seq, Id: id[:], Kind: kind, Args: b, DeviceTime: timestamppb.New(w.now())})
	return id[:]
}

// sends hands in what was saved and compares the verdicts' outcomes and codes.
func (w *watched) sends(want ...string) {
	w.t.Helper()
	begun := time.Now()
	res, err := w.company.sync().Push(w.t.Context(),
		with(&syncv1.PushRequest{Mutations: w.queue, DeviceTime: timestamppb.New(w.now())}, w.token))
	must(w.t, err)
	w.way = time.Since(begun)
	w.queue = nil
	var got []string
	for _, v := range res.Msg.GetVerdicts() {
		got = append(got, v.GetOutcome().String()[len("OUTCOME_"):]+" "+v.GetCode())
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("got  %q\nwant %q", got, want)
	}
}

func (w *watched) visit(id uuid.UUID) (v *fieldv1.Visit) {
	w.t.Helper()
	w.company.within(w.t, func(tx *postgres.Tx) error {
		got, err := w.company.Rooms.Ticket.Get(w.t.Context(), tx, id, ticket.Reach{All: true}, true)
		if err == nil {
			v = got.GetVisits()[0]
		}
		return err
	})
	return v
}

const (
	done   = "APPLIED "
	future = "PARKED " + string(fault.DeviceTimeFuture)
	waits  = "PARKED " + string(fault.WaitsForParked)
)

func TestWorkOfAClockThatIsAheadIsTakenAtItsTrueTime(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{
		"an hour": time.Hour, "a day": 24 * time.Hour,
		"seventy years": 70 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, generous)
			job := c.assigned(t)
			w := &watched{company: c, t: t, token: c.phone(t, c.tech).GetTokens().GetAccess(), ahead: ahead}
			c.clock.Advance(time.Minute)
			accepted := c.clock.Now()
			w.does("visit.accept", &fieldv1.VisitAccept{VisitId: job.visit[:]})
			c.clock.Advance(6 * time.Minute) // offline
			arrived := c.clock.Now()
			w.does("visit.arrive", &fieldv1.VisitArrive{VisitId: job.visit[:]})
			c.clock.Advance(time.Minute)
			w.sends(done, done)
			v := w.visit(job.ticket)
			if !w.near(v.GetAcceptedAt(), accepted) || !w.near(v.GetArrivedAt(), arrived) {
				t.Errorf("accepted %v arrived %v, want %v %v", v.GetAcceptedAt().AsTime(), v.GetArrivedAt().AsTime(),
					accepted, arrived)
			}
			// With a right clock the day goes on.
			w.ahead = 0
			w.does("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: job.visit[:], Reason: "absent"})
			w.sends(done)
		})
	}
}

// near tells whether a time is the true one, but for what the way to the office took.
func (w *watched) near(at *timestamppb.Timestamp, want time.Time) bool {
	d := at.AsTime().Sub(want)
	return d >= -time.Second && d <= w.way+time.Second
}

func TestWhatBuildsOnParkedWorkIsParkedWithItAndReplayedInOrder(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job, other := c.assigned(t), c.assigned(t)
	w := &watched{company: c, t: t, token: c.phone(t, c.tech).GetTokens().GetAccess(), ahead: 24 * time.Hour}
	c.clock.Advance(time.Minute)
	accept := w.does("visit.accept", &fieldv1.VisitAccept{VisitId: job.visit[:]})
	c.clock.Advance(4 * time.Minute)
	arrive := w.does("visit.arrive", &fieldv1.VisitArrive{VisitId: job.visit[:]})
	arrived := c.clock.Now()
	c.clock.Advance(3 * time.Minute)
	w.ahead = 0 // somebody sets it right, still offline
	brk := w.does("visit.break", &fieldv1.VisitBreak{VisitId: job.visit[:]})
	note := uuid.Must(uuid.NewV7())
	w.does("note.add", &fieldv1.AddNote{Id: note[:], TicketId: job.ticket[:], Text: "墙是空心的"})
	w.does("visit.accept", &fieldv1.VisitAccept{VisitId: other.visit[:]})
	c.clock.Advance(time.Minute)
	w.sends(future, future, waits, done, done)
	// And in a later call.
	end := w.does("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: job.visit[:], Reason: "absent"})
	w.sends(waits)

	q := c.queue(t)
	if got := q.show(end).GetWaitsFor(); !slices.Equal(got, accept) {
		t.Errorf("it waits for %x, want %x", got, accept)
	}
	if v := q.replay(end); v.GetCode() != string(fault.WaitsForParked) {
		t.Errorf("replayed before what it waits for: %v", v)
	}
	want(t, "when the first was done",
		q.edit(&syncv1.EditParkedRequest{Id: accept, DoneAt: timestamppb.New(arrived.Add(-4 * time.Minute))}), "")
	if v := q.replay(accept); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Fatalf("replayed: %v", v)
	}
	for _, id := range [][]byte{arrive, brk, end} {
		if p := q.show(id); p.GetResolution() != "replayed" || len(p.GetWaitsFor()) > 0 {
			t.Errorf("%s did not follow: %v", p.GetMutation().GetKind(), p.GetLastAttempt())
		}
	}
	v := w.visit(job.ticket)
	if v.GetState() != fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE || !w.near(v.GetArrivedAt(), arrived) {
		t.Errorf("in the end: %v", v)
	}
	// Nothing holds the ticket up any more.
	w.does("note.add", &fieldv1.AddNote{Id: accept, TicketId: job.ticket[:], Text: "好"})
	w.sends(done)
}

func TestWhatWaitedForDismissedWorkIsDecidedByItself(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job := c.assigned(t)
	w := &watched{company: c, t: t, token: c.phone(t, c.tech).GetTokens().GetAccess(), ahead: 24 * time.Hour}
	decline := w.does("visit.decline", &fieldv1.VisitDecline{VisitId: job.visit[:], Reason: "far"})
	w.ahead = 0
	accept := w.does("visit.accept", &fieldv1.VisitAccept{VisitId: job.visit[:]})
	w.sends(future, waits)
	q := c.queue(t)
	_, err := q.DismissParked(t.Context(), with(&syncv1.DismissParkedRequest{Id: decline, Reason: "误操作"}, q.token))
	must(t, err)
	if v := q.replay(accept); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("replayed: %v", v)
	}
}
