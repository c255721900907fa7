package account

import (
	"context"

	"connectrpc.com/connect"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

// authService implements AuthService on the room.
type authService struct{ *Accounts }

// EnrolDevice implements AuthService.
func (a authService) EnrolDevice(
	ctx context.Context, req *connect.Request[accountv1.EnrolDeviceRequest],
) (*connect.Response[accountv1.EnrolDeviceResponse], error) {
	e, err := a.Enrol(ctx, req.Msg.GetCode(), req.Msg.GetDeviceName(), req.Msg.GetAppVersion())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.EnrolDeviceResponse{
		OrgId: idBytes(e.Org.ID), UserId: idBytes(e.User), DeviceId: idBytes(e.Device),
		Tokens: tokensToWire(e.Tokens), UserName: e.Name, OrgName: e.Org.NameZH,
	}), nil
}

// RefreshToken implements AuthService.
func (a authService) RefreshToken(
	ctx context.Context, req *connect.Request[accountv1.RefreshTokenRequest],
) (*connect.Response[accountv1.RefreshTokenResponse], error) {
	t, err := a.Refresh(ctx, req.Msg.GetRefresh(), AttemptOf(req.Msg.GetAttempt()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.RefreshTokenResponse{Tokens: tokensToWire(t)}), nil
}

// LogIn implements AuthService.
func (a authService) LogIn(
	ctx context.Context, req *connect.Request[accountv1.LogInRequest],
) (*connect.Response[accountv1.LogInResponse], error) {
	t, err := a.Accounts.LogIn(ctx, req.Msg.GetOrg(), req.Msg.GetLogin(), req.Msg.GetPassword(), rpc.Address(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.LogInResponse{Tokens: tokensToWire(t)}), nil
}
