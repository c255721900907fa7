package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// CreateOrg adds a tenant. Its id may be given, else one is made. A short name in use is Conflict.
func (r *Accounts) CreateOrg(ctx context.Context, o Org) (Org, error) {
	if o.ID == uuid.Nil {
		id, err := newID()
		if err != nil {
			return Org{}, err
		}
		o.ID = id
	}
	o.Slug = strings.ToLower(strings.TrimSpace(o.Slug))
	if !validSlug(o.Slug) {
		return Org{}, fault.New(fault.InvalidArgument, "short name %q: a-z, 0-9 and -, at most 40", o.Slug)
	}
	if o.NameEN == "" {
		o.NameEN = o.NameZH
	}
	if o.Zone == nil || o.NameZH == "" || len(o.Currency) != 3 {
		return Org{}, fault.New(fault.InvalidArgument, "an org has a name, a time zone and a currency")
	}
	err := r.transact(ctx, o.ID, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO org (id, slug, name_zh, name_en, time_zone, currency, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, o.ID, o.Slug, o.NameZH, o.NameEN, o.Zone.String(), o.Currency, r.Now().UTC())
		return err
	})
	if duplicate(err) {
		return Org{}, fault.Wrap(err, fault.Conflict, "short name %s", o.Slug)
	}
	if err != nil {
		return Org{}, err
	}
	o.AutoAssign = true
	// If this fails, FollowKeys makes up for it within a minute.
	return o, r.transact(ctx, o.ID, func(tx *postgres.Tx) error { return r.publishKeys(ctx, tx) })
}

// KeepFinished sets for how many days finished tickets stay on the phones of an org, 1 to 3650; 0 leaves it to the
// installation's setting.
func (r *Accounts) KeepFinished(ctx context.Context, org uuid.UUID, days int) error {
	if days < 0 || days > 3650 {
		return fault.New(fault.InvalidArgument, "finished days: 1 to 3650, or 0")
	}
	return r.transact(ctx, org, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE org SET finished_days = nullif($2, 0) WHERE id = $1`, org, days)
		return err
	})
}

// AssignByItself sets whether the rules assign an org's waiting tickets without being asked.
func (r *Accounts) AssignByItself(ctx context.Context, org uuid.UUID, on bool) error {
	return r.transact(ctx, org, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE org SET auto_assign = $2 WHERE id = $1`, tx.OrgID(), on)
		return err
	})
}

// Speak sets the language that an org speaks with customers of whom nobody knows better: zh or en.
func (r *Accounts) Speak(ctx context.Context, org uuid.UUID, language string) error {
	if language != "zh" && language != "en" {
		return fault.New(fault.InvalidArgument, "language: zh or en")
	}
	_, err := r.Store.Pool.Exec(ctx, `UPDATE org SET language = $2 WHERE id = $1`, org, language)
	return err
}

// Unsent are the users one of whose devices said, at its last contact since a time, that it holds work which has no
// verdict yet.
func (r *Accounts) Unsent(ctx context.Context, tx *postgres.Tx, since time.Time) ([]uuid.UUID, error) {
	devices, err := tx.Unsent(ctx, since)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT user_id FROM device
		WHERE org_id = $1 AND id = ANY ($2) AND revoked_at IS NULL`, tx.OrgID(), devices)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Orgs lists all tenants by short name.
func (r *Accounts) Orgs(ctx context.Context) ([]Org, error) {
	return r.orgs(ctx, "ORDER BY slug")
}

// OrgBySlug finds a tenant by its short name; NotFound when there is none.
func (r *Accounts) OrgBySlug(ctx context.Context, slug string) (Org, error) {
	return r.oneOrg(ctx, "WHERE slug = $1", normalSlug(slug))
}

// normalSlug is a company's short name as it is kept.
func normalSlug(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// OrgByID finds a tenant; NotFound when there is none.
func (r *Accounts) OrgByID(ctx context.Context, id uuid.UUID) (Org, error) {
	return r.oneOrg(ctx, "WHERE id = $1", id)
}

func (r *Accounts) oneOrg(ctx context.Context, where string, arg any) (Org, error) {
	all, err := r.orgs(ctx, where, arg)
	if err != nil {
		return Org{}, err
	}
	if len(all) == 0 {
		return Org{}, fault.New(fault.NotFound, "")
	}
	return all[0], nil
}

func (r *Accounts) orgs(ctx context.Context, rest string, args ...any) ([]Org, error) {
	rows, err := r.Store.Pool.Query(ctx, `SELECT id, slug, name_zh, name_en, time_zone, currency,
		coalesce(finished_days, 0), auto_assign FROM org `+rest, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Org, error) {
		var o Org
		var zone string
		if err := row.Scan(&o.ID, &o.Slug, &o.NameZH, &o.NameEN, &zone, &o.Currency, &o.FinishedDays, &o.AutoAssign); err !=
			nil {
			return Org{}, err
		}
		var err error
		o.Zone, err = r.zone(zone)
		return o, err
	})
}

func validSlug(s string) bool {
	if len(s) < 1 || len(s) > 40 || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func duplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

func unknownReference(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23503"
}
