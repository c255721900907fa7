package command

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/idjson"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// asOperator reads at one snapshot of a company as who runs the installation may: everything.
func (i installation) asOperator(
	ctx context.Context, c Console, slug string, read func(app.Rooms, *postgres.Tx, identity.Reach) error,
) error {
	return i.during(ctx, c, func(r app.Rooms) error {
		org, err := orgOf(ctx, r.Account, slug)
		if err != nil {
			return err
		}
		return r.Store.Read(ctx,
			change.Org(org.ID), func(tx *postgres.Tx) error { return read(r, tx, identity.Reach{All: true}) })
	})
}

// asOffice lets fn call the rooms as an administrator of the whole company. No transaction is open then: the calls
// begin their own.
func (i installation) asOffice(
	ctx context.Context, c Console, slug string, fn func(context.Context, app.Rooms, *time.Location) error,
) error {
	return i.during(ctx, c, func(r app.Rooms) error {
		org, err := orgOf(ctx, r.Account, slug)
		if err != nil {
			return err
		}
		who := identity.Identity{Org: org.ID}.Holding(identity.Grant{Role: identity.Admin, Scope: identity.ScopeOrg})
		ctx := identity.With(ctx, who)
		zone, err := zoneOf(ctx, r)
		if err != nil {
			return err
		}
		return fn(ctx, r, zone)
	})
}

type adminWhy struct {
	installation
	Org    string `arg:"" help:"Company."`
	Who    string `arg:"" help:"Device or technician: an id, a login, a name or a badge."`
	Ticket string `arg:"" help:"Ticket: its id or number, or a code on it or on its unit."`
	JSON   bool   `help:"Print the whole answer as JSON."`
}

// Help is shown by doorstep admin why --help.
func (adminWhy) Help() string {
	return `Says why a phone has or lacks a ticket, through which feed and since when, and whether its next sync will change that.

  doorstep admin why acme 李师傅 T-26112300017
  doorstep admin why acme A017 7KQ2-M4XD --json`
}

// Run explains.
func (w *adminWhy) Run(ctx context.Context, c Console) error {
	return w.asOperator(ctx, c, w.Org, func(r app.Rooms, tx *postgres.Tx, reach identity.Reach) error {
		a, err := r.Explain.Why(ctx, tx, reach, w.Who, w.Ticket)
		if err != nil {
			return err
		}
		if w.JSON {
			return c.message(a)
		}
		zone, err := r.Account.Zone(ctx, tx)
		if err != nil {
			return err
		}
		c.why(a, zone)
		return nil
	})
}

func (c Console) why(a *officev1.WhyResponse, zone *time.Location) {
	c.Say("%s · %s", "%s · %s", a.UserName, a.TicketNumber)
	for _, f := range a.Findings {
		c.finding("", f, zone)
	}
	for _, s := range a.Standings {
		how := pick(c, "stands there", "在内")
		if s.Removed {
			how = pick(c, "left", "已移出")
		}
		if s.Masked {
			how += pick(c, ", masked", "，已脱敏")
		}
		by := ""
		if s.Event != "" {
			by = fmt.Sprintf(pick(c, ", by %s of %s", "，%s（%s）"), s.Event, s.Actor)
		}
		c.Say("  feed %s, entry %d: %s, written %s%s",
			"  数据 %s 第 %d 条：%s，写于 %s%s", s.Feed, s.Sequence, how, when(s.WrittenAt, zone), by)
	}
	for _, p := range a.Phones {
		c.Say("%s %s, last contact %s", "%s %s，最近联系 %s", p.Name, uuid.UUID(p.DeviceId), when(p.LastContact, zone))
		for _, f := range p.Findings {
			c.finding("  ", f, zone)
		}
	}
}

func (c Console) finding(indent string, f *officev1.Finding, zone *time.Location) {
	since := ""
	if f.Since != nil {
		since = " (" + when(f.Since, zone) + ")"
	}
	c.Say("%s- %s%s", "%s- %s%s", indent, label(c, f.Text), since)
}

