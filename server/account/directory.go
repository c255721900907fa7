package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// TechnicianFilter narrows Technicians down; zero fields do not.
type TechnicianFilter struct {
	IDs    []uuid.UUID
	Region uuid.UUID
	Team   uuid.UUID
	// Disabled includes those who may not work any more.
	Disabled bool
}

// Technicians lists technicians by id, for dispatch, pay and the profile.
func (r *Accounts) Technicians(ctx context.Context, tx *postgres.Tx, f TechnicianFilter) ([]Technician, error) {
	rows, err := tx.Query(ctx, `SELECT t.user_id, u.name_zh, u.name_en, t.badge, t.alias, t.region_id,
			array(SELECT m.team_id FROM team_member m WHERE m.org_id = t.org_id AND m.user_id = t.user_id ORDER BY m.team_id),
			t.skills, t.home_latitude, t.home_longitude, t.daily_capacity, t.day_start, t.day_end, t.gold, u.disabled
		FROM technician t JOIN app_user u ON u.org_id = t.org_id AND u.id = t.user_id
		WHERE t.org_id = $1 AND ($2::uuid[] IS NULL OR t.user_id = ANY ($2)) AND ($3::uuid = $6 OR t.region_id = $3)
			AND ($4::uuid = $6 OR EXISTS (SELECT 1 FROM team_member m WHERE m.org_id = t.org_id AND m.user_id = t.user_id
			AND m.team_id = $4))
			AND ($5 OR NOT u.disabled)
		ORDER BY t.user_id`, tx.OrgID(), f.IDs, f.Region, f.Team, f.Disabled, uuid.Nil)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Technician, error) {
		var t Technician
		var lat, lon *float64
		err := row.Scan(&t.ID, &t.NameZH, &t.NameEN, &t.Badge, &t.Alias, &t.Region, &t.Teams, &t.Skills, &lat, &lon,
			&t.DailyCapacity, &t.DayStart, &t.DayEnd, &t.Gold, &t.Disabled)
		if lat != nil && lon != nil {
			t.Home = &Point{*lat, *lon}
		}
		return t, err
	})
}

// Technician finds one technician; NotFound when the user is none.
func (r *Accounts) Technician(ctx context.Context, tx *postgres.Tx, user uuid.UUID) (Technician, error) {
	all, err := r.Technicians(ctx, tx, TechnicianFilter{IDs: []uuid.UUID{user}, Disabled: true})
	if err != nil {
		return Technician{}, err
	}
	if len(all) == 0 {
		return Technician{}, fault.New(fault.NotFound, "technician")
	}
	return all[0], nil
}

