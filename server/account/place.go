package account

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Place is a region, a team or a shop.
type Place struct {
	ID     uuid.UUID
	Kind   identity.ScopeKind // ScopeRegion, ScopeTeam or ScopeStore
	NameZH string
	NameEN string
	// Region of a team or shop.
	Region uuid.UUID
	// At is where a shop is, if known.
	At *Point
}

// stands is where the place is, for rights.
func (p Place) stands() identity.Place {
	return identity.Place{Kind: p.Kind, ID: p.ID, Region: p.Region}
}

// PutPlace makes or changes a place within tx. An id is that of one place only: the id of a region is refused for a
// team.
func (r *Accounts) PutPlace(ctx context.Context, tx *postgres.Tx, p Place) (Place, error) {
	if p.ID == uuid.Nil {
		id, err := newID()
		if err != nil {
			return Place{}, err
		}
		p.ID = id
	}
	if err := ofOneKind(ctx, tx, p); err != nil {
		return Place{}, err
	}
	if p.NameZH == "" {
		p.NameZH = p.NameEN
	}
	if p.NameEN == "" {
		p.NameEN = p.NameZH
	}
	if p.NameZH == "" || len(p.NameZH) > 100 || len(p.NameEN) > 100 {
		return Place{}, fault.New(fault.InvalidArgument, "place.name")
	}
	var err error
	switch p.Kind {
	case identity.ScopeRegion:
		_, err = tx.Exec(ctx, `INSERT INTO region (org_id, id, name_zh, name_en) VALUES ($1, $2, $3, $4)
			ON CONFLICT (org_id, id) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en`,
			tx.OrgID(), p.ID, p.NameZH, p.NameEN)
	case identity.ScopeTeam:
		_, err = tx.Exec(ctx, `INSERT INTO team (org_id, id, region_id, name_zh, name_en) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (org_id, id) DO UPDATE SET region_id = excluded.region_id, name_zh = excluded.name_zh,
			name_en = excluded.name_en`,
			tx.OrgID(), p.ID, p.Region, p.NameZH, p.NameEN)
	case identity.ScopeStore:
		var lat, lon *float64
		if p.At != nil {
			if p.At.Latitude < -90 || p.At.Latitude > 90 || p.At.Longitude < -180 || p.At.Longitude > 180 {
				return Place{}, fault.New(fault.InvalidArgument, "place.position")
			}
			lat, lon = &p.At.Latitude, &p.At.Longitude
		}
		_, err = tx.Exec(ctx, `INSERT INTO shop (org_id, id, region_id, name_zh, name_en, latitude, longitude)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (org_id, id) DO UPDATE SET region_id = excluded.region_id, name_zh = excluded.name_zh,
			name_en = excluded.name_en,
				latitude = excluded.latitude, longitude = excluded.longitude`,
			tx.OrgID(), p.ID, p.Region, p.NameZH, p.NameEN, lat, lon)
	default:
		return Place{}, fault.New(fault.InvalidArgument, "place.kind: region, team or store")
	}
	if unknownReference(err) {
		return Place{}, fault.Wrap(err, fault.InvalidArgument, "place.region_id: there is no such region")
	}
	if err != nil {
		return Place{}, err
	}
	if err := r.renameOnPhones(ctx, tx, p); err != nil {
		return Place{}, err
	}
	return p, r.note(ctx, tx, "place.put", p.ID, map[string]string{"kind": string(p.Kind), "name": p.NameZH})
}

// ofOneKind refuses the id of a place of another kind: whoever reads an id alone would take one for the other.
func ofOneKind(ctx context.Context, tx *postgres.Tx, p Place) error {
	a, err := atlasOf(ctx, tx, []uuid.UUID{p.ID})
	for kind, places := range a {
		if _, taken := places[p.ID]; taken && kind != p.Kind {
			return fault.New(fault.InvalidArgument, "place.id: this is the id of a %s, not of a %s", kind, p.Kind)
		}
	}
	return err
}

// renameOnPhones places the profiles of a region's or team's technicians anew, for they hold its name.
func (r *Accounts) renameOnPhones(ctx context.Context, tx *postgres.Tx, p Place) error {
	var f TechnicianFilter
	switch p.Kind {
	case identity.ScopeRegion:
		f.Region = p.ID
	case identity.ScopeTeam:
		f.Team = p.ID
	default:
		return nil
	}
	ts, err := r.Technicians(ctx, tx, f)
	for i := range ts {
		if err = r.placeProfile(ctx, tx, ts[i].ID); err != nil {
			return err
		}
	}
	return err
}

// Places lists all regions, teams and shops: regions first, each kind by id.
func (r *Accounts) Places(ctx context.Context, tx *postgres.Tx) ([]Place, error) {
	return r.places(ctx, tx, uuid.Nil)
}

// Region returns a region's names; NotFound for an unknown one.
func (r *Accounts) Region(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (chinese, english string, err error) {
	all, err := r.Places(ctx, tx)
	for _, p := range all {
		if p.Kind == identity.ScopeRegion && p.ID == id {
			return p.NameZH, p.NameEN, nil
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "region")
	}
	return "", "", err
}

// PlaceByID finds a place; NotFound when there is none.
func (r *Accounts) PlaceByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Place, error) {
	ps, err := r.places(ctx, tx, id)
	if err != nil {
		return Place{}, err
	}
	if len(ps) == 0 || id == uuid.Nil {
		return Place{}, fault.New(fault.NotFound, "place")
	}
	return ps[0], nil
}

func (r *Accounts) places(ctx context.Context, tx *postgres.Tx, id uuid.UUID) ([]Place, error) {
	rows, err := tx.Query(ctx, `
		SELECT 'region', id, name_zh, name_en, $3::uuid, NULL::float8, NULL::float8, 1 AS o FROM region
			WHERE org_id = $1 AND ($2::uuid = $3 OR id = $2)
		UNION ALL SELECT 'team', id, name_zh, name_en, region_id, NULL, NULL, 2 FROM team
		WHERE org_id = $1 AND ($2 = $3 OR id = $2)
		UNION ALL SELECT 'store', id, name_zh, name_en, region_id, latitude, longitude, 3 FROM shop
		WHERE org_id = $1 AND ($2 = $3 OR id = $2)
		ORDER BY o, id`, tx.OrgID(), id, uuid.Nil)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Place, error) {
		var p Place
		var lat, lon *float64
		var order int
		err := row.Scan(&p.Kind, &p.ID, &p.NameZH, &p.NameEN, &p.Region, &lat, &lon, &order)
		if lat != nil && lon != nil {
			p.At = &Point{*lat, *lon}
		}
		return p, err
	})
}

// RegionOf is the region that a team or shop belongs to; NotFound when there is none.
func (r *Accounts) RegionOf(ctx context.Context, tx *postgres.Tx, place uuid.UUID) (uuid.UUID, error) {
	var region uuid.UUID
	err := tx.QueryRow(ctx, `SELECT region_id FROM team WHERE org_id = $1 AND id = $2
		UNION ALL SELECT region_id FROM shop WHERE org_id = $1 AND id = $2`, tx.OrgID(), place).Scan(&region)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fault.New(fault.NotFound, "place")
	}
	return region, err
}
