package account

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// User is a person of an org.
type User struct {
	ID         uuid.UUID
	Login      string
	NameZH     string
	NameEN     string
	Disabled   bool
	Grants     []identity.Grant
	Technician *Technician // nil for who is none
}

// Point is a place on WGS 84, in degrees.
type Point struct{ Latitude, Longitude float64 }

// Technician is what dispatch and pay need to know of a technician.
type Technician struct {
	ID     uuid.UUID
	NameZH string
	NameEN string
	Badge  string
	// Alias is shown to peers in rankings instead of the name, when set.
	Alias  string
	Region uuid.UUID
	Teams  []uuid.UUID
	Skills []string
	Home   *Point
	// DailyCapacity is how many visits a day are usual, 0 to 100.
	DailyCapacity int
	// DayStart and DayEnd are the working hours, in minutes since midnight of the org's zone.
	DayStart, DayEnd int
	Gold             bool
	Disabled         bool
}

// PutUser makes or changes a user with everything that belongs to them, within tx. A new password is set when
// it is not empty.
func (r *Accounts) PutUser(ctx context.Context, tx *postgres.Tx, u User, password string) (User, error) {
	var err error
	if u, err = r.checked(u); err != nil {
		return User{}, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO app_user (org_id, id, login, name_zh, name_en, disabled, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (org_id, id) DO UPDATE SET login = excluded.login, name_zh = excluded.name_zh, name_en = excluded.name_en,
		disabled = excluded.disabled`,
		tx.OrgID(), u.ID, u.Login, u.NameZH, u.NameEN, u.Disabled, tx.Now())
	if duplicate(err) {
		return User{}, fault.Wrap(err, fault.Conflict, "login %s is taken", u.Login)
	}
	if err != nil || tag.RowsAffected() != 1 {
		return User{}, err
	}
	if password != "" {
		if err := r.setPassword(ctx, tx, u.ID, password); err != nil {
			return User{}, err
		}
		if err := endConsoles(ctx, tx, u.ID); err != nil {
			return User{}, err
		}
	}
	before, err := grantsText(ctx, tx, u.ID)
	if err != nil {
		return User{}, err
	}
	if err := r.putGrants(ctx, tx, u); err != nil {
		return User{}, err
	}
	if err := r.putTechnician(ctx, tx, u); err != nil {
		return User{}, err
	}
	after, err := grantsText(ctx, tx, u.ID)
	if err != nil {
		return User{}, err
	}
	if u.Disabled || before != after {
		if err := endCodes(ctx, tx, u.ID); err != nil {
			return User{}, err
		}
	}
	if err := keepSpans(ctx, tx, u.ID); err != nil {
		return User{}, err
	}
	if err := r.follow(ctx, tx, u.ID); err != nil {
		return User{}, err
	}
	if err := r.placeProfile(ctx, tx, u.ID); err != nil {
		return User{}, err
	}
	tx.AfterCommit(func() {
		r.sessions.forget()
		if u.Disabled {
			r.Log.InfoContext(ctx, "a person is disabled", "org", tx.OrgID(), "user", u.ID, "login", u.Login)
		}
	})
	return u, r.note(ctx, tx, "user.put", u.ID, map[string]string{"login": u.Login})
}

// grantsText is what a user may do and where, to be compared.
func grantsText(ctx context.Context, tx *postgres.Tx, user uuid.UUID) (rights string, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(string_agg(r, ' ' ORDER BY r), '') FROM (
		SELECT concat_ws('/', role, scope, scope_id) FROM role_grant WHERE org_id = $1 AND user_id = $2
		UNION ALL SELECT concat_ws('/', 'region', region_id) FROM technician WHERE org_id = $1 AND user_id = $2
		UNION ALL SELECT concat_ws('/', 'team', team_id) FROM team_member
		WHERE org_id = $1 AND user_id = $2) AS all_rights (r)`,
		tx.OrgID(), user).Scan(&rights)
	return rights, err
}

// endCodes ends a user's enrolment codes that nobody has used: somebody may hold one who could not make it any more.
func endCodes(ctx context.Context, tx *postgres.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE enrolment_code SET expires_at = $3
		WHERE org_id = $1 AND user_id = $2 AND used_at IS NULL AND expires_at > $3`, tx.OrgID(), user, tx.Now())
	return err
}

// endConsoles ends a user's sessions in browsers. Phones have no password, and go on.
func endConsoles(ctx context.Context, tx *postgres.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE token_family SET ended_at = $3 WHERE org_id = $1 AND user_id = $2 AND NOT is_device
		AND ended_at IS NULL`,
		tx.OrgID(), user, tx.Now())
	return err
}

