package app_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// decisions pulls from nothing and returns what the office decided, by mutation.
func (c company) decisions(t *testing.T, token string) map[uuid.UUID]*fieldv1.Decision {
	t.Helper()
	res, err := c.sync().Pull(t.Context(), with(&syncv1.PullRequest{MaxBytes: 4 << 20}, token))
	if err != nil {
		t.Fatal(err)
	}
	out := map[uuid.UUID]*fieldv1.Decision{}
	for _, f := range res.Msg.GetFeeds() {
		for _, e := range f.GetEntries() {
			if fieldv1.EntityKind(e.GetKind()) == fieldv1.EntityKind_ENTITY_KIND_DECISION && !e.GetRemoved() {
				d := &fieldv1.Decision{}
				if err := proto.Unmarshal(e.GetBody(), d); err != nil {
					t.Fatal(err)
				}
				out[uuid.UUID(e.GetId())] = d
			}
		}
	}
	return out
}

// work is a ticket with its first visit.
type work struct{ ticket, visit uuid.UUID }

// assigned is a ticket of the north that the company's technician has.
func (c company) assigned(t *testing.T) (w work) {
	t.Helper()
	w.ticket = c.opened(t)
	c.within(t, func(tx *postgres.Tx) error {
		if err := c.Rooms.Ticket.Assign(t.Context(), tx,
			ticket.AssignRequest{
				TicketID: w.ticket, TechnicianID: c.tech.ID, Actor: ticket.ByUser(c.dispatcher.ID),
				Way: "office",
			}); err != nil {
			return err
		}
		got, err := c.Rooms.Ticket.Get(t.Context(), tx, w.ticket, ticket.Reach{All: true}, true)
		if err == nil {
			w.visit = uuid.UUID(got.GetVisits()[0].GetId())
		}
		return err
	})
	return w
}

// opened is a ticket of the north that nobody has.
func (c company) opened(t *testing.T) (id uuid.UUID) {
	t.Helper()
	c.within(t, func(tx *postgres.Tx) error {
		o, err := c.Rooms.Ticket.Open(t.Context(), tx, ticket.OpenRequest{
			Source: "test", Actor: ticket.BySystem("test"), BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL,
			ProductName: "热水器", RegionID: c.north.ID,
			Customer: ticket.Customer{Name: "王女士", Phone: "13800000001", Address: "建国路 88 号"},
		})
		id = o.TicketID
		return err
	})
	return id
}

