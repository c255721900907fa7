package delta

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var reviewers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

// ListParked implements ParkedService.
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
		parked, err := tx.ListParked(ctx, after, limit)
		for _, p := range parked {
			out.Parked = append(out.Parked, parkedToWire(p))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
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
	err = s.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		return tx.DismissParked(ctx, uuid.UUID(req.Msg.Id), req.Msg.Reason, change.User(who.User))
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&syncv1.DismissParkedResponse{}), nil
}
