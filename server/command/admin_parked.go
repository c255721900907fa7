package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type adminParked struct {
	List    parkedList    `cmd:"" help:"List what waits for a decision."`
	Show    parkedShow    `cmd:"" help:"Show one with its payload."`
	Edit    parkedEdit    `cmd:"" help:"Lay an edited payload beside the one that came."`
	Replay  parkedReplay  `cmd:"" help:"Try it again, for its author and at its time."`
	Dismiss parkedDismiss `cmd:"" help:"Close it with a reason; its payload stays."`
}

// decider is whose decision it is.
type decider struct {
	installation
	Org string `arg:"" help:"Company."`
	ID  string `arg:"" help:"Id, from: doorstep admin parked list ORG."`
	As  string `required:"" placeholder:"LOGIN" help:"Whose decision it is: a dispatcher, supervisor or administrator who reaches over the author."`
}

// decide calls the review queue as the person named, with all the limits of that person.
func (d decider) decide(
	ctx context.Context, c Console, do func(ctx context.Context, r app.Rooms, id []byte) error,
) error {
	id, err := uuid.Parse(d.ID)
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "id %.100s", d.ID)
	}
	return d.as(ctx, c, d.Org, d.As, func(ctx context.Context, r app.Rooms) error { return do(ctx, r, id[:]) })
}

// as opens the rooms for fn, which calls them as the person of that login, with all the limits of that person.
func (i installation) as(
	ctx context.Context, c Console, slug, login string, fn func(ctx context.Context, r app.Rooms) error,
) error {
	return i.during(ctx, c, func(r app.Rooms) error {
		org, err := orgOf(ctx, r.Account, slug)
		if err != nil {
			return err
		}
		who := identity.Identity{Org: org.ID}
		if err := r.Store.Read(ctx, change.Org(org.ID), func(tx *postgres.Tx) error {
			u, err := r.Account.UserByLogin(ctx, tx, login)
			if err == nil && u.Disabled {
				err = fault.New(fault.Forbidden, "%s", login)
			}
			who.User = u.ID
			who = who.Holding(u.Grants...)
			return err
		}); err != nil {
			return err
		}
		return fn(identity.With(ctx, who), r)
	})
}

type parkedList struct {
	installation
	Org     string `arg:"" help:"Company."`
	Decided bool   `help:"Also those that were decided."`
	JSON    bool   `help:"Print them whole as JSON."`
}

// Help is shown by --help.
func (parkedList) Help() string { return "  doorstep admin parked list acme" }

// Run lists.
func (l *parkedList) Run(ctx context.Context, c Console) error {
	return l.parked(ctx, c, l.Org, &syncv1.ListParkedRequest{Limit: 200, Decided: l.Decided},
		func(all *syncv1.ListParkedResponse, zone *time.Location) error {
			if l.JSON {
				return c.message(all)
			}
			if len(all.Parked) == 0 {
				if l.Decided {
					c.Say("Nothing was parked.", "没有保留过任何操作。")
				} else {
					c.Say("Nothing waits for a decision.", "没有待处理的项目。")
				}
				return nil
			}
			return table(c, func(row func(...any)) {
				row(columns(c, "id", "编号", "parked", "时间", "by", "人员", "kind", "操作", "parked for", "原因",
					"last replay", "最近重新执行", "waits for", "须先处理", "decided", "处理结果")...)
				for _, p := range all.Parked {
					tried := "-"
					if a := p.LastAttempt; a.GetCode() != "" {
						tried = fmt.Sprintf("%s %s", when(a.At, zone), a.Code)
					}
					decided := "-"
					if p.Resolution != "" {
						decided = fmt.Sprintf(pick(c, "%s by %s", "%s（%s）"), resolution(c, p.Resolution),
							nameOr(p.ResolvedByName, p.ResolvedBy))
					}
					row(uuid.UUID(p.Id), when(p.ParkedAt, zone), nameOr(p.UserName, p.UserId), p.Mutation.Kind, p.Verdict.Code, tried,
						waitsFor(p), decided)
				}
			})
		})
}

// waitsFor is the parked mutation that is to be decided before this one.
func waitsFor(p *syncv1.Parked) string {
	id, err := uuid.FromBytes(p.GetWaitsFor())
	if err != nil {
		return "-"
	}
	return id.String()
}

