package delta

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/fault"
	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var reviewers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

// parkedPage is how many entries are looked at in one query.
const parkedPage = 200

// ListParked implements ParkedService: the entries of people within the caller's reach.
func (s *Service) ListParked(ctx context.Context, req *connect.Request[syncv1.ListParkedRequest]) (*connect.Response[syncv1.ListParkedResponse], error) {
	who, err := identity.Require(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 50
	}
	after, _ := uuid.FromBytes(req.Msg.After) // empty: from the start
	out := &syncv1.ListParkedResponse{}
	err = s.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		oversees, err := s.oversees(ctx, tx, who)
		if err != nil {
			return err
		}
		for {
			parked, err := tx.ListParked(ctx, after, parkedPage)
			if err != nil {
				return err
			}
			for _, p := range parked {
				after = p.Mutation.ID
				ok, err := oversees(uuid.UUID(p.Mutation.User))
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				if out.Parked = append(out.Parked, parkedToWire(p)); len(out.Parked) == limit {
					return nil
				}
			}
			if len(parked) < parkedPage {
				return nil
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (s *Service) oversees(ctx context.Context, tx *postgres.Tx, who identity.Identity) (func(uuid.UUID) (bool, error), error) {
	if s.Oversees == nil {
		return func(uuid.UUID) (bool, error) { return false, nil }, nil
	}
	return s.Oversees(ctx, tx, who)
}

// mayDecide answers NotFound for an entry of somebody beyond the caller's reach: that it exists is nobody's
// business. Whose entry it is never changes, so this needs no place in the deciding transaction.
func (s *Service) mayDecide(ctx context.Context, who identity.Identity, id uuid.UUID) error {
	return s.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		user, err := tx.ParkedBy(ctx, id)
		if err != nil {
			return err
		}
		oversees, err := s.oversees(ctx, tx, who)
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

func parkedToWire(p postgres.Parked) *syncv1.Parked {
	m := p.Mutation
	return &syncv1.Parked{
		Id: m.ID[:], DeviceId: m.Device[:], UserId: m.User[:], Attempts: uint32(p.Attempts),
		ParkedAt: timestamppb.New(p.Verdict.At), Verdict: verdictToWire(p.Verdict),
		Mutation: &syncv1.Mutation{
			Sequence: m.Seq, Id: m.ID[:], Kind: m.Kind, Args: m.Args, DeviceTime: timestamppb.New(m.DeviceTime),
		},
	}
}

// ReplayParked implements ParkedService.
func (s *Service) ReplayParked(ctx context.Context, req *connect.Request[syncv1.ReplayParkedRequest]) (*connect.Response[syncv1.ReplayParkedResponse], error) {
	who, err := identity.Require(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	var args []byte
	if len(req.Msg.Args) > 0 {
		args = req.Msg.Args
	}
	id := uuid.UUID(req.Msg.Id)
	if err := s.mayDecide(ctx, who, id); err != nil {
		return nil, err
	}
	result, err := s.Store.ReplayParked(ctx, s.Intake, change.Org(who.Org), id, args, change.User(who.User))
	if err != nil {
		return nil, err
	}
	v := change.Verdict{ID: id, Outcome: result.Outcome, Code: result.Code, Detail: result.Detail, Changes: result.Changes, At: s.Intake.Now()}
	return connect.NewResponse(&syncv1.ReplayParkedResponse{Verdict: verdictToWire(v)}), nil
}

// DismissParked implements ParkedService.
func (s *Service) DismissParked(ctx context.Context, req *connect.Request[syncv1.DismissParkedRequest]) (*connect.Response[syncv1.DismissParkedResponse], error) {
	who, err := identity.Require(ctx, reviewers...)
	if err != nil {
		return nil, err
	}
	if err := s.mayDecide(ctx, who, uuid.UUID(req.Msg.Id)); err != nil {
		return nil, err
	}
	err = s.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		return tx.DismissParked(ctx, uuid.UUID(req.Msg.Id), req.Msg.Reason, change.User(who.User))
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&syncv1.DismissParkedResponse{}), nil
}
