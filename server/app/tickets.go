package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/dispatch"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// tickets makes the rooms of tickets, dispatch and the catalogue. A completed visit accrues its pay, an approved
// ticket posts it, a rework claws it back: each in the transaction of the ticket.
func (a *App) tickets(r *Rooms) {
	accounts, pays := r.Account, r.Pay
	t := &ticket.Tickets{Store: r.Store, Zone: accounts.Zone, Language: accounts.Language, Relate: accounts.Relate}
	r.Ticket = t
	r.Catalogue = &catalogue.Catalogue{
		Store: r.Store, Now: a.config.Now, PutTemplate: t.PutTemplate, ListTemplates: t.ListTemplates,
		PutReason: t.PutReason, ListReasons: t.ListReasons, Currency: currency(accounts),
	}
	pays.LockTicket = t.Lock
	t.Technician = technician(accounts)
	t.Product = product(r.Catalogue)
	t.PriceItem = priceItem(r.Catalogue)
	t.StoreName = func(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (string, uuid.UUID, error) {
		p, err := accounts.Shop(ctx, tx, store)
		return p.NameZH, p.Region, err
	}
	t.Unsent = func(ctx context.Context, tx *postgres.Tx) ([]uuid.UUID, error) {
		return accounts.Unsent(ctx, tx, tx.Now().AddDate(0, 0, -a.config.TombstoneDays))
	}
	facts := factsOf(r.Catalogue)
	t.Pays = func(ctx context.Context, tx *postgres.Tx, c ticket.Completion) (money.Amount, error) {
		f, err := facts(ctx, tx, c)
		if err != nil {
			return money.Amount{}, err
		}
		f.Completed, f.Payees = tx.Now(), nil
		total, _, err := pays.Estimate(ctx, tx, f)
		return total, err
	}
	t.Completed = func(ctx context.Context, tx *postgres.Tx, c ticket.Completion) error {
		f, err := facts(ctx, tx, c)
		if err != nil {
			return err
		}
		if err := pays.Accrue(ctx, tx, c.VisitID, f); err != nil {
			return err
		}
		return r.Code.TicketCompleted(ctx, tx, c.TicketID)
	}
	t.Approved = func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, _ string) error {
		return pays.Approve(ctx, tx, id)
	}
	t.Reworked = pays.Clawback
	pays.Confirmed = func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
		return t.SetMoney(ctx, tx, id, state.Posted, ticket.BySystem("pay"))
	}
	board := &dispatch.Board{
		Store: r.Store, Waiting: t.Waiting, Job: t.Job, Loads: t.Loads, Choose: t.Choose, Zone: accounts.Zone, Candidates: candidates(accounts),
		Take: t.Take, Unfit: t.Unfit, Region: regionName(accounts),
	}
	r.board, t.RegionName, t.Waits = board, board.Region, a.waits
	t.Propose, t.AutoAssign = board.Propose, board.Auto
}

// regionName names a region; NotFound for an unknown one.
func regionName(accounts *account.Accounts) func(context.Context, *postgres.Tx, uuid.UUID) (string, string, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (chinese, english string, err error) {
		all, err := accounts.Places(ctx, tx)
		for _, p := range all {
			if p.Kind == identity.ScopeRegion && p.ID == id {
				return p.NameZH, p.NameEN, nil
			}
		}
		if err == nil {
			err = fault.New(fault.NotFound, "region")
		}
		return "", "", err
	}
}

func technician(accounts *account.Accounts) func(context.Context, *postgres.Tx, uuid.UUID) (ticket.Technician, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (ticket.Technician, error) {
		t, err := accounts.Technician(ctx, tx, id)
		return ticket.Technician{ID: t.ID, Name: t.NameZH, Badge: t.Badge, Active: !t.Disabled, Teams: t.Teams}, err
	}
}

