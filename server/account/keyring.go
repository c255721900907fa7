package account

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Use is what a signing key signs. A key has one use, so that a signature can never be taken for another kind.
type Use string

// The uses.
const (
	UseToken   Use = "token"   // access tokens
	UseCode    Use = "code"    // printed codes, which phones check offline
	UseReceipt Use = "receipt" // receipts of mutations and photos, which phones check offline
)

// Uses lists all uses.
func Uses() []Use { return []Use{UseToken, UseCode, UseReceipt} }

// SigningKey is an Ed25519 key with its time. It signs from SignFrom until a younger key of its use does, and
// is good for verifying until VerifyUntil (zero: always).
type SigningKey struct {
	ID          string
	Use         Use
	Public      ed25519.PublicKey
	Private     ed25519.PrivateKey // nil for a key that only verifies
	SignFrom    time.Time
	VerifyUntil time.Time
}

// NewSigningKey makes a key that signs from the given moment.
func NewSigningKey(use Use, signFrom time.Time) (SigningKey, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return SigningKey{}, fault.Wrap(err, fault.Internal, "")
	}
	// The id is the start of the public key: it cannot disagree with what it names.
	id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(pub[:5]))
	return SigningKey{ID: id, Use: use, Public: pub, Private: priv, SignFrom: signFrom}, nil
}

// Keyring holds the installation's signing keys. It is safe for concurrent use; Replace swaps all keys at once
// when the database holds newer ones.
type Keyring struct {
	mu   sync.RWMutex
	byID map[string]SigningKey
	all  []SigningKey // youngest SignFrom first

	verified memory[tokenSum, verified]
}

// NewKeyring makes a ring of the given keys.
func NewKeyring(keys ...SigningKey) *Keyring {
	r := &Keyring{}
	r.Replace(keys)
	return r
}

// Replace puts these keys in place of all.
func (r *Keyring) Replace(keys []SigningKey) {
	all := append([]SigningKey(nil), keys...)
	sort.Slice(all, func(i, j int) bool { return all[i].SignFrom.After(all[j].SignFrom) })
	byID := make(map[string]SigningKey, len(all))
	for _, k := range all {
		byID[k.ID] = k
	}
	r.mu.Lock()
	r.byID, r.all = byID, all
	r.mu.Unlock()
}

// Signer returns the key that signs now: the youngest of its use whose time has come.
func (r *Keyring) Signer(use Use, now time.Time) (SigningKey, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.all {
		if k.Use == use && k.Private != nil && !k.SignFrom.After(now) {
			return k, nil
		}
	}
	return SigningKey{}, fault.New(fault.Internal, "no %s key", use)
}

// Verifier returns the public key of an id if it is of that use and its time has not passed.
func (r *Keyring) Verifier(use Use, id string, now time.Time) (ed25519.PublicKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, ok := r.byID[id]
	if !ok || k.Use != use || (!k.VerifyUntil.IsZero() && now.After(k.VerifyUntil)) {
		return nil, false
	}
	return k.Public, true
}

// Keys lists the keys of a use, youngest first, without their private halves.
func (r *Keyring) Keys(use Use) []SigningKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []SigningKey
	for _, k := range r.all {
		if k.Use == use {
			k.Private = nil
			out = append(out, k)
		}
	}
	return out
}

// Sign signs message with the key of the use that signs now; it gives the key's id beside the signature.
func (r *Keyring) Sign(use Use, message []byte, now time.Time) (keyID string, signature []byte, err error) {
	k, err := r.Signer(use, now)
	if err != nil {
		return "", nil, err
	}
	return k.ID, ed25519.Sign(k.Private, message), nil
}
