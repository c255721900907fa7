package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket/authority"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Mutators are what technicians' phones may do here, by kind.
func (r *Tickets) Mutators() map[string]intake.Mutator[*postgres.Tx] {
	return map[string]intake.Mutator[*postgres.Tx]{
		"visit.accept":  visitMutator(r, authority.Moves, always[*fieldv1.VisitAccept](state.Accept), move),
		"visit.decline": visitMutator(r, authority.Moves, always[*fieldv1.VisitDecline](state.Decline), decline),
		"visit.travel":  visitMutator(r, authority.Moves, always[*fieldv1.VisitTravel](state.Travel), move),
		"visit.arrive":  visitMutator(r, authority.Moves, always[*fieldv1.VisitArrive](state.Arrive), move),
		"visit.break":   visitMutator(r, authority.Moves, always[*fieldv1.VisitBreak](state.Break), move),
		"visit.resume":  visitMutator(r, authority.Moves, always[*fieldv1.VisitResume](state.Resume), move),
		"visit.complete": visitMutator(r, authority.Finishes, always[*fieldv1.VisitComplete](state.Complete),
			complete),
		"visit.cannot_complete": visitMutator(r, authority.Finishes, failing, cannotComplete),
		"task.answer":           visitMutator(r, authority.Answers, always[*fieldv1.AnswerTask](""), answer),
		"part.add":              visitMutator(r, authority.Charges, always[*fieldv1.AddPart](""), addPart),
		"surcharge.add":         visitMutator(r, authority.Charges, always[*fieldv1.AddSurcharge](""), addSurcharge),
		"note.add":              r.addNote,
		"pool.claim":            r.claim,
	}
}

// building are the mutations of a visit that build on what was done on the same ticket before, and so wait for it when
// it waits for a person. Notes and photos stand alone.
var building = map[string]func() ofVisit{
	"visit.accept":          func() ofVisit { return &fieldv1.VisitAccept{} },
	"visit.decline":         func() ofVisit { return &fieldv1.VisitDecline{} },
	"visit.travel":          func() ofVisit { return &fieldv1.VisitTravel{} },
	"visit.arrive":          func() ofVisit { return &fieldv1.VisitArrive{} },
	"visit.break":           func() ofVisit { return &fieldv1.VisitBreak{} },
	"visit.resume":          func() ofVisit { return &fieldv1.VisitResume{} },
	"visit.complete":        func() ofVisit { return &fieldv1.VisitComplete{} },
	"visit.cannot_complete": func() ofVisit { return &fieldv1.VisitCannotComplete{} },
	"task.answer":           func() ofVisit { return &fieldv1.AnswerTask{} },
	"part.add":              func() ofVisit { return &fieldv1.AddPart{} },
	"surcharge.add":         func() ofVisit { return &fieldv1.AddSurcharge{} },
	"signature.sign":        func() ofVisit { return &fieldv1.SignSignature{} },
}

// Subject is the ticket that a mutation builds on; zero for what stands alone or names no visit that is here.
func (r *Tickets) Subject(ctx context.Context, tx *postgres.Tx, m change.Mutation) (uuid.UUID, error) {
	fresh, ok := building[m.Kind]
	if !ok {
		return uuid.Nil, nil
	}
	args := fresh()
	if err := proto.Unmarshal(m.Args, args); err != nil {
		return uuid.Nil, nil //nolint:nilerr // what cannot be read is parked for that, and is about no ticket
	}
	visit, err := uuid.FromBytes(args.GetVisitId())
	if err != nil {
		return uuid.Nil, nil //nolint:nilerr // what names no visit is about no ticket
	}
	var ticket uuid.UUID
	err = tx.QueryRow(ctx, `SELECT ticket_id FROM visit WHERE org_id = $1 AND id = $2`, tx.OrgID(), visit).Scan(&ticket)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return ticket, err
}

// act is one mutation at work on its ticket.
type act struct {
	*job
	m change.Mutation
	// args is the mutation's content, for the trail.
	args proto.Message
	// v is the visit that it names; nil for a mutation of the ticket as a whole.
	v     *visitRow
	event state.Event
	// next is the visit's state after the event, if it moves.
	next state.Visit
	// done is when it happened, by the device within the clock check.
	done     time.Time
	standing authority.Standing
	decision authority.Decision
	// reviewer is who of the office replays it; zero when it comes from the phone.
	reviewer uuid.UUID
}

