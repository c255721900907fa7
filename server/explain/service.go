package explain

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Service answers ExplainService.
type Service struct{ Explainer *Explainer }

var _ officev1connect.ExplainServiceHandler = Service{}

var askers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

// Why implements ExplainService.
func (s Service) Why(
	ctx context.Context, req *connect.Request[officev1.WhyRequest],
) (*connect.Response[officev1.WhyResponse], error) {
	return answer(ctx, s.Explainer.Store, func(tx *postgres.Tx, reach identity.Reach) (*officev1.WhyResponse, error) {
		return s.Explainer.Why(ctx, tx, reach, req.Msg.Who, req.Msg.Ticket)
	})
}

// GetDevice implements ExplainService.
func (s Service) GetDevice(
	ctx context.Context, req *connect.Request[officev1.GetDeviceRequest],
) (*connect.Response[officev1.GetDeviceResponse], error) {
	return answer(ctx,
		s.Explainer.Store, func(tx *postgres.Tx, reach identity.Reach) (*officev1.GetDeviceResponse, error) {
			return s.Explainer.Device(ctx, tx, reach, uuid.UUID(req.Msg.DeviceId), int(req.Msg.Limit), req.Msg.Before)
		})
}

// answer reads at one snapshot for a caller who may ask at all.
func answer[T any](
	ctx context.Context, store *postgres.Store, read func(*postgres.Tx, identity.Reach) (*T, error),
) (*connect.Response[T], error) {
	who, reach, err := identity.Acting(ctx, askers...)
	if err != nil {
		return nil, err
	}
	var out *T
	err = store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		out, err = read(tx, reach)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}
