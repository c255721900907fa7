package account

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// PutUser implements AccountService: an administrator makes and changes people all of whose rights, before and after,
// lie within reach. Nobody adds a right to themselves.
func (s accountService) PutUser(
	ctx context.Context, req *connect.Request[accountv1.PutUserRequest],
) (*connect.Response[accountv1.PutUserResponse], error) {
	who, reach, err := identity.Acting(ctx, identity.Admin)
	if err != nil {
		return nil, err
	}
	u, err := userFromWire(req.Msg.GetUser())
	if err != nil {
		return nil, err
	}
	err = s.accounts.transact(ctx, who.Org, func(tx *postgres.Tx) error {
		if err := s.mayPut(ctx, tx, who, reach, u); err != nil {
			return err
		}
		u, err = s.accounts.PutUser(ctx, tx, u, req.Msg.GetPassword())
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.PutUserResponse{User: userToWire(u)}), nil
}

func (s accountService) mayPut(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, u User,
) error {
	var ends []identity.End
	for _, g := range u.Grants {
		if g.ID != uuid.Nil {
			ends = append(ends, identity.End{Field: "user.grants.scope_id", Kind: g.Scope, ID: g.ID})
		}
	}
	if t := u.Technician; t != nil {
		ends = append(ends, identity.End{Field: "user.technician.region_id", Kind: identity.ScopeRegion, ID: t.Region})
		for _, id := range t.Teams {
			ends = append(ends, identity.End{Field: "user.technician.team_ids", Kind: identity.ScopeTeam, ID: id})
		}
	}
	if err := s.accounts.Relate(ctx, tx, who, reach, ends...); err != nil {
		return err
	}
	a, err := atlasFor(ctx, tx, u)
	if err != nil {
		return err
	}
	now := rightsOf(u, a.place)
	if !administers(who, now) {
		return fault.New(fault.Forbidden, "user.grants: these rights reach further than yours")
	}
	if u.ID == uuid.Nil {
		return nil
	}
	old, err := s.accounts.UserByID(ctx, tx, u.ID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil // an id that the caller chose
	}
	if err != nil {
		return err
	}
	if a, err = atlasFor(ctx, tx, old); err != nil {
		return err
	}
	before := rightsOf(old, a.place)
	switch {
	case !administers(who, before) && !sees(who.For(overseers...), old, a.place):
		return identity.Unseen("user.id")
	case !administers(who, before):
		return fault.New(fault.Forbidden, "user.id: this person's rights reach further than yours")
	}
	if r, more := widened(before, now); more && u.ID == who.User {
		return fault.New(fault.Forbidden, "user.grants: nobody gives themselves a right (%s); ask another administrator",
			r.role)
	}
	return nil
}

// ListPlaces implements AccountService: the places within reach; technicians see their region and teams.
func (s accountService) ListPlaces(
	ctx context.Context, _ *connect.Request[accountv1.ListPlacesRequest],
) (*connect.Response[accountv1.ListPlacesResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	reach := who.For(lookers...)
	out := &accountv1.ListPlacesResponse{}
	err = s.accounts.read(ctx, who.Org, func(tx *postgres.Tx) error {
		out.Places = nil
		own := map[uuid.UUID]bool{}
		if who.For(identity.Technician).Self {
			teams, region, err := s.accounts.Home(ctx, tx, who.User)
			if err != nil {
				return err
			}
			own[region] = true
			for _, id := range teams {
				own[id] = true
			}
		}
		all, err := s.accounts.Places(ctx, tx)
		for _, p := range all {
			if own[p.ID] || reach.Covers(p.stands()) {
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
func (s accountService) PutPlace(
	ctx context.Context, req *connect.Request[accountv1.PutPlaceRequest],
) (*connect.Response[accountv1.PutPlaceResponse], error) {
	who, reach, err := identity.Acting(ctx, identity.Admin)
	if err != nil {
		return nil, err
	}
	p, err := placeFromWire(req.Msg.GetPlace())
	if err != nil {
		return nil, err
	}
	err = s.accounts.transact(ctx, who.Org, func(tx *postgres.Tx) error {
		if p.Kind == identity.ScopeRegion && !reach.All {
			return fault.New(fault.Forbidden, "place.kind: regions are made and renamed by administrators of the whole company")
		}
		if p.Kind != identity.ScopeRegion {
			if err := s.accounts.Relate(ctx, tx, who, reach,
				identity.End{Field: "place.region_id", Kind: identity.ScopeRegion, ID: p.Region}); err != nil {
				return err
			}
		}
		// One that exists must not be pulled over from another region either.
		old, err := s.accounts.PlaceByID(ctx, tx, p.ID)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return err
		}
		if err == nil {
			if err := reach.Existing("place.id", old.stands()); err != nil {
				return err
			}
		}
		p, err = s.accounts.PutPlace(ctx, tx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&accountv1.PutPlaceResponse{Place: placeToWire(p)}), nil
}