// ofVisit is the arguments of a mutation that names a visit.
type ofVisit interface {
	proto.Message
	GetVisitId() []byte
}

func always[M any](e state.Event) func(M) state.Event { return func(M) state.Event { return e } }

// visitMutator makes a mutator of what happens to a visit: it reads the arguments, locks the ticket, judges the
// mutation, and lets do apply it, or keep it as evidence, when it was not refused.
func visitMutator[M ofVisit](r *Tickets, class authority.Class, event func(M) state.Event,
	do func(ctx context.Context, a *act, args M) (intake.Result, error),
) intake.Mutator[*postgres.Tx] {
	return func(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
		var zero M
		args := zero.ProtoReflect().New().Interface().(M)
		if err := decode(m.Args, args); err != nil {
			return undecoded(err)
		}
		a, result, err := r.admit(ctx, tx, m, args, uuid.UUID(args.GetVisitId()), uuid.Nil, class, event(args))
		if a == nil {
			return result, err
		}
		return do(ctx, a, args)
	}
}

// decode reads arguments and checks them against their schema.
func decode(b []byte, args proto.Message) error {
	if err := proto.Unmarshal(b, args); err != nil {
		return errUnreadable
	}
	if err := protovalidate.Validate(args); err != nil {
		return err
	}
	return intake.Readable(args)
}

// undecoded is the verdict for arguments that decode refused: who typed what cannot be kept hears it, the rest is for a
// person at the office.
func undecoded(err error) (intake.Result, error) {
	if fault.CodeOf(err) == fault.TextUnprintable {
		return intake.Result{}, err
	}
	return intake.Park(fault.MutationMalformed, "%s", err), nil
}

var errUnreadable = fault.New(fault.MutationMalformed, "not the message that belongs to this kind")

// admit locks the ticket of a visit, or the ticket, and judges a mutation on it. When it was refused or parked
// everything is written already, act is nil, and the result is the verdict.
func (r *Tickets) admit(ctx context.Context, tx *postgres.Tx, m change.Mutation, args proto.Message,
	visit, ticket uuid.UUID,
	class authority.Class, event state.Event,
) (*act, intake.Result, error) {
	done, ok := state.Happened(m.Done(), tx.Now())
	if !ok {
		return nil, intake.Park(fault.DeviceTimeFuture, "%s", m.Done().Sub(tx.Now()).Round(time.Second)), nil
	}
	var j *job
	var err error
	if visit != uuid.Nil {
		j, err = r.lockByVisit(ctx, tx, visit)
	} else {
		j, err = r.lock(ctx, tx, ticket)
	}
	if fault.CodeOf(err) == fault.NotFound {
		return nil, intake.Park(fault.TargetUnknown, ""), nil
	}
	if err != nil {
		return nil, intake.Result{}, err
	}
	// Nobody works on a job before it exists. A phone whose clock is far behind, or set back to be paid by another
	// month, is taken to speak of the first moment possible; the trail keeps what it said.
	begun := j.t.OpenedAt
	if visit != uuid.Nil {
		begun = j.visit(visit).CreatedAt
	}
	if done.Before(begun) {
		done = begun
	}
	a := &act{job: j, m: m, args: args, event: event, done: done}
	if who, ok := reviewer(ctx); ok {
		if !who.For(actors...).Any(j.t.places()...) {
			return nil, intake.Park(fault.TargetUnknown, ""), nil
		}
		a.reviewer = who.User
	}
	s := authority.Situation{
		Class: class, Ticket: j.t.State, Reviewed: a.reviewer != uuid.Nil,
		BeforeHold: j.t.HeldAt != nil && done.Before(*j.t.HeldAt),
	}
	if visit != uuid.Nil {
		a.v = j.visit(visit)
		s.Visit = a.v.State
		if event != "" {
			a.next, s.Step = a.v.State.On(event)
		}
	}
	a.standing = authority.Of(j.spans, uuid.UUID(m.User), visit, done)
	s.Standing = a.standing
	a.decision = authority.Decide(s)
	switch a.decision.Outcome {
	case change.Rejected:
		if a.standing == authority.Never && a.reviewer == uuid.Nil {
			// The answer to what is not there, for to this phone it never was.
			return nil, intake.Park(fault.TargetUnknown, ""), nil
		}
		if a.standing == authority.Never {
			return nil, intake.Reject(a.decision.Code, ""), nil
		}
		result, err := a.refuse(ctx, a.decision.Code, a.situation())
		return nil, result, err
	case change.Parked:
		result, err := a.park(ctx, a.decision.Code, a.situation())
		return nil, result, err
	}
	return a, intake.Result{}, nil
}

