package catalogue

import (
	"context"
	"errors"
	"regexp"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var keyForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// PutClass makes or changes a product class; without an id, the class with its key.
func (r *Catalogue) PutClass(
	ctx context.Context, tx *postgres.Tx, c *fieldv1.ProductClass,
) (*fieldv1.ProductClass, error) {
	label, err := named("class", c.GetName())
	if err != nil {
		return nil, err
	}
	switch {
	case !keyForm.MatchString(c.GetKey()):
		return nil, fault.New(fault.InvalidArgument, "class.key: a-z, 0-9 and _, at most 64")
	case len(c.GetSkills()) > 20 ||
		slices.ContainsFunc(c.GetSkills(), func(s string) bool { return s == "" || len(s) > 64 }):
		return nil, fault.New(fault.InvalidArgument, "class.skills: at most 20 tags of 1 to 64 bytes")
	case c.GetDurationMinutes() > 1440:
		return nil, fault.New(fault.InvalidArgument, "class.duration_minutes: at most a day")
	}
	id, err := identify("class", c.GetId())
	if err != nil {
		return nil, err
	}
	if len(c.GetId()) == 0 {
		if old, ok, err := r.ClassByKey(ctx, tx, c.GetKey()); err != nil {
			return nil, err
		} else if ok {
			id = uuid.UUID(old.GetId())
		}
	}
	var template *uuid.UUID
	if len(c.GetTemplateId()) > 0 {
		t, err := uuid.FromBytes(c.GetTemplateId())
		if err != nil {
			return nil, fault.Wrap(err, fault.InvalidArgument, "class.template_id")
		}
		template = &t
	}
	skills := c.GetSkills()
	if skills == nil {
		skills = []string{}
	}
	_, err = tx.Exec(ctx, `INSERT INTO product_class (org_id, id, key, name_zh, name_en, skills, template_id,
		duration_minutes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (org_id, id) DO UPDATE SET key = excluded.key, name_zh = excluded.name_zh, name_en = excluded.name_en,
			skills = excluded.skills, template_id = excluded.template_id, duration_minutes = excluded.duration_minutes`,
		tx.OrgID(), id, c.GetKey(), label.GetZh(), label.GetEn(), skills, template, int32(c.GetDurationMinutes()))
	if err != nil {
		return nil, taken(err, "class.key")
	}
	out := &fieldv1.ProductClass{
		Id: id[:], Key: c.GetKey(), Name: label, Skills: c.GetSkills(),
		TemplateId: c.GetTemplateId(), DurationMinutes: c.GetDurationMinutes(),
	}
	return out, place(tx, fieldv1.EntityKind_ENTITY_KIND_PRODUCT_CLASS, id, out)
}

// Classes lists all classes.
func (r *Catalogue) Classes(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.ProductClass, error) {
	return classes(ctx, tx, ``)
}

// ClassByKey finds a class by its stable key.
func (r *Catalogue) ClassByKey(ctx context.Context, tx *postgres.Tx, key string) (*fieldv1.ProductClass, bool, error) {
	return oneClass(ctx, tx, `key = $2`, key)
}

// Class finds a class by its id.
func (r *Catalogue) Class(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*fieldv1.ProductClass, bool, error) {
	return oneClass(ctx, tx, `id = $2`, id)
}

func oneClass(ctx context.Context, tx *postgres.Tx, where string, arg any) (*fieldv1.ProductClass, bool, error) {
	all, err := classes(ctx, tx, ` AND `+where, arg)
	if err != nil || len(all) == 0 {
		return nil, false, err
	}
	return all[0], true, nil
}

func classes(ctx context.Context, tx *postgres.Tx, where string, args ...any) ([]*fieldv1.ProductClass, error) {
	rows, err := tx.Query(ctx, `SELECT id, key, name_zh, name_en, skills, template_id, duration_minutes FROM product_class
		WHERE org_id = $1`+where+` ORDER BY key`, append([]any{tx.OrgID()}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.ProductClass, error) {
		var id uuid.UUID
		var template *uuid.UUID
		var minutes int32
		c := &fieldv1.ProductClass{Name: &typesv1.Label{}}
		err := row.Scan(&id, &c.Key, &c.Name.Zh, &c.Name.En, &c.Skills, &template, &minutes)
		c.Id, c.DurationMinutes = id[:], uint32(minutes)
		if template != nil {
			c.TemplateId = template[:]
		}
		return c, err
	})
}

// noRow makes a missing row a plain false.
func noRow(err error) (bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
