package field

import (
	"crypto/ed25519"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
)

// FeedOrder prefers a technician's own feed, which shows most, over the shop's and the team's.
var FeedOrder = []string{"tech", "store", "team", "org"}

// message is a pointer to a generated message T.
type message[T any] interface {
	*T
	proto.Message
}

func entity(kind fieldv1.EntityKind, id []byte) offline.Entity {
	u, err := uuid.FromBytes(id)
	if err != nil {
		return offline.Entity{Kind: offline.Kind(kind)} // the zero id names nothing
	}
	return offline.Entity{Kind: offline.Kind(kind), ID: u}
}

// Get reads one entity; nil when it is not there or cannot be read.
func Get[T any, M message[T]](v *offline.View, kind fieldv1.EntityKind, id []byte) M {
	body, ok := v.Get(entity(kind, id))
	if !ok {
		return nil
	}
	return decode[T, M](body)
}

// All reads all entities of a kind, by id; what cannot be read is left out.
func All[T any, M message[T]](v *offline.View, kind fieldv1.EntityKind) []M {
	var out []M
	for _, item := range v.List(offline.Kind(kind)) {
		if m := decode[T, M](item.Body); m != nil {
			out = append(out, m)
		}
	}
	return out
}

func decode[T any, M message[T]](body []byte) M {
	m := M(new(T))
	if proto.Unmarshal(body, m) != nil {
		return nil
	}
	return m
}

// Pending tells whether something that is not yet in the server's state shows on the entity.
func Pending(v *offline.View, kind fieldv1.EntityKind, id []byte) bool {
	return v.Pending(entity(kind, id))
}

// ReceiptKeys finds the server's public keys for receipts.
func ReceiptKeys(v *offline.View) map[string]ed25519.PublicKey {
	keys := map[string]ed25519.PublicKey{}
	for _, k := range All[fieldv1.VerifyKey](v, fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY) {
		if k.GetUse() == "receipt" && len(k.GetEd25519()) == ed25519.PublicKeySize {
			keys[k.GetKeyId()] = k.GetEd25519()
		}
	}
	return keys
}