// reviewer is who of the office replays a parked mutation in ctx; not ok when a phone sends it.
func reviewer(ctx context.Context) (who identity.Identity, ok bool) {
	who, ok = identity.From(ctx)
	return who, ok && who.Device == uuid.Nil
}

// situation says for people where ticket and visit stand.
func (a *act) situation() fault.Text {
	if a.v == nil {
		return fault.Textf("%s: %s", a.t.Number, fault.Key(a.t.State.String()))
	}
	return fault.Textf("%s: %s, %s", a.t.Number, fault.Key(a.t.State.String()), fault.Key(a.v.State.String()))
}

// record adds the mutation to the ticket's trail: under its own kind when it was applied, as evidence otherwise.
func (a *act) record(more fact) error {
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(a.args)
	if err != nil {
		return err
	}
	var args any // through a map, for protojson's spacing changes from build to build
	if err := json.Unmarshal(b, &args); err != nil {
		return err
	}
	what := fact{"args": args, "user": uuid.UUID(a.m.User), "mutation": a.m.ID, "sequence": a.m.Seq}
	if a.v != nil {
		what["visit"], what["visit_state"] = a.v.ID, a.v.State.String()
	}
	if a.reviewer != uuid.Nil {
		what["reviewed_by"] = a.reviewer
	}
	if a.m.Clocked && a.m.Ahead.Abs() >= time.Second {
		what["clock_ahead"] = a.m.Ahead.Round(time.Second).String()
	}
	if !a.m.Corrected.IsZero() {
		what["done_by_the_offices_clock"] = a.m.Corrected.UTC()
	}
	if !a.m.Decided.IsZero() {
		what["done_as_decided"] = a.m.Decided.UTC()
	}
	maps.Copy(what, more)
	kind := a.m.Kind
	if a.decision.Evidence {
		kind = "evidence." + kind
		what["ticket_state"] = a.t.State.String()
	}
	return a.job.event(kind, ByDevice(uuid.UUID(a.m.Device)), a.m.DeviceTime, what)
}

// refuse rejects the mutation and keeps in the trail that it was tried.
func (a *act) refuse(ctx context.Context, code fault.Code, detail fault.Text) (intake.Result, error) {
	a.decision.Evidence = true
	if err := a.record(fact{"rejected": code, "detail": detail.String()}); err != nil {
		return intake.Result{}, err
	}
	return intake.Reject(code, "%s", detail), a.save(ctx)
}

// park leaves the mutation to a person, marks the ticket for review and keeps in the trail that it came. A replay
// that parks again adds nothing.
func (a *act) park(ctx context.Context, code fault.Code, detail fault.Text) (intake.Result, error) {
	if a.reviewer != uuid.Nil {
		return intake.Park(code, "%s", detail), nil
	}
	a.decision.Evidence = true
	a.t.Review = true
	if err := a.record(fact{"parked": code}); err != nil {
		return intake.Result{}, err
	}
	return intake.Park(code, "%s", detail), a.save(ctx)
}

// finish writes everything and says what became of the mutation.
func (a *act) finish(ctx context.Context, changes ...change.FieldChange) (intake.Result, error) {
	if err := a.save(ctx); err != nil {
		return intake.Result{}, err
	}
	if a.decision.Outcome == change.Merged || len(changes) > 0 {
		return intake.MergedWith(changes...), nil
	}
	return intake.Done(), nil
}

// kept is the change that tells a phone what holds instead of what it asked for.
func (a *act) kept(asked string) change.FieldChange {
	switch {
	case a.t.State == state.Canceled:
		return change.FieldChange{Field: "ticket.state", Yours: asked, Kept: a.t.State.String()}
	case a.standing != authority.Now:
		return change.FieldChange{Field: "ticket.technician", Yours: asked, Kept: a.t.TechnicianName}
	case a.v != nil:
		return change.FieldChange{Field: "visit.state", Yours: asked, Kept: a.v.State.String()}
	}
	return change.FieldChange{Field: "ticket.state", Yours: asked, Kept: a.t.State.String()}
}
