package ticket

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What a ticket may lack before anybody can go there.
const (
	NeedsName    = "name"
	NeedsPhone   = "phone"
	NeedsAddress = "address"
	// NeedsConfirmation: the unit has another ticket in work; somebody says whether this is a job of its own.
	NeedsConfirmation = "confirmation"
)

// lacking tells what a request lacks.
func lacking(q OpenRequest) []string {
	out := []string{}
	for _, f := range []struct {
		what string
		lack bool
	}{
		{NeedsName, q.Customer.Name == ""},
		{NeedsPhone, q.Customer.Phone == "" && !q.Customer.NoPhone},
		{NeedsAddress, q.Customer.Address == ""},
		{NeedsConfirmation, q.Unconfirmed},
	} {
		if f.lack {
			out = append(out, f.what)
		}
	}
	return out
}

// visitable refuses to send anybody on a ticket that lacks something.
func (j *job) visitable() error {
	if len(j.t.Needs) == 0 {
		return nil
	}
	return fault.New(NeedsDetails, "%s: %s", j.t.Number, strings.Join(j.t.Needs, ", "))
}

// phoneNumber is a customer's number as it is kept; empty stays empty.
func phoneNumber(typed string) (string, error) {
	if parse.Trim(typed) == "" {
		return "", nil
	}
	number, err := parse.Phone(typed)
	if err != nil {
		return "", fault.Wrap(err, fault.InvalidArgument, "customer_phone: not a phone number")
	}
	return number, nil
}

// Contact is whom to visit and where, as somebody completes or corrects it. What is empty stays as it is.
type Contact struct {
	Name, Phone, Address string
	// At is where the address is; a new address without it has no position.
	At *score.Point
	// Region is whose technicians go there.
	Region uuid.UUID
	// Confirmed: it is a job of its own.
	Confirmed bool
	// OnlyMissing refuses to replace what is there, for a clerk.
	OnlyMissing bool
}

// SetContact completes whom to visit and where. The technician who has the ticket sees it; the customer's record stays.
// A ticket that has ended stays as it was: StateForbids.
func (r *Tickets) SetContact(ctx context.Context, tx *postgres.Tx, id uuid.UUID, c Contact, actor string) error {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	t := &j.t
	if !t.State.Open() {
		return fault.New(fault.StateForbids, "%s: %s", t.Number, t.State)
	}
	// so written to refuse NaN too
	if p := c.At; p != nil && (!(p.Latitude >= -90 && p.Latitude <= 90) || !(p.Longitude >= -180 && p.Longitude <= 180)) {
		return fault.New(fault.InvalidArgument, "position")
	}
	var changed []string
	for _, f := range []struct {
		what, given string
		most        int
		to          *string
	}{
		{NeedsName, c.Name, 100, &t.CustomerName},
		{NeedsPhone, c.Phone, 20, &t.CustomerPhone},
		{NeedsAddress, c.Address, 300, &t.Address},
	} {
		given := clip(f.given, f.most)
		if given == "" || given == *f.to {
			continue
		}
		if *f.to != "" && c.OnlyMissing {
			return fault.New(fault.Forbidden, "%s: it is known already; the office corrects it", f.what)
		}
		*f.to = given
		changed = append(changed, f.what)
		t.Needs = slices.DeleteFunc(slices.Clone(t.Needs), func(n string) bool { return n == f.what })
	}
	if slices.Contains(changed, NeedsAddress) {
		t.Area, t.Latitude, t.Longitude = Area(t.Address), nil, nil
	}
	if c.At != nil && (t.Latitude == nil || !c.OnlyMissing) {
		t.Latitude, t.Longitude = &c.At.Latitude, &c.At.Longitude
		changed = append(changed, "position")
	}
	if c.Region != uuid.Nil && value(t.RegionID) != c.Region {
		t.RegionID = &c.Region
		changed = append(changed, "region")
	}
	if c.Confirmed && slices.Contains(t.Needs, NeedsConfirmation) {
		t.Needs = slices.DeleteFunc(slices.Clone(t.Needs), func(n string) bool { return n == NeedsConfirmation })
		changed = append(changed, NeedsConfirmation)
	}
	if len(changed) == 0 {
		return nil
	}
	// The trail says what was changed; the words themselves stand on the ticket and go with it.
	if err := j.event("ticket.contact_set", actor, time.Time{}, fact{"changed": changed, "needs": t.Needs}); err != nil {
		return err
	}
	if !slices.Equal(changed, []string{NeedsConfirmation}) {
		if err := j.notify(value(t.TechnicianID), "contact_set", "联系人或地址有更新", "contact or address has changed"); err != nil {
			return err
		}
	}
	if err := j.save(ctx); err != nil {
		return err
	}
	// With a position or a region the rules may find somebody now.
	if t.waits() && j.before.waits() {
		return r.queue.Waits(ctx, tx, id)
	}
	return nil
}
