// Package scanned says what a clerk's scan at the counter and a stranger's booking tell of a purchase.
package scanned

import (
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
)

// Purchase is a purchase of one piece, with everything that the scan or the booking fills in. It becomes an order of
// one line and its ticket.
type Purchase struct {
	// Ticket is the id that the ticket gets.
	Ticket uuid.UUID
	// Source is scan (at the counter) or booking (by a stranger).
	Source string
	// Product is nil for a booking at a shop's entry that named no class.
	Product *fieldv1.Product
	// Unit is zero when the piece is not known. Serial may be known all the same.
	Unit   uuid.UUID
	Serial string
	// Store is zero when there is none.
	Store                      uuid.UUID
	PurchasedAt, WarrantyUntil time.Time
	OrderNumber                string
	Name, Phone, Address       string
	// Language is what the customer reads, zh or en; empty when nobody knows.
	Language                    string
	Position                    *Position
	Note                        string
	WantedEarliest, WantedUntil time.Time
	// By is zero for a stranger. At is the device's time of a scan, the office's of a booking.
	By change.User
	At time.Time
	// Unconfirmed: somebody must say that it is a job of its own.
	Unconfirmed bool
}

// Position is a point on WGS 84 in degrees, with its accuracy in metres (0 when unknown).
type Position struct {
	Latitude, Longitude float64
	Accuracy            float32
}
