package change

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// ReceiptText is what a receipt signs: that the office has taken this very mutation in, when, and with what
// outcome. One line each, so that a person can read it and any language can write it.
func ReceiptText(org Org, m Mutation, v Verdict) []byte {
	args := sha256.Sum256(m.Args)
	return fmt.Appendf(nil,
		"doorstep receipt 1\norg %s\ndevice %s\nsequence %d\nid %s\nkind %s\nargs %s\noutcome %s\nat %d\n",
		org, m.Device, m.Seq, m.ID, m.Kind, hex.EncodeToString(args[:]), v.Outcome, v.At.UnixMicro())
}

// Signer signs receipts with the office's current key.
type Signer interface {
	Sign(text []byte) (signature []byte, keyID string)
}

// Ed25519Signer signs with one key.
type Ed25519Signer struct {
	KeyID string
	Key   ed25519.PrivateKey
}

// Sign implements Signer.
func (s Ed25519Signer) Sign(text []byte) ([]byte, string) {
	return ed25519.Sign(s.Key, text), s.KeyID
}
