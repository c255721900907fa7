package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func (c *company) waiting(t *testing.T) uuid.UUID {
	t.Helper()
	var o ticket.Opened
	c.within(t, func(tx *postgres.Tx) (err error) {
		o, err = c.Rooms.Ticket.Open(t.Context(), tx, ticket.OpenRequest{
			Source: "test", Actor: ticket.BySystem("test"), ProductName: "热水器", RegionID: c.north.ID,
			Customer: ticket.Customer{Name: "王女士", Phone: "13812340001", Address: "人民大道200号"},
		})
		return err
	})
	return o.TicketID
}

func (c *company) holder(t *testing.T, id uuid.UUID) (who uuid.UUID) {
	t.Helper()
	c.within(t, func(tx *postgres.Tx) error {
		s, err := c.Rooms.Ticket.StoryOf(t.Context(), tx, id)
		who = s.Holder
		return err
	})
	return who
}

func TestARoundAssignsWhatWaitsUnlessTheCompanySaysOtherwise(t *testing.T) {
	t.Parallel()
	c := open(t)
	id := c.waiting(t)
	if err := c.Rooms.Account.AssignByItself(t.Context(), c.org.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := c.AssignWaiting(t.Context(), change.Org(c.org.ID)); err != nil || c.holder(t, id) != uuid.Nil {
		t.Errorf("by hand: %v has it, %v", c.holder(t, id), err)
	}
	if err := c.Rooms.Account.AssignByItself(t.Context(), c.org.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := c.AssignWaiting(t.Context(), change.Org(c.org.ID)); err != nil || c.holder(t, id) != c.tech.ID {
		t.Errorf("by itself: %v has it, %v", c.holder(t, id), err)
	}
}

func TestATicketThatBeginsToWaitIsAssignedByAJob(t *testing.T) {
	t.Parallel()
	c := open(t, func(cfg *app.Config) { cfg.WithoutJobs = false })
	done, cancel := c.Jobs().Client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	id := c.waiting(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		select {
		case e := <-done:
			if e.Job.Kind != "assign_ticket" {
				continue
			}
			if e.Kind != river.EventKindJobCompleted {
				t.Fatalf("%v", e.Job.Errors)
			}
			if who := c.holder(t, id); who != c.tech.ID {
				t.Errorf("%v has it", who)
			}
			return
		case <-ctx.Done():
			t.Fatal("no job came")
		}
	}
}
