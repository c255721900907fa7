// Package order is the room of purchases: it takes orders in, one by one from the office and by thousands from a
// shop's table, knows who bought them, and has a ticket opened for each thing to install.
//
// Taking in is idempotent: a source's order number and line make a line unique, so that the same order, file or call
// again adds nothing. Reading foreign tables is in sheet, parse and mapping; reasons of refusal are in refusal.
package order

import (
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Orders keeps orders and customers. Make it with New.
type Orders struct {
	Store *postgres.Store
	// Now is the office's clock.
	Now func() time.Time
	// phoneKey is the key of the hash by which phone numbers are searched.
	phoneKey []byte
	people   People
	goods    Goods
	tickets  Tickets
}

// New makes the room of orders on the rooms that it calls. phoneKey, 32 bytes, keys the hash by which phone numbers are
// searched; another key finds nobody.
func New(
	store *postgres.Store, now func() time.Time, phoneKey []byte, people People, goods Goods, tickets Tickets,
) *Orders {
	return &Orders{store, now, phoneKey, people, goods, tickets}
}

// Place is a region or a shop, as far as orders care.
type Place struct {
	ID     uuid.UUID
	Shop   bool // else a region
	NameZH string
	NameEN string
	// Region is the shop's.
	Region uuid.UUID
	// At is where a shop is, if known.
	At *Point
}

// Point is a place on WGS 84 in degrees.
type Point struct{ Latitude, Longitude float64 }

// Purchase is an order to take in.
type Purchase struct {
	Source, Number string
	// key is the number as it is kept; see number.go.
	key       string
	OrderedAt time.Time
	Customer  Customer
	// Store and Region are zero when unknown. A store's region stands in for a missing one, else the region of the
	// nearest shop within 200 km.
	Store, Region        uuid.UUID
	WantedFrom, WantedTo time.Time
	Rush                 bool
	Lines                []Line
	// Actor is user:<id> or system:<name>.
	Actor string
	// By is what who brings it may do to customers' records; the zero value is a stranger's: nothing.
	By Standing
	// Bulk: one of thousands; nobody waits for its tickets to be assigned this very moment.
	Bulk bool
	// Unconfirmed: somebody must say first that it is a job of its own.
	Unconfirmed bool
	// Reach is over which orders whoever hands it in may see; nil for all. An order of the same number beyond it is
	// another order, of which nothing is told.
	Reach *identity.Reach
	// NoTickets takes the order in without opening anything, for history.
	NoTickets bool
}

// Customer is who bought.
type Customer struct {
	ID   uuid.UUID // set by the room
	Name string
	// Phone in the form of parse.Phone; may be empty when Ref is not.
	Phone string
	// Ref is the source's own number of the customer.
	Ref     string
	Address string
	At      *Point
	VIP     bool
	// Language is what the customer reads, zh or en; empty when nobody said.
	Language string
}

// Line is one thing bought.
type Line struct {
	// Item is its number in the order, from 1; 0 lets the room number it.
	Item int
	// Key tells lines of the order apart in the source's words; the item number when empty.
	Key      string
	Product  *fieldv1.Product
	Quantity int
	Minor    int64
	Currency string
	// Ticket, Unit and Serial are for an order that begins with a scanned piece: the id of its ticket and the piece.
	Ticket, Unit uuid.UUID
	Serial       string
}

// Taken is an order after it was taken in.
type Taken struct {
	ID       uuid.UUID
	Customer uuid.UUID
	// Existing: the order itself was there before.
	Existing bool
	Lines    []TakenLine
}

// TakenLine is a line after it was taken in.
type TakenLine struct {
	Item     int
	Existing bool
	Tickets  []uuid.UUID
}

// Opening is a ticket to open for one piece of an order line.
type Opening struct {
	// Key is the same for the same piece forever: source, order number, line and ordinal.
	Key                  string
	Ticket, Unit         uuid.UUID
	Serial               string
	Product              *fieldv1.Product
	Customer             Customer
	Order                uuid.UUID
	OrderNumber          string
	OrderedAt            time.Time
	Store, Region        uuid.UUID
	WantedFrom, WantedTo time.Time
	Rush                 bool
	Actor                string
	// As in Purchase.
	Bulk, Unconfirmed bool
}
