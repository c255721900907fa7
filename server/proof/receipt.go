package proof

import (
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// ReceiptText is what the receipt of a verified proof signs: that the office holds these very bytes for this
// ticket, and since when. One line each, so that a person can read it and any language can write it; times are
// microseconds since 1970. The signature is Ed25519 by the key named in the proof, of use receipt.
func ReceiptText(org uuid.UUID, p *fieldv1.Proof) []byte {
	id := func(b []byte) string { u, _ := uuid.FromBytes(b); return u.String() }
	return fmt.Appendf(nil,
		"doorstep proof 1\norg %s\nproof %s\nticket %s\nvisit %s\nsha256 %s\nsize %d\ntype %s\ndevice_time "+
			"%d\nverified_at %d\n",
		org, id(p.GetId()), id(p.GetTicketId()), id(p.GetVisitId()), hex.EncodeToString(p.GetSha256()), p.GetSize(),
		p.GetMediaType(),
		p.GetDeviceTime().AsTime().UnixMicro(), p.GetVerifiedAt().AsTime().UnixMicro())
}