func (r *Accounts) checked(u User) (User, error) {
	if u.ID == uuid.Nil {
		id, err := newID()
		if err != nil {
			return u, err
		}
		u.ID = id
	}
	u.Login = normalLogin(u.Login)
	switch {
	case u.Login == "" || len(u.Login) > 100:
		return u, fault.New(fault.InvalidArgument, "user.login")
	case u.NameZH == "" && u.NameEN == "" || len(u.NameZH) > 100 || len(u.NameEN) > 100:
		return u, fault.New(fault.InvalidArgument, "user.name")
	case len(u.Grants) > 50:
		return u, fault.New(fault.InvalidArgument, "user.grants: at most 50")
	}
	if u.NameZH == "" {
		u.NameZH = u.NameEN
	}
	if u.NameEN == "" {
		u.NameEN = u.NameZH
	}
	technician := false
	for _, g := range u.Grants {
		if err := checkGrant(g); err != nil {
			return u, err
		}
		technician = technician || g.Role == identity.Technician
	}
	if technician != (u.Technician != nil) {
		return u, fault.New(fault.InvalidArgument, "the role technician and a technician's profile go together")
	}
	if t := u.Technician; t != nil {
		if t.DayEnd == 0 {
			t.DayStart, t.DayEnd = 8*60, 18*60
		}
		if t.DayStart < 0 || t.DayEnd <= t.DayStart || t.DayEnd > 1440 || t.DailyCapacity < 0 || t.DailyCapacity > 100 ||
			len(t.Skills) > 100 || len(t.Teams) > 20 {
			return u, fault.New(fault.InvalidArgument, "user.technician: hours, capacity, skills or teams")
		}
		if t.Home != nil && (t.Home.Latitude < -90 || t.Home.Latitude > 90 || t.Home.Longitude < -180 ||
			t.Home.Longitude > 180) {
			return u, fault.New(fault.InvalidArgument, "user.technician.home")
		}
	}
	return u, nil
}

