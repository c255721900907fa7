package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// HistoryDays is how many days of work lie before the first.
const HistoryDays = 14

// Demo fills the company.
type Demo struct {
	// Password is for everybody of the office: boss, dispatch, super, finance, dealer, clerk.
	Password string
	// Days of history; 0 means HistoryDays. What was broken off goes on with as many as it was begun with.
	Days int
	// PerDay is how many jobs a day of history has; 0 means 36.
	PerDay int
	// Told hears what is being done, for the terminal; may be nil.
	Told func(chinese, english string)

	rooms app.Rooms
	clock *clock
	org   account.Org
}

// Loaded says what stands.
type Loaded struct {
	Org uuid.UUID
	// Fresh: the company was made by this call; else it went on with its data.
	Fresh bool
	// Tickets of history and of today that this call added.
	History, Today int
}

// clock is the office's clock while the past is told.
type clock struct{ at atomic.Int64 }

func (c *clock) Now() time.Time  { return time.Unix(0, c.at.Load()) }
func (c *clock) set(t time.Time) { c.at.Store(t.UnixNano()) }

// Load makes the company, its past and today's tickets, or goes on where an earlier call was broken off; what is
// there already stays as it is. It opens the installation of config for itself, by a clock that runs through the
// past, and closes it again. now is the present.
func (d *Demo) Load(ctx context.Context, config app.Config, now time.Time) (l Loaded, err error) {
	if d.Days == 0 {
		d.Days = HistoryDays
	}
	if d.PerDay == 0 {
		d.PerDay = 36
	}
	d.clock = &clock{}
	d.clock.set(now.AddDate(0, 0, -d.Days-3))
	config.Now = d.clock.Now
	a, err := app.Open(ctx, config)
	if err != nil {
		return Loaded{}, err
	}
	defer func() {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = errors.Join(err, a.Close(down))
	}()
	d.rooms = a.Rooms
	if d.org, err = d.open(ctx); err != nil {
		return Loaded{}, err
	}
	l.Org = d.org.ID
	begun, done, err := d.state(ctx)
	if err != nil {
		return l, err
	}
	if !done {
		l.Fresh = begun.IsZero()
		if l.History, err = d.past(ctx, begun, now.In(d.org.Zone)); err != nil {
			return l, err
		}
	}
	d.clock.set(now)
	l.Today, err = d.today(ctx, now.In(d.org.Zone))
	return l, err
}

func (d *Demo) tell(zh, en string, args ...any) {
	if d.Told != nil {
		d.Told(fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...))
	}
}

func (d *Demo) within(ctx context.Context, fn func(*postgres.Tx) error) error {
	return d.rooms.Store.Transact(ctx, change.Org(d.org.ID), fn)
}

// Orders of the past are of one source, of the running days of another. The order named end closes the past.
const (
	pastSource = "演示历史"
	daySource  = "演示"
	end        = "END"
)

// state tells when the past begins, if it was begun, and whether it is complete.
func (d *Demo) state(ctx context.Context) (begun time.Time, done bool, err error) {
	err = d.rooms.Store.Read(ctx, change.Org(d.org.ID), func(tx *postgres.Tx) error {
		first, ok, err := d.rooms.Order.ByNumber(ctx, tx, pastSource, pastNumber(0, 0))
		if err != nil {
			return err
		}
		if ok {
			begun = first.OrderedAt
		}
		_, done, err = d.rooms.Order.ByNumber(ctx, tx, pastSource, end)
		return err
	})
	return begun, done, err
}

// past makes the company and its history. begun is zero unless an earlier call was broken off.
func (d *Demo) past(ctx context.Context, begun, now time.Time) (tickets int, err error) {
	first := midnight(now).AddDate(0, 0, -d.Days)
	if !begun.IsZero() {
		first = midnight(begun.In(d.org.Zone)).AddDate(0, 0, 1) // ordered the day before
		// It goes on until yesterday, with however many days it was begun: neither into days to come, nor with a gap.
		d.Days = min(HistoryDays, int(math.Round(midnight(now).Sub(first).Hours()/24)))
	}
	d.clock.set(first.Add(-24 * time.Hour))
	d.tell("建立公司：%d 个大区，%d 位师傅，%d 种产品", "the company: %d regions, %d technicians, %d products",
		len(regions), technicians, 4*len(classes))
	if err := d.within(ctx, func(tx *postgres.Tx) error { return d.people(ctx, tx) }); err != nil {
		return 0, err
	}
	if err := d.within(ctx, func(tx *postgres.Tx) error { return d.goods(ctx, tx, false) }); err != nil {
		return 0, err
	}
	month := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, d.org.Zone)
	if _, err := d.rooms.PayOffice.Publish(ctx, d.org.ID, id("user", "boss"), payPlan(month.Format(time.DateOnly))); err !=
		nil && fault.CodeOf(err) != fault.Conflict {
		return 0, err
	}
	h := newHistory(d, first)
	for day := range d.Days {
		n, err := h.day(ctx, day)
		if err != nil {
			return tickets, err
		}
		tickets += n
		d.tell("历史 %d/%d 天，%d 张工单", "history, day %d of %d: %d tickets", day+1, d.Days, tickets)
	}
	d.clock.set(now)
	return tickets, d.within(ctx, func(tx *postgres.Tx) error {
		if err := d.goods(ctx, tx, true); err != nil {
			return err
		}
		p := purchase(pastSource, end, now, 0, 0, h.random)
		p.NoTickets = true
		_, err := d.rooms.Order.Take(ctx, tx, p)
		return err
	})
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}