func label(c Console, l *typesv1.Label) string { return pick(c, l.GetEn(), l.GetZh()) }

// when is a time as all commands write it: the company's, with how far that is from UTC.
func when(t *timestamppb.Timestamp, zone *time.Location) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().In(zone).Format("2006-01-02 15:04:05 -07:00")
}

// message prints an answer as JSON, indented, with ids as the other commands take them.
func (c Console) message(m proto.Message) error {
	b, err := idjson.Marshal(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Out, "%s\n", b)
	return err
}

type deviceShow struct {
	installation
	Org    string `arg:"" help:"Company."`
	Device string `arg:"" help:"Device's id, from: doorstep admin device list ORG."`
	Limit  int    `default:"20" help:"How many of its actions, the newest (${default})."`
	Before uint64 `help:"Only actions before this number, for the next page."`
	JSON   bool   `help:"Print the whole answer as JSON."`
}

// Help is shown by doorstep admin device show --help.
func (deviceShow) Help() string {
	return `Last contact, clock, how far behind each feed, what it has not sent as it last said, and the verdicts of what it sent.

  doorstep admin device show acme 0199e0c4-…`
}

// Run shows the device.
func (d *deviceShow) Run(ctx context.Context, c Console) error {
	id, err := uuid.Parse(d.Device)
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "device %.100s", d.Device)
	}
	return d.asOperator(ctx, c, d.Org, func(r app.Rooms, tx *postgres.Tx, reach identity.Reach) error {
		a, err := r.Explain.Device(ctx, tx, reach, id, d.Limit, d.Before)
		if err != nil {
			return err
		}
		if d.JSON {
			return c.message(a)
		}
		zone, err := r.Account.Zone(ctx, tx)
		if err != nil {
			return err
		}
		return c.device(a, zone)
	})
}

func (c Console) device(a *officev1.GetDeviceResponse, zone *time.Location) error {
	c.Say("%s · %s · %s", "%s · %s · %s", a.UserName, a.Name, a.AppVersion)
	c.Say("enrolled %s, last contact %s, last pull %s",
		"登记 %s，最近联系 %s，最近同步 %s", when(a.EnrolledAt, zone), when(a.LastContact, zone), when(a.LastPull, zone))
	if a.RevokedAt != nil {
		c.Say("out of service since %s (%s)", "已停用，自 %s（%s）", when(a.RevokedAt, zone), a.RevokedFor)
	}
	if a.ClockAheadMs != nil {
		ahead := time.Duration(*a.ClockAheadMs) * time.Millisecond
		if ahead < 0 {
			c.Say("clock behind the office's by %s", "时钟比公司慢 %s", -ahead)
		} else {
			c.Say("clock ahead of the office's by %s", "时钟比公司快 %s", ahead)
		}
	}
	oldest := ""
	if a.OldestUnsent != nil {
		oldest = fmt.Sprintf(pick(c, ", the oldest of %s", "，最早 %s"), when(a.OldestUnsent, zone))
	}
	c.Say("unsent as it last said: %d%s; parked: %d", "最近报告未送达 %d 项%s；待人工处理 %d 项", a.Unsent, oldest, a.Parked)
	if err := table(c, func(row func(...any)) {
		for _, f := range a.Feeds {
			how := fmt.Sprintf(pick(c, "%d behind", "落后 %d 条"), f.Behind)
			if f.Anew {
				how = pick(c, "comes anew", "将重新下发")
			}
			row("  "+f.Feed, fmt.Sprintf(pick(c, "holds %d of %d", "已读 %d / %d"), f.Held, f.Head), how)
		}
	}); err != nil {
		return err
	}
	return table(c, func(row func(...any)) {
		for _, m := range a.Mutations {
			v := m.Verdict
			row(fmt.Sprintf("  #%d", v.Sequence), when(m.DeviceTime, zone), m.Kind, outcome(v.Outcome), v.Code, m.Parked)
		}
	})
}

func outcome(o syncv1.Outcome) string { return change.Outcome(o).String() }
