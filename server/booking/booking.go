// Package booking is what strangers may do with a printed code, without logging in: see what it is, book a visit,
// follow the job, cancel it, ask for another time, rate it and approve its extras. The pages are in page; Track answers
// apps.
package booking

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Config is what the room stands on. All fields are required.
type Config struct {
	Store *postgres.Store
	// Now is the office's clock.
	Now func() time.Time
	// QuotaKey keys the hashes under which bookings are counted; the same on all servers.
	QuotaKey []byte
}

// Bookings answers strangers. Make it with New.
type Bookings struct {
	Config
	codes   Codes
	people  People
	goods   Goods
	tickets Tickets
}

// New makes the room of bookings on the rooms that it calls.
func New(c Config, codes Codes, people People, goods Goods, tickets Tickets) *Bookings {
	return &Bookings{c, codes, people, goods, tickets}
}

var _ Public = (*Bookings)(nil)

// Label is a name in the company's two languages; either may be empty.
type Label struct{ ZH, EN string }

// In gives the name in the wanted language ("zh" or anything else for English), or in the other if there is none.
func (l Label) In(lang string) string {
	if lang == "zh" && l.ZH != "" || l.EN == "" {
		return l.ZH
	}
	return l.EN
}

// Glimpse is all that a stranger may see of a code.
type Glimpse struct {
	Company Label
	// Zone is the company's; windows are offered and shown in it.
	Zone *time.Location
	// Product is what the scanned unit is, for a unit's code; Store is set for the entry of a shop.
	Product Label
	Store   Label
	// Classes are what can be booked at a shop's entry.
	Classes []Class
	// Progress is set for a ticket's code, and then nothing can be booked.
	Progress *Progress
}

// Class is a class of products.
type Class struct {
	// Key is stable, for example water_heater.
	Key  string
	Name Label
}

// Progress is how far a job is, without phone number or address.
type Progress struct {
	Number  string
	State   fieldv1.TicketState
	Product Label
	// Stages that were reached, in order: booked, scheduled, accepted, traveling, on_site, completed.
	Stages []Stage
	// End is canceled or cannot_complete where the job ended so, else empty.
	End string
	// Badge tells who is coming, once somebody accepted.
	Badge Badge
	// Earliest and Latest are the arrival that the customer was told; zero when open.
	Earliest, Latest time.Time
	// WantedEarliest and WantedLatest are what the customer asked for; zero when that is open.
	WantedEarliest, WantedLatest time.Time
	// MayChange: it may be cancelled, and another time be asked for. MayRate: the customer may say how it was.
	MayChange, MayRate bool
	Extras             Extras
	// Stars is what was said of it, 0 until then.
	Stars int
}

// Extras are the parts and surcharges that the customer is asked to agree to; no lines where there are none.
type Extras struct {
	Lines []Extra
	// Totals are the sums, one a currency.
	Totals []money.Amount
	// Hash binds all of it: whoever approves sends back the hash of what was shown.
	Hash []byte
	// Open: some line has not been agreed to as it is. MayApprove: and the customer may do so now.
	Open, MayApprove bool
}

// Extra is one part or surcharge.
type Extra struct {
	Name      string
	Quantity  int
	Unit, Sum money.Amount
}

// Stage is one step that was reached.
type Stage struct {
	Key string
	At  time.Time
}

// Badge is the electronic badge (电子工牌): enough to know that the right person stands at the door.
type Badge struct{ Name, Number string }

// BadgeName shortens a technician's name to what a customer is shown: the first name, or for a Chinese name the
// family name with 师傅.
func BadgeName(name string) string {
	name = strings.TrimSpace(name)
	r, _ := utf8.DecodeRuneInString(name)
	if unicode.Is(unicode.Han, r) {
		return string(r) + "师傅"
	}
	first, _, _ := strings.Cut(name, " ")
	return first
}

// Wish is what a customer fills in to be visited.
type Wish struct {
	// Code is the scanned text of an entry or a unit.
	Code string
	// Request is chosen by the caller: the same request books once.
	Request uuid.UUID
	// Class is the key of what is to be done, at a shop's entry; empty when the customer did not say.
	Class                      string
	Name, Phone, Address, Note string
	// Language is that of the page on which it was said, zh or en; empty leaves the company's.
	Language         string
	Earliest, Latest time.Time
	// From is the caller's address, by which bookings are counted.
	From netip.Addr
}

// Booked is the answer to a Wish.
type Booked struct {
	Number string
	// Token is the signed text of the ticket's code, for the progress page.
	Token string
}

// Public is what strangers may ask. Its errors: code_unknown for everything that
// is wrong with a code, invalid_argument for what they typed, rate_limited.
type Public interface {
	Look(ctx context.Context, scanned string) (Glimpse, error)
	Book(ctx context.Context, w Wish) (Booked, error)
	// Cancel, Reschedule and Rate act on the ticket of a ticket's code; state_forbids when it is too late, or too early.
	Cancel(ctx context.Context, scanned, reason string) error
	Reschedule(ctx context.Context, scanned string, earliest, latest time.Time) error
	Rate(ctx context.Context, scanned string, stars int, comment string) error
	// Approve agrees to the extras with this hash, for the ticket's code; conflict when the ticket charges something else
	// by now, state_forbids when the job is over. Approved again is no error.
	Approve(ctx context.Context, scanned string, hash []byte) error
}

// Check tells what is wrong with a wish at the time now: the first of Problems.
func (w Wish) Check(now time.Time) error {
	if all := w.Problems(now); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Problems tells all that is wrong with a wish at the time now, at most one of each field, whose name begins the
// detail.
func (w Wish) Problems(now time.Time) []error {
	var out []error
	for _, f := range []struct {
		name, value string
		least, most int
	}{{"name", w.Name, 1, 100}, {"phone", w.Phone, 5, 20}, {"address", w.Address, 1, 300}, {"note", w.Note, 0, 500}} {
		n := utf8.RuneCountInString(strings.TrimSpace(f.value))
		switch {
		case n < f.least || n > f.most || !utf8.ValidString(f.value):
			out = append(out, fault.New(fault.InvalidArgument, "%s: %d to %d characters", f.name, f.least, f.most))
		case strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }):
			out = append(out, fault.New(fault.InvalidArgument, "%s: no control characters", f.name))
		case f.name == "phone" &&
			strings.ContainsFunc(w.Phone, func(r rune) bool {
				return (r < '0' || r > '9') &&
					!strings.ContainsRune("+-() ", r)
			}):
			out = append(out, fault.New(fault.InvalidArgument, "phone: digits only"))
		}
	}
	if err := checkWanted(w.Earliest, w.Latest, now); err != nil {
		out = append(out, err)
	}
	return out
}

// checkWanted tells what is wrong with a wished time; none is no fault.
func checkWanted(earliest, latest, now time.Time) error {
	if earliest.IsZero() != latest.IsZero() || latest.Before(earliest) {
		return fault.New(fault.InvalidArgument, "wanted: a window has two ends in order")
	}
	if !latest.IsZero() && (latest.Before(now) || earliest.After(now.AddDate(0, 0, 92))) {
		return fault.New(fault.InvalidArgument, "wanted: from now to three months ahead")
	}
	return nil
}