// nameOr is a person's name, or the id of one who has none any more.
func nameOr(name string, id []byte) string {
	if name != "" {
		return name
	}
	return uuid.UUID(id).String()
}

// resolution says in words what was decided.
func resolution(c Console, r string) string {
	return pick(c, r, map[string]string{"replayed": "已重新执行", "dismissed": "已驳回"}[r])
}

// parked asks the review queue as the operator.
func (i installation) parked(
	ctx context.Context, c Console, slug string, q *syncv1.ListParkedRequest,
	show func(*syncv1.ListParkedResponse, *time.Location) error,
) error {
	return i.asOffice(ctx, c, slug, func(ctx context.Context, r app.Rooms, zone *time.Location) error {
		all := &syncv1.ListParkedResponse{}
		for more := true; more; {
			res, err := r.Delta.ListParked(ctx, connect.NewRequest(q))
			if err != nil {
				return err
			}
			all.Parked = append(all.Parked, res.Msg.Parked...)
			if more = res.Msg.More; more {
				q.After = all.Parked[len(all.Parked)-1].Id
			}
		}
		return show(all, zone)
	})
}

type parkedShow struct {
	installation
	Org  string `arg:"" help:"Company."`
	ID   string `arg:"" help:"Id, from: doorstep admin parked list ORG."`
	JSON bool   `help:"Print it whole as JSON."`
}

// Help is shown by --help.
func (parkedShow) Help() string { return "  doorstep admin parked show acme 0199e0c4-…" }

// Run shows one.
func (s *parkedShow) Run(ctx context.Context, c Console) error {
	id, err := uuid.Parse(s.ID)
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "id %.100s", s.ID)
	}
	return s.parked(ctx, c, s.Org, &syncv1.ListParkedRequest{Id: id[:], Decided: true},
		func(all *syncv1.ListParkedResponse, zone *time.Location) error {
			if len(all.Parked) == 0 {
				return fault.New(fault.NotFound, "%s", id)
			}
			p := all.Parked[0]
			if s.JSON {
				return c.message(p)
			}
			c.Say("%s #%d, done %s by the device's clock",
				"%s #%d，设备时间 %s", p.Mutation.Kind, p.Mutation.Sequence, when(p.Mutation.DeviceTime, zone))
			c.Say("by %s, device %s", "人员 %s，设备 %s", nameOr(p.UserName, p.UserId), uuid.UUID(p.DeviceId))
			c.Say("parked %s for %s: %s",
				"%s 因 %s 待处理：%s", when(p.ParkedAt, zone), p.Verdict.Code, pick(c, p.Verdict.English, p.Verdict.Chinese))
			if before := waitsFor(p); before != "-" {
				c.Say("to be decided after %s, which was done before it", "须先处理更早的操作 %s", before)
			}
			if a := p.LastAttempt; a.GetCode() != "" { // none once a replay was applied
				c.Say("replayed %s, failed again for %s: %s",
					"%s 重新执行，因 %s 仍未成功：%s", when(a.At, zone), a.Code, pick(c, a.English, a.Chinese))
			}
			if p.Payload == "" {
				c.Say("unreadable: %x", "无法解读：%x", p.Mutation.Args)
			} else {
				c.Say("%s\n%s", "%s\n%s", p.Message, p.Payload)
			}
			for _, e := range p.Edits {
				done := ""
				if e.DoneAt != nil {
					done = fmt.Sprintf(pick(c, ", done %s as the office decided", "，公司认定时间 %s"), when(e.DoneAt, zone))
				}
				c.Say("edited %s by %s%s:\n%s", "%s 由 %s 修改%s：\n%s", when(e.At, zone), nameOr(e.UserName, e.UserId),
					done, e.Payload)
			}
			if p.Resolution != "" {
				c.Say("%s %s by %s %s", "%s %s，处理人 %s %s", resolution(c, p.Resolution), when(p.ResolvedAt, zone),
					nameOr(p.ResolvedByName, p.ResolvedBy), p.Reason)
			}
			return nil
		})
}

type parkedEdit struct {
	decider
	Payload string `placeholder:"FILE" help:"JSON of the payload, as parked show prints it; - reads it from the input."`
	Done    string `placeholder:"TIME" help:"When the work was done, of a phone whose clock was wrong: 'received' for when the server got it, or a time of the company's: 2026-11-23T09:30. The phone's own time stays in the trail."`
}

