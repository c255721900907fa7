package offline

import (
	"crypto/ed25519"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Receipt is what the check of a server's signature gave.
type Receipt int

// The results of a check.
const (
	// ReceiptNone: there is no verdict yet.
	ReceiptNone Receipt = iota
	// ReceiptGood: the server has signed that it took this very mutation in.
	ReceiptGood
	// ReceiptUnknownKey: signed by a key that the device does not hold (yet).
	ReceiptUnknownKey
	// ReceiptBad: the signature does not fit. Keep the mutation and tell the office.
	ReceiptBad
)

// CheckReceipt checks the signature on a verdict, see docs/PROTOCOL.md section 7, with the keys that Options.Keys
// finds; without it all keys are unknown. org is the org of the device.
func (v *View) CheckReceipt(org uuid.UUID, a Action) Receipt {
	if a.Verdict == nil {
		return ReceiptNone
	}
	key, ok := v.keys()[a.Verdict.Key]
	if !ok || len(key) != ed25519.PublicKeySize {
		return ReceiptUnknownKey
	}
	text := change.ReceiptText(change.Org(org),
		change.Mutation{Device: change.Device(a.JudgedAs), Seq: a.Verdict.Sequence, ID: a.ID, Kind: a.Kind, Args: a.Args},
		change.Verdict{Outcome: change.Outcome(a.Verdict.Outcome), At: a.Verdict.ServerTime.AsTime()})
	if !ed25519.Verify(key, text, a.Verdict.Receipt) {
		return ReceiptBad
	}
	return ReceiptGood
}

func (v *View) keys() map[string]ed25519.PublicKey {
	if v.found == nil && v.find != nil {
		v.found = v.find(v)
	}
	return v.found
}
