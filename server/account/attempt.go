package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Passwords are guessed against a limit by account, over all addresses and servers. Nobody can use it to keep the owner
// out: an address from which the owner has signed in before has a count of its own, waits are five minutes at most, and
// whoever asks too early prolongs nothing. A name that does not exist is counted as one that does.
var signInBackoff = postgres.Backoff{Free: 10, Longest: 5 * time.Minute, Forget: 24 * time.Hour}

const (
	purposeSignIn = "sign-in attempts v1"
	// addressKnown is how long an address stays known after a sign-in, addressesKept how many of one person's are.
	addressKnown  = 90 * 24 * time.Hour
	addressesKept = 20
)

// keyed is a keyed hash of 16 bytes.
func (r *Accounts) keyed(parts ...string) []byte {
	m := hmac.New(sha256.New, r.Secret.key(purposeSignIn))
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return m.Sum(nil)[:16]
}

func (r *Accounts) addressKey(from netip.Addr) []byte {
	return r.keyed("address", rpc.AddressKey(from))
}

// trySignIn counts a try against a name before the password is looked at, or refuses it. The company is that of all
// zeros when there is none of that name. It gives the key to forget after a success.
func (r *Accounts) trySignIn(
	ctx context.Context, company uuid.UUID, slug, login string, from netip.Addr, known bool,
) (key []byte, err error) {
	key = r.keyed("account", normalSlug(slug), normalLogin(login))
	if known {
		key = r.keyed("account", normalSlug(slug), normalLogin(login), rpc.AddressKey(from))
	}
	var wait time.Duration
	var ok bool
	now := r.Now()
	err = r.Store.Transact(ctx, change.Org(company), func(tx *postgres.Tx) (err error) {
		wait, ok, err = tx.Try(ctx, key, signInBackoff)
		return err
	})
	if err == nil && !ok {
		return nil, fault.New(fault.RateLimited, "").After(wait)
	}
	if err == nil {
		err = r.Store.ForgetQuotas(ctx, change.Org(company), now.Add(-2*signInBackoff.Forget))
	}
	return key, err
}

// signedIn forgets the failures and remembers the address, in the transaction that lets the person in.
func (r *Accounts) signedIn(ctx context.Context, tx *postgres.Tx, user uuid.UUID, key []byte, from netip.Addr) error {
	if err := tx.Succeeded(ctx, key); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO sign_in_address (org_id, user_id, address, last_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org_id, user_id, address)
		DO UPDATE SET last_at = excluded.last_at`, tx.OrgID(), user, r.addressKey(from), tx.Now())
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM sign_in_address WHERE org_id = $1 AND user_id = $2 AND address IN (
		SELECT address FROM sign_in_address WHERE org_id = $1 AND user_id = $2 ORDER BY last_at DESC OFFSET $3)`,
		tx.OrgID(), user, addressesKept)
	return err
}
