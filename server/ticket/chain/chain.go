// Package chain links the events of a ticket so that none can be changed, left out or put in unseen: each
// carries the SHA-256 over its own content and the hash of the one before.
package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Hash is the SHA-256 of a link; the one before the first link is all zero.
type Hash [sha256.Size]byte

// Link is one event of a ticket.
type Link struct {
	Ticket uuid.UUID
	// Seq is 1 for the first event of the ticket.
	Seq  int64
	Kind string
	// DeviceTime is when it happened by the device's clock; the office's time where no device was involved.
	// Both times count to the microsecond.
	DeviceTime time.Time
	ServerTime time.Time
	// Actor is user:<id>, device:<id> or system:<name>.
	Actor string
	// Payload is JSON, hashed byte for byte as it is kept.
	Payload  []byte
	Previous Hash
	Hash     Hash
}

// prefix tells this hash from all others and carries the version of the form.
const prefix = "doorstep event 1\n"

// Sum is the hash of the link. What is hashed: the prefix, the previous hash, then ticket (16 bytes), seq, device
// time and server time in microseconds since 1970 (8 bytes each, big endian), then kind, actor and payload, each
// behind its length in 4 bytes.
func (l Link) Sum() Hash {
	b := make([]byte, 0, len(prefix)+32+16+24+12+len(l.Kind)+len(l.Actor)+len(l.Payload))
	b = append(b, prefix...)
	b = append(b, l.Previous[:]...)
	b = append(b, l.Ticket[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(l.DeviceTime.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(l.ServerTime.UnixMicro()))
	for _, part := range [][]byte{[]byte(l.Kind), []byte(l.Actor), l.Payload} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// Next returns l as the link after previous, which has the sequence number seq; nothing is before the first.
func Next(previous Hash, seq int64, l Link) Link {
	l.Seq, l.Previous = seq+1, previous
	l.Hash = l.Sum()
	return l
}

// BrokenError says which link does not hold.
type BrokenError struct {
	// Seq is the number that the link should have.
	Seq int64
	Why string
}

func (e *BrokenError) Error() string { return fmt.Sprintf("event %d: %s", e.Seq, e.Why) }

// Verify checks all links of a ticket in order, against the newest hash that the ticket itself keeps, and
// returns a *BrokenError for the first that does not hold.
func Verify(ticket uuid.UUID, links []Link, newest Hash) error {
	var previous Hash
	for i, l := range links {
		want := int64(i) + 1
		switch {
		case l.Seq != want:
			return &BrokenError{want, fmt.Sprintf("missing: the next one is %d", l.Seq)}
		case l.Ticket != ticket:
			return &BrokenError{want, "of another ticket"}
		case l.Previous != previous:
			return &BrokenError{want, "does not follow the one before"}
		case l.Sum() != l.Hash:
			return &BrokenError{want, "its content was changed"}
		}
		previous = l.Hash
	}
	if !bytes.Equal(previous[:], newest[:]) {
		return &BrokenError{int64(len(links)) + 1, "the end is missing"}
	}
	return nil
}