func (r *Accounts) setPassword(ctx context.Context, tx *postgres.Tx, user uuid.UUID, password string) error {
	a := r.Argon
	if a == (Argon{}) {
		a = DefaultArgon
	}
	phc, err := HashPassword(ctx, password, a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE app_user SET password = $3 WHERE org_id = $1 AND id = $2`, tx.OrgID(), user, phc)
	return err
}

func (r *Accounts) putGrants(ctx context.Context, tx *postgres.Tx, u User) error {
	if _, err := tx.Exec(ctx, `DELETE FROM role_grant WHERE org_id = $1 AND user_id = $2`, tx.OrgID(), u.ID); err != nil {
		return err
	}
	for _, g := range u.Grants {
		if err := placeExists(ctx, tx, g); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO role_grant (org_id, user_id, role, scope, scope_id) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT DO NOTHING`,
			tx.OrgID(), u.ID, string(g.Role), string(g.Scope), g.ID); err != nil {
			return err
		}
	}
	var admins int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM role_grant g
		JOIN app_user u ON u.org_id = g.org_id AND u.id = g.user_id AND NOT u.disabled
		WHERE g.org_id = $1 AND g.role = 'admin' AND g.scope = 'org'`, tx.OrgID()).Scan(&admins); err != nil {
		return err
	}
	if admins == 0 {
		return fault.New(fault.Conflict, "an org keeps at least one administrator")
	}
	return nil
}

func placeExists(ctx context.Context, tx *postgres.Tx, g identity.Grant) error {
	table := map[identity.ScopeKind]string{
		identity.ScopeRegion: "region", identity.ScopeTeam: "team",
		identity.ScopeStore: "shop",
	}[g.Scope]
	if table == "" {
		return nil
	}
	var one int
	err := tx.QueryRow(ctx, `SELECT 1 FROM `+table+` WHERE org_id = $1 AND id = $2`, tx.OrgID(), g.ID).Scan(&one)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.InvalidArgument, "user.grants.scope_id: there is no such %s", fault.Key(table))
	}
	return err
}

func (r *Accounts) putTechnician(ctx context.Context, tx *postgres.Tx, u User) error {
	t := u.Technician
	if t == nil {
		_, err := tx.Exec(ctx, `DELETE FROM technician WHERE org_id = $1 AND user_id = $2`, tx.OrgID(), u.ID)
		return err
	}
	var lat, lon *float64
	if t.Home != nil {
		lat, lon = &t.Home.Latitude, &t.Home.Longitude
	}
	skills := t.Skills
	if skills == nil {
		skills = []string{}
	}
	_, err := tx.Exec(ctx, `INSERT INTO technician (org_id, user_id, badge, alias, region_id, skills, home_latitude,
		home_longitude,
			daily_capacity, day_start, day_end, gold) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (org_id, user_id)
		DO UPDATE SET badge = excluded.badge, alias = excluded.alias, region_id = excluded.region_id,
			skills = excluded.skills, home_latitude = excluded.home_latitude, home_longitude = excluded.home_longitude,
			daily_capacity = excluded.daily_capacity, day_start = excluded.day_start, day_end = excluded.day_end,
			gold = excluded.gold`,
		tx.OrgID(), u.ID, t.Badge, t.Alias, t.Region, skills, lat, lon, t.DailyCapacity, t.DayStart, t.DayEnd, t.Gold)
	if unknownReference(err) {
		return fault.Wrap(err, fault.InvalidArgument, "user.technician.region_id: there is no such region")
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM team_member
		WHERE org_id = $1 AND user_id = $2 AND team_id <> ALL ($3)`, tx.OrgID(), u.ID, notNil(t.Teams)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO team_member (org_id, team_id, user_id) SELECT $1, t, $2 FROM unnest($3::uuid[]) AS t
		ON CONFLICT DO NOTHING`,
		tx.OrgID(), u.ID, notNil(t.Teams))
	if unknownReference(err) {
		return fault.Wrap(err, fault.InvalidArgument, "user.technician.team_ids: there is no such team")
	}
	return err
}

func notNil(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

// placeProfile puts the technician's own record into their feed, or takes it out.
func (r *Accounts) placeProfile(ctx context.Context, tx *postgres.Tx, user uuid.UUID) error {
	kind := change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROFILE)
	// The row of the user is the lock that orders the placements of the profile.
	if _, err := tx.Exec(ctx, `SELECT 1 FROM app_user
		WHERE org_id = $1 AND id = $2`+tx.RowLock(), tx.OrgID(), user); err != nil {
		return err
	}
	all, err := r.Technicians(ctx, tx, TechnicianFilter{IDs: []uuid.UUID{user}, Disabled: true})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		tx.Place(kind, user)
		return nil
	}
	t := all[0]
	p := &fieldv1.Profile{
		Id: user[:], Name: t.NameZH, Badge: t.Badge, Skills: t.Skills,
		DailyCapacity: uint32(t.DailyCapacity), Gold: t.Gold,
	}
	if t.Home != nil {
		p.Home = &typesv1.Position{Latitude: t.Home.Latitude, Longitude: t.Home.Longitude}
	}
	if err := tx.QueryRow(ctx, `SELECT o.time_zone, r.name_zh FROM org o, region r
		WHERE o.id = $1 AND r.org_id = $1 AND r.id = $2`, tx.OrgID(), t.Region).
		Scan(&p.TimeZone, &p.RegionName); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT id, name_zh FROM team WHERE org_id = $1 AND id = ANY ($2)
		ORDER BY id`, tx.OrgID(), notNil(t.Teams))
	if err != nil {
		return err
	}
	var id uuid.UUID
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		p.Teams = append(p.Teams, &fieldv1.Membership{TeamId: slices.Clone(id[:]), Name: name})
		return nil
	}); err != nil {
		return err
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	tx.Place(kind, user, feed.Placement{Feed: TechFeed(user), Body: body})
	return nil
}