// candidates are the technicians whom dispatch may choose from, with their working hours.
func candidates(accounts *account.Accounts) func(context.Context, *postgres.Tx, uuid.UUID) ([]score.Technician, error) {
	return func(ctx context.Context, tx *postgres.Tx, region uuid.UUID) ([]score.Technician, error) {
		zone, err := accounts.Zone(ctx, tx)
		if err != nil {
			return nil, err
		}
		all, err := accounts.Technicians(ctx, tx, account.TechnicianFilter{Region: region})
		out := make([]score.Technician, len(all))
		for i, t := range all {
			out[i] = score.Technician{
				ID: t.ID, Name: t.NameZH, Skills: t.Skills, Capacity: t.DailyCapacity, Gold: t.Gold,
				Hours: score.Hours{From: time.Duration(t.DayStart) * time.Minute, To: time.Duration(t.DayEnd) * time.Minute, Zone: zone},
			}
			if t.Home != nil {
				out[i].Home = &score.Point{Latitude: t.Home.Latitude, Longitude: t.Home.Longitude}
			}
		}
		return out, err
	}
}

func product(c *catalogue.Catalogue) func(context.Context, *postgres.Tx, uuid.UUID) (ticket.Product, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (ticket.Product, error) {
		p, ok, err := c.Product(ctx, tx, id)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "product")
		}
		if err != nil {
			return ticket.Product{}, err
		}
		out := ticket.Product{Name: p.GetName().GetZh(), Model: p.GetModel(), ClassID: idOf(p.GetClassId()), WarrantyMonths: int(p.GetWarrantyMonths())}
		class, ok, err := c.Class(ctx, tx, out.ClassID)
		if err != nil || !ok {
			return out, err
		}
		out.TemplateID, out.Skills = idOf(class.GetTemplateId()), class.GetSkills()
		out.Duration = time.Duration(class.GetDurationMinutes()) * time.Minute
		return out, nil
	}
}

func priceItem(c *catalogue.Catalogue) func(context.Context, *postgres.Tx, uuid.UUID, time.Time) (ticket.PriceItem, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time) (ticket.PriceItem, error) {
		p, ok, err := c.PriceItem(ctx, tx, id, at)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "price item")
		}
		if err != nil {
			return ticket.PriceItem{}, err
		}
		price := money.Amount{Minor: p.GetPrice().GetMinor(), Currency: money.Currency(p.GetPrice().GetCurrency())}
		return ticket.PriceItem{Kind: p.GetKind(), Name: p.GetName().GetZh(), Price: price}, nil
	}
}

// factsOf turns what the ticket room knows of a completed job into what a pay plan asks.
func factsOf(c *catalogue.Catalogue) func(context.Context, *postgres.Tx, ticket.Completion) (plan.Facts, error) {
	return func(ctx context.Context, tx *postgres.Tx, job ticket.Completion) (plan.Facts, error) {
		f := plan.Facts{
			Ticket: job.TicketID, Number: job.Number, Rework: job.ReworkOf != uuid.Nil, Ordered: job.OrderedAt, Opened: job.OpenedAt, Completed: job.CompletedAt,
			Payees: []plan.Share{{Payee: job.TechnicianID, Weight: 1}},
		}
		class, ok, err := c.Class(ctx, tx, job.ClassID)
		if err != nil {
			return f, err
		}
		if ok {
			f.Class = class.GetKey()
		}
		for _, charge := range job.Charges {
			item := plan.Item{Name: charge.Name, Quantity: int64(charge.Quantity), UnitPrice: charge.UnitPrice}
			p, ok, err := c.PriceItem(ctx, tx, charge.PriceItemID, tx.Now())
			if err != nil {
				return f, err
			}
			if ok {
				item.SKU = p.GetSku()
			}
			if charge.Kind == fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART {
				f.Parts = append(f.Parts, item)
			} else {
				f.Surcharges = append(f.Surcharges, item)
			}
		}
		return f, nil
	}
}

// idOf reads an id of our own messages; nothing else can be in them.
func idOf(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil
	}
	return id
}
