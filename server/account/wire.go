package account

import (
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// optionalID reads an id that may be absent (empty).
func optionalID(field string, b []byte) (uuid.UUID, error) {
	if len(b) == 0 {
		return uuid.Nil, nil
	}
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil, fault.Wrap(err, fault.InvalidArgument, "%s", field)
	}
	return id, nil
}

func idBytes(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

func tokensToWire(t Tokens) *accountv1.Tokens {
	return &accountv1.Tokens{Access: t.Access, AccessExpires: timestamppb.New(t.Expires), Refresh: t.Refresh}
}

func userToWire(u User) *accountv1.User {
	out := &accountv1.User{
		Id: idBytes(u.ID), Name: &typesv1.Label{Zh: u.NameZH, En: u.NameEN}, Login: u.Login, Disabled: u.Disabled,
	}
	for _, g := range u.Grants {
		out.Grants = append(out.Grants,
			&accountv1.Grant{Role: string(g.Role), Scope: string(g.Scope), ScopeId: idBytes(g.ID)})
	}
	if t := u.Technician; t != nil {
		out.Technician = &accountv1.Technician{
			Badge: t.Badge, Skills: t.Skills, Home: pointToWire(t.Home), DailyCapacity: uint32(t.DailyCapacity),
			DayStartMinute: uint32(t.DayStart), DayEndMinute: uint32(t.DayEnd), Gold: t.Gold, RegionId: idBytes(t.Region),
			Alias: t.Alias,
		}
		for _, id := range t.Teams {
			out.Technician.TeamIds = append(out.Technician.TeamIds, idBytes(id))
		}
	}
	return out
}

func userFromWire(in *accountv1.User) (User, error) {
	u := User{Login: in.GetLogin(), NameZH: in.GetName().GetZh(), NameEN: in.GetName().GetEn(), Disabled: in.GetDisabled()}
	var err error
	if u.ID, err = optionalID("user.id", in.GetId()); err != nil {
		return u, err
	}
	for _, g := range in.GetGrants() {
		id, err := optionalID("user.grants.scope_id", g.GetScopeId())
		if err != nil {
			return u, err
		}
		u.Grants = append(u.Grants,
			identity.Grant{Role: identity.Role(g.GetRole()), Scope: identity.ScopeKind(g.GetScope()), ID: id})
	}
	t := in.GetTechnician()
	if t == nil {
		return u, nil
	}
	// Numbers that do not fit are far outside of the ranges that PutUser allows.
	u.Technician = &Technician{
		Badge: t.GetBadge(), Alias: t.GetAlias(), Skills: t.GetSkills(), Home: pointFromWire(t.GetHome()),
		DailyCapacity: int(t.GetDailyCapacity()), DayStart: int(t.GetDayStartMinute()), DayEnd: int(t.GetDayEndMinute()),
		Gold: t.GetGold(),
	}
	if u.Technician.Region, err = optionalID("user.technician.region_id", t.GetRegionId()); err != nil {
		return u, err
	}
	for _, b := range t.GetTeamIds() {
		id, err := optionalID("user.technician.team_ids", b)
		if err != nil {
			return u, err
		}
		u.Technician.Teams = append(u.Technician.Teams, id)
	}
	return u, nil
}

func placeToWire(p Place) *accountv1.Place {
	return &accountv1.Place{
		Id: idBytes(p.ID), Kind: string(p.Kind), Name: &typesv1.Label{Zh: p.NameZH, En: p.NameEN},
		RegionId: idBytes(p.Region), Position: pointToWire(p.At),
	}
}

func placeFromWire(in *accountv1.Place) (Place, error) {
	p := Place{
		Kind: identity.ScopeKind(in.GetKind()), NameZH: in.GetName().GetZh(), NameEN: in.GetName().GetEn(),
		At: pointFromWire(in.GetPosition()),
	}
	var err error
	if p.ID, err = optionalID("place.id", in.GetId()); err != nil {
		return p, err
	}
	p.Region, err = optionalID("place.region_id", in.GetRegionId())
	return p, err
}

func pointToWire(p *Point) *typesv1.Position {
	if p == nil {
		return nil
	}
	return &typesv1.Position{Latitude: p.Latitude, Longitude: p.Longitude}
}

func pointFromWire(p *typesv1.Position) *Point {
	if p == nil {
		return nil
	}
	return &Point{p.GetLatitude(), p.GetLongitude()}
}