// Help is shown by --help.
func (parkedEdit) Help() string {
	return `  doorstep admin parked edit acme 0199e0c4-… --as dispatch --payload mended.json
  doorstep admin parked edit acme 0199e0c4-… --as dispatch --done received`
}

// Run edits.
func (e *parkedEdit) Run(ctx context.Context, c Console) error {
	var text []byte
	var err error
	switch e.Payload {
	case "":
	case "-":
		text, err = io.ReadAll(io.LimitReader(c.In, 1<<20))
	default:
		text, err = os.ReadFile(e.Payload)
	}
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "%v", err)
	}
	return e.decide(ctx, c, func(ctx context.Context, r app.Rooms, id []byte) error {
		zone, err := zoneOf(ctx, r)
		if err != nil {
			return err
		}
		at, err := e.doneAt(ctx, r, id, zone)
		if err != nil {
			return err
		}
		res, err := r.Delta.EditParked(ctx,
			connect.NewRequest(&syncv1.EditParkedRequest{Id: id, Payload: string(text), DoneAt: at}))
		if err != nil {
			return err
		}
		if at := res.Msg.Edit.DoneAt; at != nil {
			c.Say("done %s, as the office decided", "公司认定时间 %s", when(at, zone))
		}
		_, err = fmt.Fprintln(c.Out, res.Msg.Edit.Payload)
		return err
	})
}

// zoneOf is the time zone of the company that ctx speaks for.
func zoneOf(ctx context.Context, r app.Rooms) (zone *time.Location, err error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	err = r.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		zone, err = r.Account.Zone(ctx, tx)
		return err
	})
	return zone, err
}

// doneAt is when the work was done as the flag says; nil when it says nothing.
func (e *parkedEdit) doneAt(
	ctx context.Context, r app.Rooms, id []byte, zone *time.Location,
) (*timestamppb.Timestamp, error) {
	switch e.Done {
	case "":
		return nil, nil //nolint:nilnil // the wire's word for no time
	case "received":
		res, err := r.Delta.ListParked(ctx, connect.NewRequest(&syncv1.ListParkedRequest{Id: id, Decided: true}))
		if err != nil {
			return nil, err
		}
		if len(res.Msg.Parked) == 0 {
			return nil, fault.New(fault.NotFound, "%s", e.ID)
		}
		return res.Msg.Parked[0].Verdict.ServerTime, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, e.Done, zone); err == nil {
			return timestamppb.New(at), nil
		}
	}
	at, err := time.Parse(time.RFC3339, e.Done)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "--done %.100s: received, or 2026-11-23T09:30", e.Done)
	}
	return timestamppb.New(at), nil
}

type parkedReplay struct{ decider }

// Help is shown by --help.
func (parkedReplay) Help() string {
	return "  doorstep admin parked replay acme 0199e0c4-… --as dispatch"
}

// Run replays.
func (p *parkedReplay) Run(ctx context.Context, c Console) error {
	return p.decide(ctx, c, func(ctx context.Context, r app.Rooms, id []byte) error {
		res, err := r.Delta.ReplayParked(ctx, connect.NewRequest(&syncv1.ReplayParkedRequest{Id: id}))
		if err != nil {
			return err
		}
		v := res.Msg.Verdict
		c.Say("%s %s", "%s %s", outcome(v.Outcome), pick(c, v.English, v.Chinese))
		return nil
	})
}

type parkedDismiss struct {
	decider
	Reason string `required:"" placeholder:"WORDS" help:"Why; its author reads it."`
}

// Help is shown by --help.
func (parkedDismiss) Help() string {
	return `  doorstep admin parked dismiss acme 0199e0c4-… --as dispatch --reason 已电话确认`
}

// Run dismisses.
func (p *parkedDismiss) Run(ctx context.Context, c Console) error {
	return p.decide(ctx, c, func(ctx context.Context, r app.Rooms, id []byte) error {
		_, err := r.Delta.DismissParked(ctx, connect.NewRequest(&syncv1.DismissParkedRequest{Id: id, Reason: p.Reason}))
		if err == nil {
			c.Say("Dismissed; its author is told.", "已驳回，并已告知本人。")
		}
		return err
	})
}
