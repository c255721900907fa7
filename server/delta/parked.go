package delta

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var reviewers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

const (
	// parkedPage is how many entries are looked at in one query.
	parkedPage = 200
	// parkedBytes is how much the entries of one answer may carry, beyond the first: as text each takes more than
	// twice as much.
	parkedBytes = 1 << 20
)

// ListParked implements ParkedService: the entries of people within the caller's reach.
func (s *Service) ListParked(
	ctx context.Context, req *connect.Request[syncv1.ListParkedRequest],
) (*connect.Response[syncv1.ListParkedResponse], error) {
	who, reach, err := identity.Acting(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 50
	}
	f := postgres.ParkedFilter{
		After: idOrNil(req.Msg.After), Device: idOrNil(req.Msg.DeviceId), User: idOrNil(req.Msg.UserId),
		Decided: req.Msg.Decided,
	}
	if id := idOrNil(req.Msg.Id); id != uuid.Nil {
		f.IDs = []uuid.UUID{id}
	}
	out := &syncv1.ListParkedResponse{}
	err = s.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		ids, more, err := s.parkedWithin(ctx, tx, reach, f, limit)
		if err != nil {
			return err
		}
		found, err := tx.ListParked(ctx, postgres.ParkedFilter{IDs: ids, Decided: true}, len(ids))
		if err != nil {
			return err
		}
		out.More = more
		edits, err := tx.Edits(ctx, ids...)
		if err != nil {
			return err
		}
		names := s.names(ctx, tx)
		for _, p := range found {
			one, err := s.parkedToWire(p, edits[p.Mutation.ID], names)
			if err != nil {
				return err
			}
			out.Parked = append(out.Parked, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// parkedWithin finds entries of people within the caller's reach, up to limit and to what an answer may carry, and
// whether there are more.
func (s *Service) parkedWithin(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, f postgres.ParkedFilter, limit int,
) (ids []uuid.UUID, more bool, err error) {
	oversees, err := s.access.Oversees(ctx, tx, reach)
	if err != nil {
		return nil, false, err
	}
	ids = []uuid.UUID{}
	for left := parkedBytes; ; {
		found, err := tx.FindParked(ctx, f, parkedPage)
		if err != nil {
			return nil, false, err
		}
		for _, p := range found {
			f.After = p.ID
			ok, err := oversees(uuid.UUID(p.User))
			if err != nil {
				return nil, false, err
			}
			if !ok {
				continue
			}
			left -= p.Bytes
			if len(ids) == limit || len(ids) > 0 && left < 0 {
				return ids, true, nil
			}
			ids = append(ids, p.ID)
		}
		if len(found) < parkedPage {
			return ids, false, nil
		}
	}
}

// idOrNil reads an id that may be left out; what is none finds nothing special.
func idOrNil(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// mayDecide answers NotFound for an entry of somebody beyond the caller's reach: that it exists is nobody's
// business. Whose entry it is never changes, so this needs no place in the deciding transaction.
func (s *Service) mayDecide(ctx context.Context, who identity.Identity, reach identity.Reach, id uuid.UUID) error {
	return s.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		user, err := tx.ParkedBy(ctx, id)
		if err != nil {
			return err
		}
		oversees, err := s.access.Oversees(ctx, tx, reach)
		if err != nil {
			return err
		}
		ok, err := oversees(uuid.UUID(user))
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "")
		}
		return err
	})
}

// names tells people's names, each asked for once.
func (s *Service) names(ctx context.Context, tx *postgres.Tx) func(change.User) (string, error) {
	known := map[change.User]string{}
	return func(u change.User) (string, error) {
		name, ok := known[u]
		if ok {
			return name, nil
		}
		name, err := s.people.NameOf(ctx, tx, u)
		known[u] = name
		return name, err
	}
}

