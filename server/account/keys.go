package account

import (
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// KeyLead is how long before a young key begins to sign it is published, so that all replicas and most phones
// know it by then.
const KeyLead = time.Hour

// LoadKeys reads the signing keys into the room's Keyring, and makes the first of each use when there is none.
func (r *Accounts) LoadKeys(ctx context.Context) error {
	if err := r.readKeys(ctx, r.Store.Pool); err != nil || r.complete() {
		return err
	}
	// One replica makes the first keys, the others wait and find them.
	tx, err := r.Store.Pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit this does nothing
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('doorstep signing keys'))`); err != nil {
		return err
	}
	if err := r.readKeys(ctx, tx); err != nil {
		return err
	}
	for _, use := range Uses() {
		if _, err := r.Keys.Signer(use, r.Now()); err == nil {
			continue
		}
		// Back-dated: it must sign now, also by the clock of a replica that runs a little behind.
		if err := r.addKey(ctx, tx, use, r.Now().Add(-time.Hour)); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	return r.readKeys(ctx, r.Store.Pool)
}

func (r *Accounts) complete() bool {
	for _, use := range Uses() {
		if _, err := r.Keys.Signer(use, r.Now()); err != nil {
			return false
		}
	}
	return true
}

// FollowKeys reads the keys again every minute until ctx ends, so that a rotation reaches all replicas long
// before the new key begins to sign, and publishes them to phones.
func (r *Accounts) FollowKeys(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := r.readKeys(ctx, r.Store.Pool)
			if err == nil {
				err = r.PublishKeys(ctx)
			}
			if err != nil && ctx.Err() == nil {
				r.Log.WarnContext(ctx, "signing keys could not be read again; the known ones stay in use", "error", err)
			}
		}
	}
}

// PublishKeys puts the public keys with which phones check codes and receipts offline into every org's feed,
// where they are not there yet.
func (r *Accounts) PublishKeys(ctx context.Context) error {
	orgs, err := r.Orgs(ctx)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		if err := r.transact(ctx, o.ID, func(tx *postgres.Tx) error { return r.publishKeys(ctx, tx) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *Accounts) publishKeys(ctx context.Context, tx *postgres.Tx) error {
	keys := append(r.Keys.Keys(UseCode), r.Keys.Keys(UseReceipt)...)
	slices.SortFunc(keys, func(a, b SigningKey) int { return strings.Compare(a.ID, b.ID) })
	for _, k := range keys {
		// The inserted row is the lock that orders the placement.
		tag, err := tx.Exec(ctx, `INSERT INTO key_publication (org_id, key_id) VALUES ($1, $2) ON CONFLICT
			DO NOTHING`, tx.OrgID(), k.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		if err := placeKey(tx, k); err != nil {
			return err
		}
	}
	return nil
}

func placeKey(tx *postgres.Tx, k SigningKey) error {
	body := &fieldv1.VerifyKey{KeyId: k.ID, Ed25519: k.Public, Use: string(k.Use)}
	if !k.VerifyUntil.IsZero() {
		body.NotAfter = timestamppb.New(k.VerifyUntil)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY), keyEntity(tx.OrgID(), k.ID),
		feed.Placement{Feed: OrgFeed(tx.OrgID()), Body: b})
	return nil
}

func keyEntity(org uuid.UUID, key string) uuid.UUID {
	return uuid.NewSHA1(org, []byte("verify key "+key))
}

// RotateKey makes a new key of the use that begins to sign after KeyLead; older ones go on verifying.
func (r *Accounts) RotateKey(ctx context.Context, use Use) error {
	if err := r.addKey(ctx, r.Store.Pool, use, r.Now().Add(KeyLead)); err != nil {
		return err
	}
	if err := r.readKeys(ctx, r.Store.Pool); err != nil {
		return err
	}
	return r.PublishKeys(ctx)
}

// querier is the pool, or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (r *Accounts) addKey(ctx context.Context, db querier, use Use, from time.Time) error {
	k, err := NewSigningKey(use, from)
	if err != nil {
		return err
	}
	sealed, err := r.Secret.seal(purposeKey, k.Private.Seed(), []byte(k.ID))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	_, err = db.Exec(ctx, `INSERT INTO signing_key (id, use, public, sealed, sign_from) VALUES ($1, $2, $3, $4, $5)`,
		k.ID, string(use), []byte(k.Public), sealed, from.UTC())
	return err
}

func (r *Accounts) readKeys(ctx context.Context, db querier) error {
	rows, err := db.Query(ctx, `SELECT id, use, public, sealed, sign_from, verify_until FROM signing_key`)
	if err != nil {
		return err
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (SigningKey, error) {
		var k SigningKey
		var use string
		var public, sealed []byte
		var until *time.Time
		if err := row.Scan(&k.ID, &use, &public, &sealed, &k.SignFrom, &until); err != nil {
			return k, err
		}
		k.Use, k.Public = Use(use), public
		if until != nil {
			k.VerifyUntil = *until
		}
		seed, err := r.Secret.open(purposeKey, sealed, []byte(k.ID))
		if err != nil || len(seed) != ed25519.SeedSize {
			return k, fault.Wrap(err, fault.ConfigInvalid, "the secret file is not the one that this database was begun with")
		}
		k.Private = ed25519.NewKeyFromSeed(seed)
		return k, nil
	})
	if err != nil {
		return err
	}
	r.Keys.Replace(keys)
	return nil
}
