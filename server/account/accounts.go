package account

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Accounts keeps accounts. It serves AuthService and AccountService, authenticates callers for the rpc border, and
// answers the other rooms' questions about people and places.
type Accounts struct {
	Store  *postgres.Store
	Secret Secret
	Keys   *Keyring
	Now    func() time.Time
	Log    *slog.Logger
	// Argon are the parameters of new password hashes; the zero value takes DefaultArgon.
	Argon Argon

	sessions memory[sessionKey, session]
	zones    sync.Map // name → *time.Location
}

// Org is a tenant.
type Org struct {
	ID       uuid.UUID
	Slug     string
	NameZH   string
	NameEN   string
	Zone     *time.Location
	Currency string
	// FinishedDays is how many days finished tickets stay on phones; 0 is the installation's setting.
	FinishedDays int
	// AutoAssign: the rules assign what waits, without being asked.
	AutoAssign bool
}

// newID makes an id whose order is its time.
func newID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fault.Wrap(err, fault.Internal, "")
	}
	return id, nil
}

// actor names whoever does something in this call: a user, or the operator at the command line.
func actor(ctx context.Context) string {
	if i, ok := identity.From(ctx); ok {
		return "user:" + i.User.String()
	}
	return "system:operator"
}

// note adds a line to the trail of accounts. detail holds ids and names, never secrets.
func (r *Accounts) note(
	ctx context.Context, tx *postgres.Tx, kind string, subject uuid.UUID, detail map[string]string,
) error {
	id, err := newID()
	if err != nil {
		return err
	}
	if detail == nil {
		detail = map[string]string{}
	}
	d, err := json.Marshal(detail)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	_, err = tx.Exec(ctx, `INSERT INTO account_event (org_id, id, at, actor, kind, subject, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tx.OrgID(), id, tx.Now(), actor(ctx), kind, subject, d)
	return err
}

func (r *Accounts) transact(ctx context.Context, org uuid.UUID, fn func(*postgres.Tx) error) error {
	return r.Store.Transact(ctx, change.Org(org), fn)
}

func (r *Accounts) read(ctx context.Context, org uuid.UUID, fn func(*postgres.Tx) error) error {
	return r.Store.Read(ctx, change.Org(org), fn)
}
