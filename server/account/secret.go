package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// SecretSize is the length of the installation's root secret in bytes.
const SecretSize = 32

// Secret is the installation's root secret. It lives in a file outside of the database, so that a copy of the
// database alone lets nobody in. Every purpose gets a key of its own derived from it.
type Secret [SecretSize]byte

// ParseSecret reads a root secret of 32 bytes or longer; longer ones are folded.
func ParseSecret(b []byte) (Secret, error) {
	if len(b) < SecretSize {
		return Secret{}, fault.New(fault.ConfigInvalid, "the secret file must hold at least %d bytes", SecretSize)
	}
	if len(b) == SecretSize {
		return Secret(b), nil
	}
	return sha256.Sum256(b), nil
}

// NewSecret makes a root secret.
func NewSecret() Secret {
	var s Secret
	// rand.Read never fails; the runtime ends the process instead.
	_, _ = rand.Read(s[:])
	return s
}

// The purposes of derived keys. A purpose's name never changes: everything sealed or signed by it would be lost.
const (
	purposeRefresh = "refresh token v1"
	purposeEnrol   = "enrolment code v1"
	purposeKey     = "signing key at rest v1"
)

// key derives the 32-byte key of a purpose.
func (s Secret) key(purpose string) []byte {
	k, err := hkdf.Key(sha256.New, s[:], nil, "doorstep "+purpose, 32)
	if err != nil {
		// Only a length beyond 255 hashes fails, and ours is a constant.
		panic("account: " + err.Error())
	}
	return k
}

// Key derives the 32-byte key of another room's purpose, for example hashing phone numbers. Names never change.
func (s Secret) Key(purpose string) []byte { return s.key("room: " + purpose) }

// seal encrypts plain with AES-256-GCM, bound to context.
func (s Secret) seal(purpose string, plain, context []byte) ([]byte, error) {
	g, err := s.gcm(purpose)
	if err != nil {
		return nil, err
	}
	return g.Seal(nil, nil, plain, context), nil
}

func (s Secret) open(purpose string, sealed, context []byte) ([]byte, error) {
	g, err := s.gcm(purpose)
	if err != nil {
		return nil, err
	}
	plain, err := g.Open(nil, nil, sealed, context)
	if err != nil {
		return nil, errors.New("sealed by another secret, or damaged")
	}
	return plain, nil
}

func (s Secret) gcm(purpose string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.key(purpose))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