func TestParkedWorkIsEditedReplayedAndItsAuthorIsTold(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job := c.assigned(t)
	token := c.phone(t, c.tech).GetTokens().GetAccess()
	nobody := uuid.Must(uuid.NewV7())
	args, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: nobody[:]})
	if err != nil {
		t.Fatal(err)
	}
	push := &syncv1.PushRequest{}
	for seq := range 2 {
		id := uuid.Must(uuid.NewV7())
		push.Mutations = append(push.Mutations, &syncv1.Mutation{
			Sequence: uint64(seq + 1), Id: id[:], Kind: "visit.accept", Args: args, DeviceTime: timestamppb.New(c.clock.Now()),
		})
	}
	res, err := c.sync().Push(t.Context(), with(push, token))
	if err != nil || res.Msg.GetVerdicts()[0].GetCode() != string(fault.TargetUnknown) {
		t.Fatalf("%v %v", res, err)
	}
	first, second := push.GetMutations()[0].GetId(), push.GetMutations()[1].GetId()

	office := c.console(t, "dispatch")
	queue := syncv1connect.NewParkedServiceClient(http.DefaultClient, c.URL())
	list := func(m *syncv1.ListParkedRequest) []*syncv1.Parked {
		t.Helper()
		res, err := queue.ListParked(t.Context(), with(m, office))
		if err != nil {
			t.Fatal(err)
		}
		return res.Msg.GetParked()
	}
	found := list(&syncv1.ListParkedRequest{Id: first})
	if len(found) != 1 || found[0].GetMessage() != "doorstep.field.v1.VisitAccept" ||
		!strings.Contains(found[0].GetPayload(), `"visit_id"`) {
		t.Fatalf("listed %v", found)
	}
	edit := func(payload string) error {
		_, err := queue.EditParked(t.Context(), with(&syncv1.EditParkedRequest{Id: first, Payload: payload}, office))
		return err
	}
	want(t, "no JSON", edit("accept it"), fault.InvalidArgument)
	want(t, "another message", edit(`{"colour": "red"}`), fault.InvalidArgument)
	want(t, "a rule of the message broken", edit(`{"visit_id": "AAAA"}`), fault.InvalidArgument)
	right, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: job.visit[:]})
	if err != nil {
		t.Fatal(err)
	}
	_, fixed := c.Rooms.Delta.Payloads.Read("visit.accept", right)
	want(t, "the right visit", edit(fixed), "")
	if _, empty := c.Rooms.Delta.Payloads.Read("visit.travel", nil); !strings.Contains(empty, `"visit_id": ""`) ||
		!strings.Contains(empty, `"position": null`) {
		t.Errorf("an empty payload does not show what could stand in it: %s", empty)
	}
	want(t, "the right visit, as base64", edit(`{"visit_id": "`+base64.StdEncoding.EncodeToString(job.visit[:])+`"}`), "")
	if e := list(&syncv1.ListParkedRequest{Id: first})[0].GetEdits(); len(e) != 2 ||
		e[0].GetPayload() != e[1].GetPayload() || !strings.Contains(fixed, job.visit.String()) {
		t.Errorf("one id written in two ways: %v", e)
	}

	replayed, err := queue.ReplayParked(t.Context(), with(&syncv1.ReplayParkedRequest{Id: first}, office))
	if err != nil || replayed.Msg.GetVerdict().GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Fatalf("%v %v", replayed, err)
	}
	if _, err := queue.DismissParked(t.Context(),
		with(&syncv1.DismissParkedRequest{Id: second, Reason: "已电话确认"}, office)); err != nil {
		t.Fatal(err)
	}
	want(t, "edited after the decision", edit(fixed), fault.AlreadyDecided)
	_, err = queue.ReplayParked(t.Context(), with(&syncv1.ReplayParkedRequest{Id: second}, office))
	want(t, "replayed after the dismissal", err, fault.AlreadyDecided)
	if !strings.Contains(err.Error(), "dismissed by 调度 on ") {
		t.Errorf("who decided, when and how is not said: %v", err)
	}
	if left := list(&syncv1.ListParkedRequest{}); len(left) != 0 {
		t.Errorf("still open: %v", left)
	}
	kept := list(&syncv1.ListParkedRequest{Decided: true, Id: first})
	if len(kept) != 1 || kept[0].GetResolution() != "replayed" || len(kept[0].GetEdits()) != 2 ||
		kept[0].GetPayload() == kept[0].GetEdits()[0].GetPayload() {
		t.Errorf("what came is not beside what was edited: %v", kept)
	}

	told := c.decisions(t, token)
	if d := told[uuid.UUID(first)]; d.GetOutcome() != fieldv1.DecisionOutcome_DECISION_OUTCOME_APPLIED || !d.GetEdited() ||
		d.GetDecidedBy() != "调度" {
		t.Errorf("told of the replay: %v", d)
	}
	if d := told[uuid.UUID(second)]; d.GetOutcome() != fieldv1.DecisionOutcome_DECISION_OUTCOME_DISMISSED ||
		d.GetReason() != "已电话确认" {
		t.Errorf("told of the dismissal: %v", d)
	}
	// The device's verdict stays its first.
	again, err := c.sync().Push(t.Context(), with(push, token))
	if err != nil || again.Msg.GetVerdicts()[0].GetOutcome() != syncv1.Outcome_OUTCOME_PARKED {
		t.Errorf("%v %v", again, err)
	}
}

// parkedQueue is the review queue as the north's dispatcher has it.
type parkedQueue struct {
	syncv1connect.ParkedServiceClient
	t     *testing.T
	token string
}

func (c company) queue(t *testing.T) parkedQueue {
	t.Helper()
	return parkedQueue{syncv1connect.NewParkedServiceClient(http.DefaultClient, c.URL()), t, c.console(t, "dispatch")}
}

func (q parkedQueue) show(id []byte) *syncv1.Parked {
	q.t.Helper()
	res, err := q.ListParked(q.t.Context(), with(&syncv1.ListParkedRequest{Id: id, Decided: true}, q.token))
	if err != nil || len(res.Msg.GetParked()) != 1 {
		q.t.Fatal(res, err)
	}
	return res.Msg.GetParked()[0]
}

