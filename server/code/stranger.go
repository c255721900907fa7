package code

import (
	"context"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Tenant finds out which company a scanned text belongs to: by the handle that a signed code's id ends in, or by the
// host or the /g/ prefix of a product link. Nothing else has a tenant, and is unknown to strangers.
func (r *Codes) Tenant(ctx context.Context, scanned string) (change.Org, error) {
	if text, ok := token.FromScan(scanned); ok {
		// The signature is checked before the database is asked anything.
		t, err := r.verify(text, r.Now())
		if err != nil {
			return change.Org{}, err
		}
		return r.orgOf(ctx, t.Handle().String())
	}
	k, err := gs1.Parse(scanned)
	if err != nil || k.Host == "" {
		return change.Org{}, errUnknown("no link and no signed code")
	}
	public, err := url.Parse(r.PublicURL())
	if err != nil {
		return change.Org{}, fault.Wrap(err, fault.Internal, "")
	}
	if !strings.EqualFold(public.Host, k.Host) {
		// Served under a company's own name; with the port cut off where there is one.
		name, _, _ := strings.Cut(k.Host, ":")
		if org, err := r.orgOf(ctx, name); err == nil || fault.CodeOf(err) != token.CodeUnknown {
			return org, err
		}
	}
	handle, ok := strings.CutPrefix("/"+k.Prefix, strings.TrimRight(public.Path, "/")+"/g/")
	if !ok {
		return change.Org{}, errUnknown("a link of nobody here")
	}
	return r.orgOf(ctx, handle)
}

// ForStranger identifies a code and answers everything that is wrong with it by code_unknown. A serial that was never
// registered is unknown: who counts through serial numbers learns nothing that a box in a shop does not say.
func (r *Codes) ForStranger(ctx context.Context, tx *postgres.Tx, scanned string) (Target, error) {
	t, err := r.identify(ctx, tx, scanned, tx.Now())
	if err != nil {
		if k := fault.CodeOf(err).Kind(); k == fault.KindInvalid || k == fault.KindNotFound {
			err = fault.Wrap(err, token.CodeUnknown, "")
		}
		return Target{}, err
	}
	if t.Kind == token.Unit && t.ID == uuid.Nil && t.Serial != "" {
		return Target{}, errUnknown("no such serial")
	}
	return t, nil
}

// TicketToken gives the customer's signed code for a ticket, for a message or a printed slip; it issues one when there
// is none that holds for another week.
func (r *Codes) TicketToken(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (text, link string, err error) {
	i, ok, err := scanCode(tx.QueryRow(ctx, `
		SELECT `+codeColumns+` FROM code WHERE org_id = $1 AND target_id = $2 AND kind = 3 AND revoked_at IS NULL
			AND expires_at > $3
		ORDER BY expires_at DESC LIMIT 1`, tx.OrgID(), ticket, tx.Now().AddDate(0, 0, 7)))
	if err == nil && !ok {
		i, err = r.Issue(ctx, tx, token.Ticket, ticket, TicketCodeLife, change.User{})
	}
	if err != nil {
		return "", "", err
	}
	text, err = r.sign(i, tx.Now())
	return text, token.URL(r.PublicURL(), text), err
}

// LockUnit locks a unit and reads it; a zero id, and a unit that is gone, give a zero Unit.
func (r *Codes) LockUnit(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Unit, error) {
	return lockTarget(ctx, tx, Target{ID: id})
}
