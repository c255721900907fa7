package code

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Config is what the room stands on. All fields but Random are required.
type Config struct {
	Store *postgres.Store
	// Now is the office's clock.
	Now func() time.Time
	// PublicURL tells the server's address as it is printed on codes, without a trailing slash.
	PublicURL func() string
	// Random is crypto/rand.Reader when nil.
	Random io.Reader
}

// Codes keeps units and codes. Make it with New.
type Codes struct {
	Config
	keys    Keys
	people  People
	goods   Goods
	tickets Tickets
}

// New makes the room of codes on the rooms that it calls.
func New(c Config, keys Keys, people People, goods Goods, tickets Tickets) *Codes {
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return &Codes{c, keys, people, goods, tickets}
}

// orgOf finds the tenant of a handle or host; an unknown one is code_unknown.
func (r *Codes) orgOf(ctx context.Context, handle string) (change.Org, error) {
	var org *uuid.UUID
	if err := r.Store.Pool.QueryRow(ctx, `SELECT org_of_handle($1)`, strings.ToLower(handle)).Scan(&org); err != nil {
		return change.Org{}, err
	}
	if org == nil {
		return change.Org{}, fault.Wrap(errors.New("no org has this handle"), token.CodeUnknown, "")
	}
	return change.Org(*org), nil
}

// register makes the org's handle known, so that its codes find it.
func register(ctx context.Context, tx *postgres.Tx) error {
	return claimHandle(ctx, tx, token.HandleOf(tx.OrgID()).String())
}

// UseHost lets product links live on the company's own host, for example id.example.com, whose web server forwards
// to this one. A host that another org uses is refused with conflict.
func (r *Codes) UseHost(ctx context.Context, tx *postgres.Tx, host string) error {
	host = strings.ToLower(strings.TrimSpace(host))
	if !strings.Contains(host, ".") || strings.ContainsAny(host, "/ ?#@") || len(host) > 253 {
		return fault.New(fault.InvalidArgument, "host: a name such as id.example.com")
	}
	return claimHandle(ctx, tx, host)
}

func claimHandle(ctx context.Context, tx *postgres.Tx, handle string) error {
	// The insert does nothing where the row exists, also another org's, which only the function sees.
	if _, err := tx.Exec(ctx, `INSERT INTO code_org (org_id, handle) VALUES ($1, $2) ON CONFLICT
		DO NOTHING`, tx.OrgID(), handle); err != nil {
		return err
	}
	var owner uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT org_of_handle($1)`, handle).Scan(&owner); err != nil {
		return err
	}
	if owner != tx.OrgID() {
		return fault.New(fault.Conflict, "%s is in use", handle)
	}
	return nil
}

// host is the company's own host, or "" when it has none.
func host(ctx context.Context, tx *postgres.Tx) (string, error) {
	var h string
	err := tx.QueryRow(ctx, `SELECT coalesce(min(handle), '') FROM code_org
		WHERE org_id = $1 AND handle LIKE '%.%'`, tx.OrgID()).Scan(&h)
	return h, err
}

// chinese is a product's name as it is printed: in Chinese, or else in English.
func chinese(p *fieldv1.Product) string {
	if name := p.GetName().GetZh(); name != "" {
		return name
	}
	return p.GetName().GetEn()
}