func (q parkedQueue) edit(m *syncv1.EditParkedRequest) error {
	_, err := q.EditParked(q.t.Context(), with(m, q.token))
	return err
}

func (q parkedQueue) replay(id []byte) *syncv1.Verdict {
	q.t.Helper()
	res, err := q.ReplayParked(q.t.Context(), with(&syncv1.ReplayParkedRequest{Id: id}, q.token))
	if err != nil {
		q.t.Fatal(err)
	}
	return res.Msg.GetVerdict()
}

func TestWorkOfAClockFarAheadIsReplayedAtTheTimeThatTheOfficeDecides(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job := c.assigned(t)
	token := c.phone(t, c.tech).GetTokens().GetAccess()
	payload := func(visit uuid.UUID) ([]byte, string) {
		args, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: visit[:]})
		if err != nil {
			t.Fatal(err)
		}
		_, text := c.Rooms.Delta.Payloads.Read("visit.accept", args)
		return args, text
	}
	args, right := payload(job.visit)
	_, wrong := payload(uuid.Must(uuid.NewV7()))
	id := uuid.Must(uuid.NewV7())
	ahead := c.clock.Now().AddDate(73, 0, 0)
	res, err := c.sync().Push(t.Context(), with(&syncv1.PushRequest{Mutations: []*syncv1.Mutation{
		{Sequence: 1, Id: id[:], Kind: "visit.accept", Args: args, DeviceTime: timestamppb.New(ahead)},
	}}, token))
	if err != nil || res.Msg.GetVerdicts()[0].GetCode() != string(fault.DeviceTimeFuture) {
		t.Fatal(res, err)
	}
	q := c.queue(t)
	if p := q.show(id[:]); p.GetLastAttempt() != nil || p.GetUserName() != "李师傅" {
		t.Errorf("before anybody tried it again: %v", p)
	}
	if v := q.replay(id[:]); v.GetOutcome() != syncv1.Outcome_OUTCOME_PARKED ||
		v.GetCode() != string(fault.DeviceTimeFuture) {
		t.Errorf("replayed before its time: %v", v)
	}

	want(t, "nothing is said", q.edit(&syncv1.EditParkedRequest{Id: id[:]}), fault.InvalidArgument)
	want(t, "a time to come",
		q.edit(&syncv1.EditParkedRequest{Id: id[:], DoneAt: timestamppb.New(c.clock.Now().Add(time.Hour))}),
		fault.InvalidArgument)
	want(t, "no time", q.edit(&syncv1.EditParkedRequest{Id: id[:], DoneAt: &timestamppb.Timestamp{Nanos: -1}}),
		fault.InvalidArgument)
	received := q.show(id[:]).GetVerdict().GetServerTime()
	want(t, "the time alone", q.edit(&syncv1.EditParkedRequest{Id: id[:], DoneAt: received}), "")
	want(t, "the payload alone", q.edit(&syncv1.EditParkedRequest{Id: id[:], Payload: wrong}), "")
	if v := q.replay(id[:]); v.GetCode() != string(fault.TargetUnknown) {
		t.Errorf("replayed for a visit that is none: %v", v)
	}
	p := q.show(id[:])
	if p.GetVerdict().GetCode() != string(fault.DeviceTimeFuture) ||
		p.GetLastAttempt().GetCode() != string(fault.TargetUnknown) || p.GetLastAttempt().GetAt() == nil {
		t.Errorf("why it was parked and why the replay failed: %v", p)
	}
	if e := p.GetEdits(); len(e) != 2 || e[0].GetPayload() != right || !proto.Equal(e[1].GetDoneAt(), received) ||
		e[1].GetUserName() != "调度" {
		t.Errorf("edits: %v", e)
	}
	want(t, "the right payload", q.edit(&syncv1.EditParkedRequest{Id: id[:], Payload: right}), "")
	if v := q.replay(id[:]); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Fatalf("replayed: %v", v)
	}
	if p := q.show(id[:]); p.GetResolvedByName() != "调度" || p.GetLastAttempt().GetCode() != "" ||
		!p.GetMutation().GetDeviceTime().AsTime().Equal(ahead.Truncate(time.Microsecond)) {
		t.Errorf("decided: %v", p)
	}

	c.within(t, func(tx *postgres.Tx) error {
		got, err := c.Rooms.Ticket.Get(t.Context(), tx, job.ticket, ticket.Reach{All: true}, true)
		if err != nil {
			return err
		}
		if v := got.GetVisits()[0]; !proto.Equal(v.GetAcceptedAt(), received) {
			t.Errorf("accepted %v, decided %v", v.GetAcceptedAt().AsTime(), received.AsTime())
		}
		last := got.GetEvents()[len(got.GetEvents())-1]
		if !last.GetDeviceTime().AsTime().Equal(ahead.Truncate(time.Microsecond)) ||
			!strings.Contains(last.GetPayload(), `"done_as_decided"`) || !got.GetChainIntact() {
			t.Errorf("the trail keeps both times: %v", last)
		}
		return nil
	})
}

