package pay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type versionKey struct {
	org     uuid.UUID
	version int32
}

var wire = proto.MarshalOptions{Deterministic: true}

// published returns all versions of the org's plan.
func (r *Earnings) published(ctx context.Context, tx *postgres.Tx) ([]*plan.Version, error) {
	rows, err := tx.Query(ctx, `SELECT version, body FROM pay_plan WHERE org_id = $1 AND plan = $2
		ORDER BY version`, tx.OrgID(), DefaultPlan)
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	var out []*plan.Version
	var number int32
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &body}, func() error {
		key := versionKey{tx.OrgID(), number}
		if known, ok := r.versions.Load(key); ok && bytes.Equal(known.(compiled).body, body) {
			out = append(out, known.(compiled).version)
			return nil
		}
		p := &payv1.PlanVersion{}
		if err := proto.Unmarshal(body, p); err != nil {
			return err
		}
		v, err := plan.Compile(p)
		if err != nil {
			return err
		}
		r.versions.Store(key, compiled{v, bytes.Clone(body)})
		out = append(out, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return out, nil
}

// compiled is a version with the bytes that it was made from: a transaction that published it may roll back.
type compiled struct {
	version *plan.Version
	body    []byte
}

// Publish adds a version of the org's plan and prices the completed tickets that had waited for one; priced tells
// how many. The same version again is accepted and changes nothing. A version takes effect tomorrow at the
// earliest, in the org's zone: what was priced stays as it was. Only the first version may begin in the past.
func (s *Service) Publish(ctx context.Context, org, by uuid.UUID, p *payv1.PlanVersion) (priced int, err error) {
	r := s.Earnings
	v, err := plan.Compile(p)
	if err != nil {
		return 0, err
	}
	body, err := wire.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("marshal plan: %w", err)
	}
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		if err := r.admit(ctx, tx, v, body); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO pay_plan (org_id, plan, version, effective_from, body, published_at, published_by)
			VALUES ($1, $2, $3, $4::text::date, $5, $6, $7) ON CONFLICT DO NOTHING`,
			tx.OrgID(), v.Plan, v.Number, v.From.String(), body, tx.Now(), by)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 { // published before, or by somebody else at this moment
			return r.admit(ctx, tx, v, body)
		}
		placePlan(tx, v.Ref(), body)
		return nil
	})
	if err != nil {
		return 0, err
	}
	// In a transaction of its own, so that tickets completed meanwhile are seen.
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		priced, err = s.reprice(ctx, tx)
		return err
	})
	return priced, err
}

// placePlan shows a version to every phone of the org, so that it can estimate without a network.
func placePlan(tx *postgres.Tx, ref string, body []byte) {
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_PAY_PLAN), planID(tx.OrgID(), ref),
		feed.Placement{Feed: change.FeedID{Kind: "org", Key: tx.OrgID()}, Body: body})
}

// planID is the entity's id, which follows from the version's reference.
func planID(org uuid.UUID, ref string) uuid.UUID { return uuid.NewSHA1(org, []byte("plan "+ref)) }

// admit checks a version against those that are published.
func (r *Earnings) admit(ctx context.Context, tx *postgres.Tx, v *plan.Version, body []byte) error {
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return err
	}
	versions, err := r.published(ctx, tx)
	if err != nil {
		return err
	}
	for _, old := range versions {
		if old.Number != v.Number {
			continue
		}
		was, err := wire.Marshal(old.Source())
		if err != nil || !bytes.Equal(was, body) {
			return errors.Join(err, fault.New(fault.Conflict, "version %d is published and differs", v.Number))
		}
		return nil
	}
	switch {
	case v.Plan != DefaultPlan:
		return fault.New(fault.InvalidArgument, "plan: the plan that pays is named %s", DefaultPlan)
	case v.Zone.String() != zone.String():
		return fault.New(fault.InvalidArgument, "time_zone: the company's is %s", zone)
	case int(v.Number) != len(versions)+1:
		return fault.New(fault.Conflict, "version: the next one is %d", len(versions)+1)
	case len(versions) == 0:
		return nil
	}
	last, today := versions[len(versions)-1], civil.DayOf(tx.Now(), zone)
	switch {
	case v.Currency != last.Currency:
		return fault.New(fault.InvalidArgument, "currency: the plan pays in %s", last.Currency)
	case !today.Before(v.From):
		return fault.New(fault.InvalidArgument, "effective_from: %s at the earliest", today.Add(0, 1))
	case v.From.Before(last.From):
		return fault.New(fault.InvalidArgument, "effective_from: not before %s, when version %d begins",
			last.From, last.Number)
	}
	return nil
}

// month is the calendar month of a moment: its first day, and the moments at which it begins and ends.
func month(t time.Time, zone *time.Location) (first civil.Day, from, to time.Time) {
	first = civil.DayOf(t, zone).First()
	return first, first.Start(zone), first.Add(1, 0).Start(zone)
}
