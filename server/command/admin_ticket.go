package command

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/phone"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type adminTicket struct {
	List    ticketList    `cmd:"" help:"List tickets, also those that lack details or that nobody fits."`
	Contact ticketContact `cmd:"" help:"Fill in who and where the customer is."`
	NoShow  ticketNoShow  `cmd:"" name:"no-show" help:"Say that the technician did not come; the ticket is assigned anew."`
}

type ticketList struct {
	installation
	Org          string `arg:"" help:"Company."`
	NeedsDetails bool   `help:"Only those that lack a name, a phone number or an address. Nobody is sent there."`
	Unassignable bool   `help:"Only those for which the rules found no technician, with the reason."`
	Unassigned   bool   `help:"Only those without a technician."`
	Limit        int    `default:"50" help:"How many, the newest (${default})."`
	JSON         bool   `help:"Print them whole as JSON."`
}

// Help is shown by --help.
func (ticketList) Help() string {
	return `  doorstep admin ticket list acme
  doorstep admin ticket list acme --needs-details
  doorstep admin ticket list acme --unassignable`
}

// Run lists.
func (l *ticketList) Run(ctx context.Context, c Console) error {
	return l.asOffice(ctx, c, l.Org, func(ctx context.Context, r app.Rooms, zone *time.Location) error {
		all := &officev1.ListTicketsResponse{}
		q := &officev1.ListTicketsRequest{
			NeedsDetails: l.NeedsDetails, Unassignable: l.Unassignable,
			Unassigned: l.Unassigned,
		}
		for left := l.Limit; left > 0; left = l.Limit - len(all.Tickets) {
			q.Limit = uint32(min(left, 200)) //nolint:gosec // 1 to 200
			res, err := r.TicketOffice.ListTickets(ctx, connect.NewRequest(q))
			if err != nil {
				return err
			}
			all.Tickets = append(all.Tickets, res.Msg.GetTickets()...)
			if len(res.Msg.GetTickets()) < int(q.GetLimit()) {
				break
			}
			q.After = all.Tickets[len(all.Tickets)-1].GetId()
		}
		if l.JSON {
			return c.message(all)
		}
		return printTickets(c, all.GetTickets(), zone)
	})
}

func printTickets(c Console, all []*officev1.TicketSummary, zone *time.Location) error {
	if len(all) == 0 {
		c.Say("There are no such tickets.", "没有符合条件的工单。")
		return nil
	}
	return table(c, func(row func(...any)) {
		row(columns(c, "ticket", "工单", "opened", "开单时间", "state", "状态", "product", "产品", "customer", "客户", "area", "区域",
			"technician", "师傅", "open point", "待处理")...)
		for _, t := range all {
			row(t.GetNumber(), when(t.GetOpenedAt(), zone), phone.TicketWord(t.GetState(), c.Chinese()),
				orDash(t.GetProductName()),
				orDash(t.GetCustomerName()), orDash(t.GetArea()), orDash(t.GetTechnicianName()), orDash(openPoint(c, t)))
		}
	})
}