func TestWhatACustomerSignedIsNotEditedByTheOffice(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job := c.assigned(t)
	w := &watched{company: c, t: t, token: c.phone(t, c.tech).GetTokens().GetAccess()}
	c.clock.Advance(time.Minute)
	w.does("visit.accept", &fieldv1.VisitAccept{VisitId: job.visit[:]})
	w.does("visit.arrive", &fieldv1.VisitArrive{VisitId: job.visit[:]})
	w.sends(done, done)
	mine, photo := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	signed := &fieldv1.SignSignature{
		Id: mine[:], VisitId: job.visit[:], Step: "signature", SignerName: "王女士", Terms: "¥0.00",
		Strokes:     []*fieldv1.Stroke{{X: []uint32{1, 2}, Y: []uint32{1, 2}, TMs: []uint32{1, 2}}},
		ContentHash: agreement.Hash(job.ticket[:], nil),
	}
	taken := &fieldv1.AttachProof{
		Id: photo[:], VisitId: job.visit[:], Step: "before", Kind: fieldv1.ProofKind_PROOF_KIND_BEFORE,
		Sha256: make([]byte, 32), Size: 10, MediaType: "image/jpeg",
	}
	w.ahead = 24 * time.Hour
	signature, picture := w.does("signature.sign", signed), w.does("proof.attach", taken)
	w.ahead = 0
	w.sends(future, future)
	q := c.queue(t)
	edit := func(id []byte, kind string, m proto.Message) error {
		args, err := proto.Marshal(m)
		must(t, err)
		_, text := c.Rooms.Delta.Payloads.Read(kind, args)
		_, err = q.ReplayParked(t.Context(), with(&syncv1.ReplayParkedRequest{Id: id, Args: args}, q.token))
		if edited := q.edit(&syncv1.EditParkedRequest{Id: id, Payload: text}); codeOf(t, edited) != codeOf(t, err) {
			t.Errorf("edited: %v; replayed with it: %v", edited, err)
		}
		return err
	}
	for what, change := range map[string]func(*fieldv1.SignSignature){
		"lines": func(s *fieldv1.SignSignature) {
			item := uuid.New()
			s.Lines = []*fieldv1.SignedLine{agreement.Line(item[:], fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE,
				item[:], "高空作业", 1,
				&typesv1.Money{Minor: 8000, Currency: "CNY"})}
			s.Totals, s.ContentHash = agreement.Totals(s.Lines), agreement.Hash(job.ticket[:], s.Lines)
		},
		"terms":   func(s *fieldv1.SignSignature) { s.Terms = "¥80.00" },
		"signer":  func(s *fieldv1.SignSignature) { s.SignerName = "李女士" },
		"strokes": func(s *fieldv1.SignSignature) { s.Strokes[0].X[0] = 7 },
	} {
		m := proto.CloneOf(signed)
		change(m)
		want(t, "the signature's "+what, edit(signature, "signature.sign", m), fault.Forbidden)
	}
	other := proto.CloneOf(taken)
	other.Sha256[0] = 1
	want(t, "the photo's hash", edit(picture, "proof.attach", other), fault.Forbidden)

	must(t, q.edit(&syncv1.EditParkedRequest{Id: signature, DoneAt: timestamppb.New(c.clock.Now())}))
	if v := q.replay(signature); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("at another time: %v", v)
	}
	taken.Step = "after"
	args, err := proto.Marshal(taken)
	must(t, err)
	_, text := c.Rooms.Delta.Payloads.Read("proof.attach", args)
	must(t, q.edit(&syncv1.EditParkedRequest{Id: picture, Payload: text, DoneAt: timestamppb.New(c.clock.Now())}))
	if v := q.replay(picture); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("of another step: %v", v)
	}
}
