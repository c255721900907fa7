package delta

import (
	"context"
	"strings"
	"unicode"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Push implements SyncService. A revoked device may still hand its work in: it is kept as evidence.
func (s *Service) Push(
	ctx context.Context, req *connect.Request[syncv1.PushRequest],
) (*connect.Response[syncv1.PushResponse], error) {
	who, err := device(ctx)
	if err != nil {
		return nil, err
	}
	p := intake.Push{
		Org: change.Org(who.Org), Device: change.Device(who.Device), User: change.User(who.User),
		Mutations: make([]change.Mutation, len(req.Msg.Mutations)), HeldFrom: req.Msg.HeldFrom,
	}
	if at := req.Msg.DeviceTime; at != nil {
		if err := at.CheckValid(); err != nil {
			return nil, fault.Wrap(err, fault.InvalidArgument, "device_time")
		}
		p.Clock = at.AsTime()
	}
	gone, err := s.access.Revoked(ctx, who)
	if err != nil {
		return nil, err
	}
	if gone {
		p.ParkAll = fault.DeviceRevoked
	}
	for i, m := range req.Msg.Mutations {
		if p.Mutations[i], err = mutationFromWire(m); err != nil {
			return nil, err
		}
	}
	verdicts, err := s.Intake.Take(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &syncv1.PushResponse{
		LastSequence: p.Mutations[len(verdicts)-1].Seq, ServerTime: timestamppb.New(s.Intake.Now()),
		KeepDays: s.KeepDays, Verdicts: make([]*syncv1.Verdict, len(verdicts)),
	}
	for i, v := range verdicts {
		out.Verdicts[i] = verdictToWire(v)
	}
	return connect.NewResponse(out), nil
}

func mutationFromWire(m *syncv1.Mutation) (change.Mutation, error) {
	id, err := uuid.FromBytes(m.Id)
	if err != nil {
		return change.Mutation{}, fault.Wrap(err, fault.InvalidArgument, "mutation %d: id", m.Sequence)
	}
	if id == uuid.Nil { // what a client sends that forgot to choose one: all its work would count as one
		return change.Mutation{}, fault.New(fault.InvalidArgument, "mutation %d: id", m.Sequence)
	}
	if err := m.DeviceTime.CheckValid(); err != nil {
		return change.Mutation{}, fault.Wrap(err, fault.InvalidArgument, "mutation %d: device_time", m.Sequence)
	}
	if m.Sequence > 1<<62 {
		return change.Mutation{}, fault.New(fault.InvalidArgument, "mutation: sequence")
	}
	// The database keeps kinds as text and text has no NUL; what no client can mean must not look like our failure.
	if strings.ContainsFunc(m.Kind, unicode.IsControl) {
		return change.Mutation{}, fault.New(fault.InvalidArgument, "mutation %d: kind", m.Sequence)
	}
	return change.Mutation{
		Seq: m.Sequence, ID: id, Kind: m.Kind, Args: m.Args, DeviceTime: m.DeviceTime.AsTime(),
	}, nil
}
