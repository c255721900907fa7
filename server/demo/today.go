package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// todays is how many orders wait in the morning.
const todays = 48

func todayNumber(day time.Time, n int) string {
	return fmt.Sprintf("D%s-%03d", day.Format("060102"), n+1)
}

// today takes the day's orders in, once a day: some are given to the visitors' technicians, some lie in the pools of
// their teams, the rest is assigned by the rules, and a few wait for a dispatcher.
func (d *Demo) today(ctx context.Context, now time.Time) (int, error) {
	// The office has been at work for some hours, but not since yesterday.
	start := now.Add(-3 * time.Hour)
	if m := midnight(now); start.Before(m) {
		start = m
	}
	d.clock.set(start)
	defer d.clock.set(now)
	there := false
	var fresh []uuid.UUID
	r := rand.New(rand.NewPCG(seed, uint64(midnight(now).Unix()))) //nolint:gosec // invented, not secret
	people := staff()
	err := d.within(ctx, func(tx *postgres.Tx) (err error) {
		fresh = nil
		if _, there, err = d.rooms.Order.ByNumber(ctx, tx, daySource, todayNumber(now, 0)); err != nil || there {
			return err
		}
		for n := range todays {
			guest, class := n%guests, r.IntN(len(classes))
			region := people[guest].region
			if n >= 5*guests { // the first ones are for the visitors' regions
				region = r.IntN(len(regions))
			}
			p := purchase(daySource, todayNumber(now, n), now.Add(-time.Duration(1+r.IntN(20))*time.Hour), region, class, r)
			p.WantedFrom = midnight(now).Add(time.Duration(9+r.IntN(9)) * time.Hour)
			if p.WantedFrom.Before(now) {
				p.WantedFrom = now.Truncate(time.Hour).Add(time.Hour)
			}
			p.WantedTo = p.WantedFrom.Add(2 * time.Hour)
			t, err := d.rooms.Order.Take(ctx, tx, p)
			if err != nil {
				return err
			}
			ticketID := t.Lines[0].Tickets[0]
			fresh = append(fresh, ticketID)
			switch n / guests {
			case 0, 1, 2: // three for each visitor
				err = d.rooms.Ticket.Assign(ctx, tx, ticket.AssignRequest{
					TicketID: ticketID, TechnicianID: people[guest].id, Scheduled: state.Window{From: p.WantedFrom, To: p.WantedTo},
					Actor: actor,
					Way:   "office", ReasonZH: "技能匹配，离您最近，今天有空", ReasonEN: "has the skills, is nearest, is free today",
				})
			case 3, 4: // two in the pool of each visitor's team
				err = d.rooms.Ticket.Offer(ctx, tx, ticketID, teamOf(people[guest].region, guest), actor)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || there {
		return 0, err
	}
	_, err = d.rooms.Dispatch.Auto(ctx, d.org.ID, todays/2-guests, uuid.Nil, actor)
	if fault.CodeOf(err) == fault.Unavailable {
		err = nil
	}
	if err != nil {
		return 0, err
	}
	d.tell("今日工单 %d 张", "%d tickets for today", len(fresh))
	return len(fresh), d.morning(ctx, start, now)
}

// morningActs is how much has happened today before anybody looks: enough for a few finished jobs and a ranking.
const morningActs = 60

// morning lets the hand do what happened between start and now.
func (d *Demo) morning(ctx context.Context, start, now time.Time) error {
	h := &Hand{Rooms: d.rooms, Org: d.org.ID, Log: slog.New(slog.DiscardHandler)}
	for n := range morningActs {
		d.clock.set(start.Add(now.Sub(start) * time.Duration(n+1) / (morningActs + 1)))
		if err := h.Act(ctx); err != nil && fault.CodeOf(err) != fault.Conflict {
			return err
		}
	}
	return nil
}
