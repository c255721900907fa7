package account

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Handlers registers AuthService and AccountService.
func (r *Accounts) Handlers(handle func(path string, h http.Handler), options ...connect.HandlerOption) {
	handle(accountv1connect.NewAuthServiceHandler(authService{r}, options...))
	handle(accountv1connect.NewAccountServiceHandler(accountService{r}, options...))
}

// accountService implements AccountService on the room.
type accountService struct{ accounts *Accounts }

// GetMe implements AccountService.
func (s accountService) GetMe(
	ctx context.Context, _ *connect.Request[accountv1.GetMeRequest],
) (*connect.Response[accountv1.GetMeResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	org, err := s.accounts.OrgByID(ctx, who.Org)
	if err != nil {
		return nil, err
	}
	out := &accountv1.GetMeResponse{
		OrgName: org.NameZH, OrgSlug: org.Slug, TimeZone: org.Zone.String(),
		Currency: org.Currency,
	}
	err = s.accounts.read(ctx, who.Org, func(tx *postgres.Tx) error {
		u, err := s.accounts.UserByID(ctx, tx, who.User)
		out.User = userToWire(u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// ListDevices implements AccountService: one's own, and those of people within reach.
func (s accountService) ListDevices(
	ctx context.Context, req *connect.Request[accountv1.ListDevicesRequest],
) (*connect.Response[accountv1.ListDevicesResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	user, err := optionalID("user_id", req.Msg.GetUserId())
	if err != nil {
		return nil, err
	}
	out := &accountv1.ListDevicesResponse{}
	err = s.accounts.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Devices = nil
		sees, err := s.seer(ctx, tx, who)
		if err != nil {
			return err
		}
		if user != uuid.Nil {
			if ok, err := sees(user); err != nil || !ok {
				return orUnseen(err, "user_id")
			}
			if _, err := s.accounts.UserByID(ctx, tx, user); err != nil {
				return fault.Wrap(err, fault.CodeOf(err), "user_id")
			}
		}
		devices, err := devicesOf(ctx, tx, user)
		if err != nil {
			return err
		}
		for _, d := range devices {
			ok, err := sees(uuid.UUID(d.GetUserId()))
			if err != nil {
				return err
			}
			if ok {
				out.Devices = append(out.Devices, d)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// seer returns whether the caller sees a user: themselves, and the people who show within their reach.
func (s accountService) seer(
	ctx context.Context, tx *postgres.Tx, who identity.Identity,
) (func(user uuid.UUID) (bool, error), error) {
	oversees, err := s.accounts.Oversees(ctx, tx, who.For(overseers...))
	return func(user uuid.UUID) (bool, error) {
		if user == who.User {
			return true, nil
		}
		return oversees(user)
	}, err
}

// orUnseen is err, or that there is nothing to see.
func orUnseen(err error, field string) error {
	if err == nil {
		err = identity.Unseen(field)
	}
	return err
}

// mayManage tells whether the caller may let a user in and revoke their devices. Whoever the caller does not even see
// is not there.
func (s accountService) mayManage(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, user uuid.UUID, field string,
) error {
	sees, err := s.seer(ctx, tx, who)
	if err != nil {
		return err
	}
	if ok, err := sees(user); err != nil || !ok {
		return orUnseen(err, field)
	}
	u, err := s.accounts.UserByID(ctx, tx, user)
	if err != nil {
		return fault.Wrap(err, fault.CodeOf(err), "%s", field)
	}
	a, err := atlasFor(ctx, tx, u)
	if err == nil && !manages(who, rightsOf(u, a.place)) {
		err = fault.New(fault.Forbidden, "%s: this person's rights reach further than yours", field)
	}
	return err
}

func devicesOf(ctx context.Context, tx *postgres.Tx, user uuid.UUID) ([]*accountv1.Device, error) {
	rows, err := tx.Query(ctx, `SELECT d.id, d.user_id, d.name, d.app_version, d.enrolled_at, d.revoked_at,
		greatest(s.seen_at, f.presented_at), coalesce(s.unsent, 0)
		FROM device d LEFT JOIN token_family f ON f.org_id = d.org_id AND f.id = d.id
			LEFT JOIN sync_device s ON s.org_id = d.org_id AND s.device_id = d.id
		WHERE d.org_id = $1 AND ($2::uuid = $3 OR d.user_id = $2) ORDER BY d.id DESC LIMIT 2000`, tx.OrgID(), user, uuid.Nil)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*accountv1.Device, error) {
		var id, user uuid.UUID
		var enrolled time.Time
		var revoked, seen *time.Time
		var unsent int64
		d := &accountv1.Device{}
		if err := row.Scan(&id, &user, &d.Name, &d.AppVersion, &enrolled, &revoked, &seen, &unsent); err != nil {
			return nil, err
		}
		d.Id, d.UserId, d.EnrolledAt, d.Unsent = idBytes(id), idBytes(user), timestamppb.New(enrolled), uint32(unsent)
		if revoked != nil {
			d.RevokedAt = timestamppb.New(*revoked)
		}
		if seen != nil {
			d.LastSeenAt = timestamppb.New(*seen)
		}
		return d, nil
	})
}

// Devices lists all devices of the org, youngest first, at most 2,000.
func (r *Accounts) Devices(ctx context.Context, tx *postgres.Tx) ([]*accountv1.Device, error) {
	return devicesOf(ctx, tx, uuid.Nil)
}

// RevokeDevice implements AccountService: one's own device, or that of a person whom the caller manages.
func (s accountService) RevokeDevice(
	ctx context.Context, req *connect.Request[accountv1.RevokeDeviceRequest],
) (*connect.Response[accountv1.RevokeDeviceResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.accounts.RevokeDevice(ctx, who.Org,
		uuid.UUID(req.Msg.GetDeviceId()), func(tx *postgres.Tx, user uuid.UUID) error {
			if user == who.User {
				return nil
			}
			return s.mayManage(ctx, tx, who, user, "device_id")
		}); err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.RevokeDeviceResponse{}), nil
}

// RevokeDevice takes a device out of service; allowed, if not nil, may refuse by its user. Doing it again
// changes nothing.
func (r *Accounts) RevokeDevice(
	ctx context.Context, org, device uuid.UUID, allowed func(tx *postgres.Tx, user uuid.UUID) error,
) error {
	return r.transact(ctx, org, func(tx *postgres.Tx) error {
		var user uuid.UUID
		err := tx.QueryRow(ctx, `SELECT user_id FROM device WHERE org_id = $1 AND id = $2`, org, device).Scan(&user)
		if errors.Is(err, pgx.ErrNoRows) {
			return identity.Unseen("device_id")
		}
		if err != nil {
			return err
		}
		if allowed != nil {
			if err := allowed(tx, user); err != nil {
				return err
			}
		}
		return r.revoke(ctx, tx, device, user, "by the office")
	})
}

// CreateEnrolmentCode implements AccountService.
func (s accountService) CreateEnrolmentCode(
	ctx context.Context, req *connect.Request[accountv1.CreateEnrolmentCodeRequest],
) (*connect.Response[accountv1.CreateEnrolmentCodeResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	user := uuid.UUID(req.Msg.GetUserId())
	// A device carries its user's rights, so nobody lets in somebody who may do more than they could give.
	code, expires, err := s.accounts.newCode(ctx, who.Org, user, func(tx *postgres.Tx) error {
		return s.mayManage(ctx, tx, who, user, "user_id")
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.CreateEnrolmentCodeResponse{Code: code, Expires: timestamppb.New(expires)}), nil
}

// ListUsers implements AccountService: the people within reach.
func (s accountService) ListUsers(
	ctx context.Context, req *connect.Request[accountv1.ListUsersRequest],
) (*connect.Response[accountv1.ListUsersResponse], error) {
	who, reach, err := identity.Acting(ctx, overseers...)
	if err != nil {
		return nil, err
	}
	after, err := optionalID("after", req.Msg.GetAfter())
	if err != nil {
		return nil, err
	}
	limit := int(req.Msg.GetLimit())
	if limit == 0 {
		limit = 100
	}
	out := &accountv1.ListUsersResponse{}
	err = s.accounts.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Users = nil
		a, err := atlasOf(ctx, tx, nil)
		if err != nil {
			return err
		}
		for len(out.Users) < limit {
			page, err := s.accounts.Users(ctx, tx, after, 500)
			if err != nil {
				return err
			}
			for _, u := range page {
				after = u.ID
				if sees(reach, u, a.place) && len(out.Users) < limit {
					out.Users = append(out.Users, userToWire(u))
				}
			}
			if len(page) < 500 {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}