func teamsOf(ctx context.Context, tx *postgres.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT team_id FROM team_member WHERE org_id = $1 AND user_id = $2
		ORDER BY team_id`, tx.OrgID(), user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// UserByID finds a user; NotFound when there is none.
func (r *Accounts) UserByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (User, error) {
	return r.oneUser(ctx, tx, `u.id = $2`, id)
}

// UserByLogin finds a user by login name; NotFound when there is none.
func (r *Accounts) UserByLogin(ctx context.Context, tx *postgres.Tx, login string) (User, error) {
	return r.oneUser(ctx, tx, `u.login = $2`, normalLogin(login))
}

func (r *Accounts) oneUser(ctx context.Context, tx *postgres.Tx, where string, arg any) (User, error) {
	var u User
	err := tx.QueryRow(ctx, `SELECT u.id, u.login, u.name_zh, u.name_en, u.disabled FROM app_user u
		WHERE u.org_id = $1 AND `+where,
		tx.OrgID(), arg).Scan(&u.ID, &u.Login, &u.NameZH, &u.NameEN, &u.Disabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, fault.New(fault.NotFound, "user")
	}
	if err != nil {
		return User{}, err
	}
	us := []User{u}
	err = r.fill(ctx, tx, us)
	return us[0], err
}

// NameOf is the name of a user, empty for nobody known.
func (r *Accounts) NameOf(ctx context.Context, tx *postgres.Tx, user change.User) (string, error) {
	u, err := r.UserByID(ctx, tx, uuid.UUID(user))
	if fault.CodeOf(err) == fault.NotFound {
		return "", nil
	}
	return u.NameZH, err
}

// Users lists users in the order of their ids, after the given one, at most limit.
func (r *Accounts) Users(ctx context.Context, tx *postgres.Tx, after uuid.UUID, limit int) ([]User, error) {
	rows, err := tx.Query(ctx, `SELECT id, login, name_zh, name_en, disabled FROM app_user WHERE org_id = $1 AND id > $2
		ORDER BY id LIMIT $3`,
		tx.OrgID(), after, limit)
	if err != nil {
		return nil, err
	}
	us, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u User, err error) {
		err = row.Scan(&u.ID, &u.Login, &u.NameZH, &u.NameEN, &u.Disabled)
		return u, err
	})
	if err != nil {
		return nil, err
	}
	return us, r.fill(ctx, tx, us)
}

// fill adds grants and technicians' profiles.
func (r *Accounts) fill(ctx context.Context, tx *postgres.Tx, us []User) error {
	at := make(map[uuid.UUID]int, len(us))
	ids := make([]uuid.UUID, len(us))
	for i, u := range us {
		at[u.ID], ids[i] = i, u.ID
	}
	rows, err := tx.Query(ctx, `SELECT user_id, role, scope, scope_id FROM role_grant
		WHERE org_id = $1 AND user_id = ANY ($2)
		ORDER BY user_id, role, scope, scope_id`, tx.OrgID(), ids)
	if err != nil {
		return err
	}
	var user uuid.UUID
	var g identity.Grant
	if _, err := pgx.ForEachRow(rows, []any{&user, &g.Role, &g.Scope, &g.ID}, func() error {
		us[at[user]].Grants = append(us[at[user]].Grants, g)
		return nil
	}); err != nil {
		return err
	}
	ts, err := r.Technicians(ctx, tx, TechnicianFilter{IDs: ids, Disabled: true})
	for i := range ts {
		us[at[ts[i].ID]].Technician = &ts[i]
	}
	return err
}

// Company is the org that tx is bound to.
func (r *Accounts) Company(ctx context.Context, tx *postgres.Tx) (Org, error) {
	o := Org{ID: tx.OrgID()}
	var zone string
	err := tx.QueryRow(ctx, `SELECT slug, name_zh, name_en, time_zone, currency FROM org WHERE id = $1`, o.ID).
		Scan(&o.Slug, &o.NameZH, &o.NameEN, &zone, &o.Currency)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, fault.New(fault.NotFound, "company")
	}
	if err != nil {
		return o, err
	}
	o.Zone, err = r.zone(zone)
	return o, err
}

// Currency is the company's, by its ISO 4217 code.
func (r *Accounts) Currency(ctx context.Context, tx *postgres.Tx) (string, error) {
	company, err := r.Company(ctx, tx)
	return company.Currency, err
}

// Zone is the time zone of the org that tx is bound to: it decides days and months.
func (r *Accounts) Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error) {
	var name string
	if err := tx.QueryRow(ctx, `SELECT time_zone FROM org WHERE id = $1`, tx.OrgID()).Scan(&name); err != nil {
		return nil, err
	}
	return r.zone(name)
}

// Language is what the org that tx is bound to speaks with customers of whom nobody knows better: zh or en.
func (r *Accounts) Language(ctx context.Context, tx *postgres.Tx) (language string, err error) {
	err = tx.QueryRow(ctx, `SELECT language FROM org WHERE id = $1`, tx.OrgID()).Scan(&language)
	return language, err
}

// zone remembers what it has loaded: reading the zone's file for each mutation would cost more than the mutation.
func (r *Accounts) zone(name string) (*time.Location, error) {
	if z, ok := r.zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err == nil {
		r.zones.Store(name, z)
	}
	return z, err
}

// Home tells the teams and the region of a technician; both are empty for who is none.
func (r *Accounts) Home(
	ctx context.Context, tx *postgres.Tx, user uuid.UUID,
) (teams []uuid.UUID, region uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `SELECT region_id, array(SELECT m.team_id FROM team_member m
		WHERE m.org_id = t.org_id AND m.user_id = t.user_id ORDER BY m.team_id)
		FROM technician t WHERE t.org_id = $1 AND t.user_id = $2`, tx.OrgID(), user).Scan(&region, &teams)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, uuid.Nil, nil
	}
	return teams, region, err
}

// Shop finds a shop; NotFound when there is none.
func (r *Accounts) Shop(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Place, error) {
	p, err := r.PlaceByID(ctx, tx, id)
	if err == nil && p.Kind != identity.ScopeStore {
		return Place{}, fault.New(fault.NotFound, "shop")
	}
	return p, err
}
