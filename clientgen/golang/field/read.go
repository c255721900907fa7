package field

import (
	"crypto/ed25519"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
)

// FeedOrder prefers a technician's own feed, which shows most, over the shop's and the team's.
var FeedOrder = []string{"tech", "store", "team", "org"}

// ReceiptKeys finds the server's public keys for receipts.
func ReceiptKeys(v *offline.View) map[string]ed25519.PublicKey {
	keys := map[string]ed25519.PublicKey{}
	for _, k := range VerifyKeysByUse(v, "receipt") {
		if len(k.GetEd25519()) == ed25519.PublicKeySize {
			keys[k.GetKeyId()] = k.GetEd25519()
		}
	}
	return keys
}
