package proof

import (
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// receiptText is what the receipt of a proof signs: that the office holds these very bytes for this ticket, and
// since when. One line each, so that a person can read it and any language can write it; times are
// microseconds since 1970.
func receiptText(org uuid.UUID, p *row) []byte {
	return fmt.Appendf(nil, "doorstep proof 1\norg %s\nproof %s\nticket %s\nvisit %s\nsha256 %s\nsize %d\ntype %s\ndevice_time %d\nverified_at %d\n",
		org, p.ID, p.TicketID, p.VisitID, hex.EncodeToString(p.SHA256), p.Size, p.MediaType,
		p.DeviceTime.UnixMicro(), p.VerifiedAt.UnixMicro())
}
