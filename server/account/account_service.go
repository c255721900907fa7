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

	"github.com/doorstep-dev/doorstep/internal/fault"
	accountv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/internal/gen/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Handlers registers AuthService and AccountService.
func (r *Room) Handlers(handle func(path string, h http.Handler), options ...connect.HandlerOption) {
	handle(accountv1connect.NewAuthServiceHandler(authService{r}, options...))
	handle(accountv1connect.NewAccountServiceHandler(accountService{r}, options...))
}

// accountService implements AccountService on the room.
type accountService struct{ room *Room }

// overseers see the people and devices within their reach.
var overseers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

// GetMe implements AccountService.
func (s accountService) GetMe(ctx context.Context, _ *connect.Request[accountv1.GetMeRequest]) (*connect.Response[accountv1.GetMeResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	org, err := s.room.OrgByID(ctx, who.Org)
	if err != nil {
		return nil, err
	}
	out := &accountv1.GetMeResponse{OrgName: org.NameZH, OrgSlug: org.Slug, TimeZone: org.Zone.String(), Currency: org.Currency}
	err = s.room.read(ctx, who.Org, func(tx *postgres.Tx) error {
		u, err := s.room.UserByID(ctx, tx, who.User)
		out.User = userToWire(u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// ListDevices implements AccountService: one's own, and those of people within reach.
func (s accountService) ListDevices(ctx context.Context, req *connect.Request[accountv1.ListDevicesRequest]) (*connect.Response[accountv1.ListDevicesResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	user, err := optionalID("user_id", req.Msg.GetUserId())
	if err != nil {
		return nil, err
	}
	out := &accountv1.ListDevicesResponse{}
	err = s.room.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Devices = nil
		if user != uuid.Nil {
			if err := s.mustReach(ctx, tx, who, user); err != nil {
				return err
			}
		}
		devices, err := devicesOf(ctx, tx, user)
		if err != nil {
			return err
		}
		seen := map[uuid.UUID]bool{who.User: true}
		for _, d := range devices {
			owner := uuid.UUID(d.GetUserId())
			ok, known := seen[owner]
			if !known {
				err := s.mustReach(ctx, tx, who, owner)
				if err != nil && fault.CodeOf(err) != fault.NotFound {
					return err
				}
				ok = err == nil
				seen[owner] = ok
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

// mustReach answers NotFound for people beyond the caller's reach: whether they exist is nobody's business.
func (s accountService) mustReach(ctx context.Context, tx *postgres.Tx, who identity.Identity, user uuid.UUID) error {
	if user == who.User {
		return nil
	}
	if !who.Has(overseers...) {
		return fault.New(fault.NotFound, "user")
	}
	u, err := s.room.UserByID(ctx, tx, user)
	if err != nil {
		return err
	}
	reach, err := ReachOf(ctx, tx, who, overseers...)
	if err != nil {
		return err
	}
	if !reach.User(u) {
		return fault.New(fault.NotFound, "user")
	}
	return nil
}

func devicesOf(ctx context.Context, tx *postgres.Tx, user uuid.UUID) ([]*accountv1.Device, error) {
	rows, err := tx.Query(ctx, `SELECT d.id, d.user_id, d.name, d.app_version, d.enrolled_at, d.revoked_at, greatest(s.seen_at, f.presented_at), coalesce(s.unsent, 0)
		FROM device d LEFT JOIN token_family f ON f.org_id = d.org_id AND f.id = d.id LEFT JOIN sync_device s ON s.org_id = d.org_id AND s.device_id = d.id
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
func (r *Room) Devices(ctx context.Context, tx *postgres.Tx) ([]*accountv1.Device, error) {
	return devicesOf(ctx, tx, uuid.Nil)
}

// RevokeDevice implements AccountService: one's own device, or that of a person within reach.
func (s accountService) RevokeDevice(ctx context.Context, req *connect.Request[accountv1.RevokeDeviceRequest]) (*connect.Response[accountv1.RevokeDeviceResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.room.RevokeDevice(ctx, who.Org, uuid.UUID(req.Msg.GetDeviceId()), func(tx *postgres.Tx, user uuid.UUID) error {
		return s.mustReach(ctx, tx, who, user)
	}); err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.RevokeDeviceResponse{}), nil
}

// RevokeDevice takes a device out of service; allowed, if not nil, may refuse by its user. Doing it again
// changes nothing.
func (r *Room) RevokeDevice(ctx context.Context, org, device uuid.UUID, allowed func(tx *postgres.Tx, user uuid.UUID) error) error {
	return r.transact(ctx, org, func(tx *postgres.Tx) error {
		var user uuid.UUID
		err := tx.QueryRow(ctx, `SELECT user_id FROM device WHERE org_id = $1 AND id = $2`, org, device).Scan(&user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "device")
		}
		if err != nil {
			return err
		}
		if allowed != nil {
			if err := allowed(tx, user); err != nil {
				// A device of somebody beyond reach is not there.
				return fault.Wrap(err, fault.CodeOf(err), "device")
			}
		}
		return r.revoke(ctx, tx, device, user, "by the office")
	})
}

// CreateEnrolmentCode implements AccountService.
func (s accountService) CreateEnrolmentCode(ctx context.Context, req *connect.Request[accountv1.CreateEnrolmentCodeRequest]) (*connect.Response[accountv1.CreateEnrolmentCodeResponse], error) {
	who, err := identity.Require(ctx, overseers...)
	if err != nil {
		return nil, err
	}
	user := uuid.UUID(req.Msg.GetUserId())
	if err := s.room.read(ctx, who.Org, func(tx *postgres.Tx) error { return s.mayEnrol(ctx, tx, who, user) }); err != nil {
		return nil, err
	}
	code, expires, err := s.room.NewCode(ctx, who.Org, user)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.CreateEnrolmentCodeResponse{Code: code, Expires: timestamppb.New(expires)}), nil
}

// mayEnrol: a device carries its user's rights, so nobody lets in somebody who may do more than themselves.
func (s accountService) mayEnrol(ctx context.Context, tx *postgres.Tx, who identity.Identity, user uuid.UUID) error {
	if err := s.mustReach(ctx, tx, who, user); err != nil {
		return err
	}
	u, err := s.room.UserByID(ctx, tx, user)
	if err != nil || who.Has(identity.Admin) {
		return err
	}
	for _, g := range u.Grants {
		if g.Role != identity.Technician && g.Role != identity.Clerk {
			return fault.New(fault.Forbidden, "only an administrator lets in people of the office")
		}
	}
	return nil
}

// ListUsers implements AccountService: the people within reach.
func (s accountService) ListUsers(ctx context.Context, req *connect.Request[accountv1.ListUsersRequest]) (*connect.Response[accountv1.ListUsersResponse], error) {
	who, err := identity.Require(ctx, overseers...)
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
	err = s.room.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Users = nil
		reach, err := ReachOf(ctx, tx, who, overseers...)
		if err != nil {
			return err
		}
		for len(out.Users) < limit {
			page, err := s.room.Users(ctx, tx, after, 500)
			if err != nil {
				return err
			}
			for _, u := range page {
				after = u.ID
				if reach.User(u) && len(out.Users) < limit {
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

// PutUser implements AccountService: an administrator changes people within reach, and gives no right beyond it.
func (s accountService) PutUser(ctx context.Context, req *connect.Request[accountv1.PutUserRequest]) (*connect.Response[accountv1.PutUserResponse], error) {
	who, err := identity.Require(ctx, identity.Admin)
	if err != nil {
		return nil, err
	}
	u, err := userFromWire(req.Msg.GetUser())
	if err != nil {
		return nil, err
	}
	err = s.room.transact(ctx, who.Org, func(tx *postgres.Tx) error {
		reach, err := ReachOf(ctx, tx, who, identity.Admin)
		if err != nil {
			return err
		}
		if u.ID != uuid.Nil {
			old, err := s.room.UserByID(ctx, tx, u.ID)
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				return err
			}
			if err == nil && !reach.User(old) {
				return fault.New(fault.NotFound, "user")
			}
		}
		if !reach.User(u) {
			return fault.New(fault.Forbidden, "these rights reach further than yours")
		}
		u, err = s.room.PutUser(ctx, tx, u, req.Msg.GetPassword())
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.PutUserResponse{User: userToWire(u)}), nil
}

// ListPlaces implements AccountService: the places within reach; technicians see their region and teams.
func (s accountService) ListPlaces(ctx context.Context, _ *connect.Request[accountv1.ListPlacesRequest]) (*connect.Response[accountv1.ListPlacesResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	out := &accountv1.ListPlacesResponse{}
	err = s.room.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Places = nil
		reach, err := ReachOf(ctx, tx, who)
		if err != nil {
			return err
		}
		if who.Has(identity.Technician) && !reach.All {
			t, err := s.room.Technician(ctx, tx, who.User)
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				return err
			}
			reach.Regions[t.Region] = true
			for _, id := range t.Teams {
				reach.Teams[id] = true
			}
		}
		all, err := s.room.Places(ctx, tx)
		for _, p := range all {
			if reach.Region(p.ID) || reach.Team(p.ID) || reach.Store(p.ID) {
				out.Places = append(out.Places, placeToWire(p))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// PutPlace implements AccountService: regions by administrators of the org, the rest within one's regions.
func (s accountService) PutPlace(ctx context.Context, req *connect.Request[accountv1.PutPlaceRequest]) (*connect.Response[accountv1.PutPlaceResponse], error) {
	who, err := identity.Require(ctx, identity.Admin)
	if err != nil {
		return nil, err
	}
	p, err := placeFromWire(req.Msg.GetPlace())
	if err != nil {
		return nil, err
	}
	err = s.room.transact(ctx, who.Org, func(tx *postgres.Tx) error {
		reach, err := ReachOf(ctx, tx, who, identity.Admin)
		if err != nil {
			return err
		}
		if !reach.All {
			if p.Kind == identity.ScopeRegion || !reach.Region(p.Region) {
				return fault.New(fault.Forbidden, "this place lies beyond your region")
			}
			// One that exists must not be pulled over from another region either.
			old, err := s.room.RegionOf(ctx, tx, p.ID)
			if err == nil && !reach.Region(old) {
				return fault.New(fault.NotFound, "place")
			}
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				return err
			}
		}
		p, err = s.room.PutPlace(ctx, tx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.PutPlaceResponse{Place: placeToWire(p)}), nil
}