func (s *Service) parkedToWire(
	p postgres.Parked, edits []postgres.Edit, name func(change.User) (string, error),
) (out *syncv1.Parked, err error) {
	m := p.Mutation
	out = &syncv1.Parked{
		Id: m.ID[:], DeviceId: m.Device[:], UserId: m.User[:], Attempts: uint32(p.Attempts),
		ParkedAt: timestamppb.New(p.ParkedAt), Verdict: verdictToWire(p.Verdict), Resolution: p.Resolution, Reason: p.Reason,
		Mutation: &syncv1.Mutation{
			Sequence: m.Seq, Id: m.ID[:], Kind: m.Kind, Args: m.Args, DeviceTime: timestamppb.New(m.DeviceTime),
		},
	}
	if p.WaitsFor != uuid.Nil {
		out.WaitsFor = p.WaitsFor[:]
	}
	out.Message, out.Payload = s.Payloads.Read(m.Kind, m.Args)
	if out.UserName, err = name(m.User); err != nil {
		return nil, err
	}
	for _, e := range edits {
		one, err := s.editToWire(m.Kind, e, name)
		if err != nil {
			return nil, err
		}
		out.Edits = append(out.Edits, one)
	}
	if p.Attempts > 0 {
		v := verdictToWire(change.Verdict{Code: p.LastCode, Detail: p.LastDetail})
		out.LastAttempt = &syncv1.ParkedAttempt{
			At: timeToWire(p.LastAt), Code: v.Code, English: v.English,
			Chinese: v.Chinese,
		}
	}
	if p.Resolution != "" {
		out.ResolvedAt, out.ResolvedBy = timestamppb.New(p.ResolvedAt), p.ResolvedBy[:]
		out.ResolvedByName, err = name(p.ResolvedBy)
	}
	return out, err
}

func (s *Service) editToWire(
	kind string, e postgres.Edit, name func(change.User) (string, error),
) (*syncv1.ParkedEdit, error) {
	out := &syncv1.ParkedEdit{UserId: e.By[:], At: timestamppb.New(e.At), DoneAt: timeToWire(e.Decided)}
	_, out.Payload = s.Payloads.Read(kind, e.Args)
	var err error
	out.UserName, err = name(e.By)
	return out, err
}

