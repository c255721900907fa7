package account

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Phone is a device as the office knows it; times are zero for never.
type Phone struct {
	ID, User              uuid.UUID
	Name, AppVersion      string
	EnrolledAt, RevokedAt time.Time
	RevokedFor            string
	// TokenAt is when it last renewed its login.
	TokenAt time.Time
}

// Phones lists the devices of a user, youngest first, or the one device when its id is given.
func (r *Accounts) Phones(ctx context.Context, tx *postgres.Tx, user, device uuid.UUID) ([]Phone, error) {
	rows, err := tx.Query(ctx, `SELECT d.id, d.user_id, d.name, d.app_version, d.enrolled_at, d.revoked_at,
		coalesce(d.revoked_for, ''), f.presented_at
		FROM device d LEFT JOIN token_family f ON f.org_id = d.org_id AND f.id = d.id
		WHERE d.org_id = $1 AND ($2::uuid = $4::uuid OR d.user_id = $2) AND ($3::uuid = $4 OR d.id = $3)
		ORDER BY d.enrolled_at DESC, d.id LIMIT 100`, tx.OrgID(), user, device, uuid.Nil)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Phone, error) {
		var p Phone
		var revoked, token *time.Time
		err := row.Scan(&p.ID, &p.User, &p.Name, &p.AppVersion, &p.EnrolledAt, &revoked, &p.RevokedFor, &token)
		if revoked != nil {
			p.RevokedAt = *revoked
		}
		if token != nil {
			p.TokenAt = *token
		}
		return p, err
	})
}

// FindUser finds a person by id, login, name or badge, or by the id of one of their devices, which is returned, too;
// only among those for whom sees says so; nil sees everybody. Several of one name are InvalidArgument, with their
// logins.
func (r *Accounts) FindUser(
	ctx context.Context, tx *postgres.Tx, text string, sees func(user uuid.UUID) (bool, error),
) (u User, device uuid.UUID, err error) {
	text = strings.TrimSpace(text)
	ids, logins, device, err := r.called(ctx, tx, text)
	if err != nil {
		return u, uuid.Nil, err
	}
	var seen []int
	for n, id := range ids {
		ok := sees == nil
		if !ok {
			if ok, err = sees(id); err != nil {
				return u, uuid.Nil, err
			}
		}
		if ok {
			seen = append(seen, n)
		}
	}
	switch {
	case len(seen) == 0:
		return u, uuid.Nil, fault.New(fault.NotFound, "%.100s", text)
	case len(seen) > 1 && logins[seen[0]] != normalLogin(text): // a login is one person's
		var names []string
		for _, n := range seen {
			names = append(names, logins[n])
		}
		return u, uuid.Nil, fault.New(fault.InvalidArgument, "several people are called %.100s: name one by login, %s",
			text, strings.Join(names, ", "))
	}
	u, err = r.UserByID(ctx, tx, ids[seen[0]])
	return u, device, err
}

// called lists who is called so, at most 100, whose login it is first.
func (r *Accounts) called(
	ctx context.Context, tx *postgres.Tx, text string,
) (ids []uuid.UUID, logins []string, device uuid.UUID, err error) {
	if id, bad := uuid.Parse(text); bad == nil {
		phones, err := r.Phones(ctx, tx, uuid.Nil, id)
		if err != nil || id == uuid.Nil {
			return nil, nil, uuid.Nil, err
		}
		if len(phones) == 1 {
			return []uuid.UUID{phones[0].User}, []string{""}, id, nil
		}
		return []uuid.UUID{id}, []string{""}, uuid.Nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT u.id, u.login FROM app_user u LEFT JOIN technician t ON t.org_id = u.org_id
		AND t.user_id = u.id
		WHERE u.org_id = $1 AND (u.name_zh = $2 OR lower(u.name_en) = lower($2) OR (t.badge <> '' AND t.badge = $2)
			OR u.login = $3)
		ORDER BY u.login <> $3, u.login LIMIT 100`, tx.OrgID(), text, normalLogin(text))
	if err != nil {
		return nil, nil, uuid.Nil, err
	}
	var id uuid.UUID
	var login string
	_, err = pgx.ForEachRow(rows, []any{&id, &login}, func() error {
		ids, logins = append(ids, id), append(logins, login)
		return nil
	})
	return ids, logins, uuid.Nil, err
}

// LeftTeam tells when a technician left a team; zero for who never was in it, or is still.
func (r *Accounts) LeftTeam(ctx context.Context, tx *postgres.Tx, user, team uuid.UUID) (time.Time, error) {
	var until *time.Time
	err := tx.QueryRow(ctx, `SELECT CASE WHEN bool_or(until IS NULL) THEN NULL ELSE max(until) END FROM right_span
		WHERE org_id = $1 AND user_id = $2 AND role = $3 AND scope_id = $4`, tx.OrgID(), user, member, team).Scan(&until)
	if until == nil {
		return time.Time{}, err
	}
	return *until, err
}