// openPoint is why nobody can go there yet.
func openPoint(c Console, t *officev1.TicketSummary) string {
	if len(t.GetNeeds()) > 0 {
		words := map[string]string{"name": "姓名", "phone": "电话", "address": "地址", "confirmation": "确认"}
		var lacks []string
		for _, n := range t.GetNeeds() {
			lacks = append(lacks, pick(c, n, words[n]))
		}
		return pick(c, "lacks ", "缺少") + strings.Join(lacks, pick(c, ", ", "、"))
	}
	return pick(c, t.GetUnassigned().GetEn(), t.GetUnassigned().GetZh())
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// ticketChange is a change of one ticket, and who makes it.
type ticketChange struct {
	installation
	Org    string `arg:"" help:"Company."`
	Ticket string `arg:"" help:"Ticket: its number or id."`
	As     string `required:"" placeholder:"LOGIN" help:"Who does it: a dispatcher, supervisor or administrator over the ticket."`
}

// on calls fn for the ticket as that person.
func (t *ticketChange) on(
	ctx context.Context, c Console, fn func(context.Context, app.Rooms, []byte) (*officev1.TicketSummary, error),
) error {
	return t.as(ctx, c, t.Org, t.As, func(ctx context.Context, r app.Rooms) error {
		who, err := identity.Require(ctx)
		if err != nil {
			return err
		}
		id, err := uuid.Parse(t.Ticket)
		if err != nil {
			if err := r.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) (err error) {
				id, err = r.Ticket.ByNumber(ctx, tx, strings.ToUpper(t.Ticket))
				return err
			}); err != nil {
				return err
			}
		}
		is, err := fn(ctx, r, id[:])
		if err != nil {
			return err
		}
		point := openPoint(c, is)
		if point != "" {
			point = pick(c, "; ", "；") + point
		}
		c.Say("%s: %s%s", "%s：%s%s", is.GetNumber(), phone.TicketWord(is.GetState(), c.Chinese()), point)
		return nil
	})
}

type ticketContact struct {
	ticketChange
	Name      string   `help:"The customer's name."`
	Phone     string   `help:"The customer's phone number."`
	Address   string   `help:"City, street, house and door."`
	Latitude  *float64 `help:"Where the address is, WGS-84; with --longitude."`
	Longitude *float64 `help:"Where the address is, WGS-84; with --latitude."`
	Region    string   `help:"The region whose technicians go there: its name or id."`
	Confirmed bool     `help:"It is a job of its own, though the unit has a ticket in work."`
}

// Help is shown by --help.
func (ticketContact) Help() string {
	return `What is not given stays as it is. Once nothing is lacking, the ticket is assigned like any other.

  doorstep admin ticket contact acme T-26112300017 --phone 13800000001 --as dispatch`
}

// Run fills it in.
func (t *ticketContact) Run(ctx context.Context, c Console) error {
	return t.on(ctx, c, func(ctx context.Context, r app.Rooms, id []byte) (*officev1.TicketSummary, error) {
		m := &officev1.SetTicketContactRequest{
			Id: id, CustomerName: t.Name, CustomerPhone: t.Phone, Address: t.Address, Confirmed: t.Confirmed,
		}
		if (t.Latitude == nil) != (t.Longitude == nil) {
			return nil, fault.New(fault.InvalidArgument, "position: --latitude and --longitude go together")
		}
		if t.Latitude != nil {
			m.Position = &typesv1.Position{Latitude: *t.Latitude, Longitude: *t.Longitude}
		}
		if t.Region != "" {
			region, err := regionNamed(ctx, r, t.Region)
			if err != nil {
				return nil, err
			}
			m.RegionId = region
		}
		res, err := r.TicketOffice.SetTicketContact(ctx, connect.NewRequest(m))
		if err != nil {
			return nil, err
		}
		return res.Msg.GetTicket(), nil
	})
}

func regionNamed(ctx context.Context, r app.Rooms, name string) ([]byte, error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	var place account.Place
	err = r.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		places, err := r.Account.Places(ctx, tx)
		if err == nil {
			place, err = placeNamed(places, name, identity.ScopeRegion)
		}
		return err
	})
	return place.ID[:], err
}

type ticketNoShow struct {
	ticketChange
	Reason string `arg:"" help:"Why, in words."`
}

// Help is shown by --help.
func (ticketNoShow) Help() string {
	return "  doorstep admin ticket no-show acme T-26112300017 '客户来电，师傅未到' --as dispatch"
}

// Run marks it.
func (t *ticketNoShow) Run(ctx context.Context, c Console) error {
	return t.on(ctx, c, func(ctx context.Context, r app.Rooms, id []byte) (*officev1.TicketSummary, error) {
		res, err := r.TicketOffice.MarkNoShow(ctx, connect.NewRequest(&officev1.MarkNoShowRequest{Id: id, Reason: t.Reason}))
		if err != nil {
			return nil, err
		}
		return res.Msg.GetTicket(), nil
	})
}