// timeToWire leaves out the time that is none.
func timeToWire(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

// decidedTime reads when the office says that work was done; zero when it does not say.
func (s *Service) decidedTime(at *timestamppb.Timestamp) (time.Time, error) {
	if at == nil {
		return time.Time{}, nil
	}
	if err := at.CheckValid(); err != nil {
		return time.Time{}, fault.Wrap(err, fault.InvalidArgument, "done_at")
	}
	decided := at.AsTime().Truncate(time.Microsecond)
	if decided.After(s.Intake.Now()) {
		return time.Time{}, fault.New(fault.InvalidArgument, "done_at is still to come")
	}
	return decided, nil
}

// decidedBefore says who decided p, when and how, where err is that it is decided already; any other err stays.
func (s *Service) decidedBefore(ctx context.Context, tx *postgres.Tx, p postgres.Parked, err error) error {
	if fault.CodeOf(err) != fault.AlreadyDecided {
		return err
	}
	name, err := s.names(ctx, tx)(p.ResolvedBy)
	if err != nil {
		return err
	}
	if name == "" {
		name = uuid.UUID(p.ResolvedBy).String()
	}
	zone, err := s.people.Zone(ctx, tx)
	if err != nil {
		return err
	}
	return fault.New(fault.AlreadyDecided, "%s by %s on %s", fault.Key(p.Resolution), name,
		p.ResolvedAt.In(zone).Format("2006-01-02 15:04:05 -07:00"))
}

// EditParked implements ParkedService.
func (s *Service) EditParked(
	ctx context.Context, req *connect.Request[syncv1.EditParkedRequest],
) (*connect.Response[syncv1.EditParkedResponse], error) {
	who, reach, err := identity.Acting(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	id := uuid.UUID(req.Msg.Id)
	if err := s.mayDecide(ctx, who, reach, id); err != nil {
		return nil, err
	}
	decided, err := s.decidedTime(req.Msg.DoneAt)
	if err != nil {
		return nil, err
	}
	if req.Msg.Payload == "" && decided.IsZero() {
		return nil, fault.New(fault.InvalidArgument, "neither payload nor done_at")
	}
	out := &syncv1.EditParkedResponse{}
	err = s.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		p, err := tx.LockParked(ctx, id)
		if err != nil {
			return s.decidedBefore(ctx, tx, p, err)
		}
		var args []byte // none: as they are
		if req.Msg.Payload != "" {
			if args, err = s.Payloads.Write(p.Mutation.Kind, req.Msg.Payload, p.Mutation.Args); err != nil {
				return err
			}
			if err := s.Payloads.keepsEvidence(p.Mutation.Kind, p.Mutation.Args, args); err != nil {
				return err
			}
		}
		if len(args) > intake.MaxArgs {
			return fault.New(fault.MutationTooLarge, "%d bytes, at most %d", len(args), intake.MaxArgs)
		}
		e, err := tx.EditParked(ctx, id, args, decided, change.User(who.User))
		if err != nil {
			return err
		}
		out.Edit, err = s.editToWire(p.Mutation.Kind, e, s.names(ctx, tx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// ReplayParked implements ParkedService.
func (s *Service) ReplayParked(
	ctx context.Context, req *connect.Request[syncv1.ReplayParkedRequest],
) (*connect.Response[syncv1.ReplayParkedResponse], error) {
	who, reach, err := identity.Acting(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	var args []byte
	if len(req.Msg.Args) > 0 {
		args = req.Msg.Args
	}
	id := uuid.UUID(req.Msg.Id)
	if err := s.mayDecide(ctx, who, reach, id); err != nil {
		return nil, err
	}
	var result intake.Result
	var first postgres.Parked
	err = s.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		p, err := tx.LockParked(ctx, id)
		if err != nil {
			return s.decidedBefore(ctx, tx, p, err)
		}
		if err := s.Payloads.keepsEvidence(p.Mutation.Kind, p.Mutation.Args, args); err != nil {
			return err
		}
		result, p, err = tx.ReplayParked(ctx, s.Intake, id, args, change.User(who.User))
		first = p
		if err != nil || p.Resolution == "" {
			return s.decidedBefore(ctx, tx, p, err)
		}
		return s.tell(ctx, tx, p, result)
	})
	if err != nil {
		return nil, err
	}
	// This one is decided, whatever becomes of those that waited for it: they stay parked, each to be replayed by itself.
	if err := s.follow(ctx, change.Org(who.Org), first, change.User(who.User)); err != nil {
		s.Log.WarnContext(ctx, "what waited for a replayed mutation was not replayed", "mutation", id, "error", err)
	}
	v := change.Verdict{
		ID: id, Outcome: result.Outcome, Code: result.Code, Detail: result.Detail, Changes: result.Changes,
		At: s.Intake.Now(),
	}
	return connect.NewResponse(&syncv1.ReplayParkedResponse{Verdict: verdictToWire(v)}), nil
}

// follow replays what waited for an entry that was replayed, in the order in which it was done, as far as it goes: each
// in a transaction of its own, for an entry is locked before what it changes.
func (s *Service) follow(ctx context.Context, org change.Org, p postgres.Parked, by change.User) error {
	for p.Resolution != "" {
		first := p
		p = postgres.Parked{}
		err := s.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
			p = postgres.Parked{}
			next, err := tx.Next(ctx, s.Intake, first, by)
			if err != nil || next == uuid.Nil {
				return err
			}
			var result intake.Result
			if result, p, err = tx.ReplayParked(ctx, s.Intake, next, nil, by); err != nil || p.Resolution == "" {
				return err
			}
			return s.tell(ctx, tx, p, result)
		})
		if fault.CodeOf(err) == fault.AlreadyDecided {
			return nil // somebody else goes on with it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DismissParked implements ParkedService.
func (s *Service) DismissParked(
	ctx context.Context, req *connect.Request[syncv1.DismissParkedRequest],
) (*connect.Response[syncv1.DismissParkedResponse], error) {
	who, reach, err := identity.Acting(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	if err := s.mayDecide(ctx, who, reach, uuid.UUID(req.Msg.Id)); err != nil {
		return nil, err
	}
	// The author reads it, and the command line calls past the border.
	reason := strings.TrimSpace(req.Msg.Reason)
	if n := utf8.RuneCountInString(reason); n < 1 || n > 500 {
		return nil, fault.New(fault.InvalidArgument, "reason: 1 to 500 characters")
	}
	if err := intake.Readable(req.Msg); err != nil {
		return nil, err
	}
	err = s.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		p, err := tx.DismissParked(ctx, uuid.UUID(req.Msg.Id), reason, change.User(who.User))
		if err != nil {
			return s.decidedBefore(ctx, tx, p, err)
		}
		return s.tell(ctx, tx, p, intake.Result{})
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&syncv1.DismissParkedResponse{}), nil
}
