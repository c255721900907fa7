package command

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type adminCustomer struct {
	List    customerList    `cmd:"" help:"List what was said of customers and waits for a decision."`
	Accept  customerAccept  `cmd:"" help:"Take it over into the customer's record."`
	Dismiss customerDismiss `cmd:"" help:"Leave the record as it is."`
}

type customerList struct {
	installation
	Org     string `arg:"" help:"Company."`
	Decided bool   `help:"Also those that were decided."`
	JSON    bool   `help:"Print them whole as JSON."`
}

// Help is shown by --help.
func (customerList) Help() string {
	return `What a booking, or a shop that does not keep the customer, said of a customer whom the company knows already. The
ticket carries what was said; the customer's record stays until somebody takes it over.

  doorstep admin customer list acme`
}

// Run lists.
func (l *customerList) Run(ctx context.Context, c Console) error {
	return l.asOffice(ctx, c, l.Org, func(ctx context.Context, r app.Rooms, zone *time.Location) error {
		q, all := &officev1.ListCustomerProposalsRequest{Limit: 200, Decided: l.Decided},
			&officev1.ListCustomerProposalsResponse{}
		for {
			res, err := r.Order.Service().ListCustomerProposals(ctx, connect.NewRequest(q))
			if err != nil {
				return err
			}
			all.Proposals = append(all.Proposals, res.Msg.GetProposals()...)
			if len(res.Msg.GetProposals()) < int(q.GetLimit()) {
				break
			}
			q.After = all.GetProposals()[len(all.GetProposals())-1].GetId()
		}
		if l.JSON {
			return c.message(all)
		}
		return printProposals(c, all.GetProposals(), zone)
	})
}

func printProposals(c Console, all []*officev1.CustomerProposal, zone *time.Location) error {
	if len(all) == 0 {
		c.Say("Nothing waits for a decision.", "没有待处理的项目。")
		return nil
	}
	return table(c, func(row func(...any)) {
		row(pick(c, "id", "编号"), pick(c, "said", "时间"), pick(c, "by", "来源"), pick(c, "order", "订单"), pick(c, "record",
			"现有资料"), pick(c, "said of the customer", "提出的变更"),
			pick(c, "decided", "处理结果"))
		for _, p := range all {
			decided := "-"
			if p.GetDecision() != "" {
				decided = pick(c, p.GetDecision(), map[string]string{"accepted": "已采纳", "dismissed": "已忽略"}[p.GetDecision()])
			}
			is := p.GetRecord()
			row(uuid.UUID(p.GetId()), when(p.GetAt(), zone), p.GetSource(), p.GetOrderNumber(),
				spoken(c, is.GetName(), is.GetAddress(), is.GetVip()), spoken(c, p.GetName(), p.GetAddress(), p.GetVip()), decided)
		}
	})
}

// spoken says what is known of a customer in a few words.
func spoken(c Console, name, address string, vip bool) string {
	var words []string
	if name != "" {
		words = append(words, name)
	}
	if address != "" {
		words = append(words, address)
	}
	if vip {
		words = append(words, "VIP")
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, pick(c, ", ", "，"))
}

// customerDecider is whose decision it is.
type customerDecider struct {
	installation
	Org string `arg:"" help:"Company."`
	ID  string `arg:"" help:"Id, from: doorstep admin customer list ORG."`
	As  string `required:"" placeholder:"LOGIN" help:"Whose decision it is: a dispatcher, supervisor or administrator over the order, or the technician who has met the customer."`
}

type customerAccept struct{ customerDecider }

// Help is shown by --help.
func (customerAccept) Help() string {
	return "  doorstep admin customer accept acme 0199e0c4-… --as dispatch"
}

// Run accepts.
func (a *customerAccept) Run(ctx context.Context, c Console) error {
	id, err := idArgument(a.ID)
	if err != nil {
		return err
	}
	return a.as(ctx, c, a.Org, a.As, func(ctx context.Context, r app.Rooms) error {
		res, err := r.Order.Service().AcceptCustomerProposal(ctx,
			connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: id}))
		if err != nil {
			return err
		}
		if is := res.Msg.GetProposal().GetRecord(); is != nil {
			c.Say("The customer's record now says: %s", "客户资料已更新：%s", spoken(c, is.GetName(), is.GetAddress(), is.GetVip()))
			return nil
		}
		c.Say("The customer's record has it now.", "已采纳到客户资料。") // who may not see the record is told so much
		return nil
	})
}

type customerDismiss struct{ customerDecider }

// Help is shown by --help.
func (customerDismiss) Help() string {
	return "  doorstep admin customer dismiss acme 0199e0c4-… --as dispatch"
}

// Run dismisses.
func (d *customerDismiss) Run(ctx context.Context, c Console) error {
	id, err := idArgument(d.ID)
	if err != nil {
		return err
	}
	return d.as(ctx, c, d.Org, d.As, func(ctx context.Context, r app.Rooms) error {
		_, err := r.Order.Service().DismissCustomerProposal(ctx,
			connect.NewRequest(&officev1.DismissCustomerProposalRequest{Id: id}))
		if err == nil {
			c.Say("Dismissed; the record stays as it is.", "已忽略，客户资料保持不变。")
		}
		return err
	})
}

// idArgument reads an id that was typed.
func idArgument(text string) ([]byte, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "id %.100s", text)
	}
	return id[:], nil
}
