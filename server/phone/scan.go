package phone

import (
	"unicode"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/store/v1/storev1connect"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type scanCmd struct {
	Text string `arg:"" help:"What the scanner read: a link, an EAN, a short code."`
}

func (c scanCmd) Run(p *Phone) error {
	found, err := p.resolve(c.Text)
	local := false
	if err != nil && waits(err) {
		local = true
		found, err = p.resolveHere(c.Text)
	}
	if err != nil {
		return err
	}
	if p.json {
		p.print(map[string]any{"found": raw(found), "offline": local})
		return nil
	}
	if local {
		p.say(p.paint(yellow, "离线：只看本机已有的资料"), p.paint(yellow, "offline: only what this phone holds"))
	}
	p.whatCode(found)
	if found.GetProduct() != nil || found.GetSerial() != "" {
		p.line(p.paint(bold, p.label(found.GetProduct().GetName()))+"  %s  %s", found.GetProduct().GetModel(),
			found.GetSerial())
	}
	if u := found.GetUnit(); u != nil {
		p.say("门店 %s  购于 %s  保修至 %s  订单 %s", "shop %s  bought %s  warranty until %s  order %s",
			found.GetStoreName(), p.date(u.GetPurchasedAt()), p.date(u.GetWarrantyUntil()), u.GetOrderNumber())
	}
	if t := found.GetOpenTicket(); t != nil {
		p.say(p.paint(yellow, "已有进行中的工单 %s（%s）"), p.paint(yellow, "a ticket is open already: %s (%s)"), number(t),
			TicketWord(t.GetState(), p.lang == "zh"))
	}
	for _, h := range found.GetHistory() {
		p.line("  %s %s %s %s", h.GetNumber(), p.clock(h.GetAt()), TicketWord(h.GetState(), p.lang == "zh"),
			p.translate(h.GetSummary()))
	}
	for _, i := range found.GetParts() {
		p.line("  %s %s %s", i.GetSku(), p.label(i.GetName()), money(i.GetPrice()))
	}
	return nil
}

// whatCode says what a code is that is not a product's.
func (p *Phone) whatCode(found *storev1.ResolveCodeResponse) {
	switch found.GetKind() {
	case storev1.CodeKind_CODE_KIND_ENTRY:
		p.say("报装入口码：%s。顾客扫此码自助报装", "a code for customers, of %s: they scan it to book", p.orShop(found.GetStoreName()))
	case storev1.CodeKind_CODE_KIND_TICKET:
		if found.GetOpenTicket() == nil {
			p.say("工单码；该工单不在您的范围内，或已完结", "the code of a job that is closed, or not one of yours")
		}
	}
}

// orShop is a shop's name, or a word when it is not known.
func (p *Phone) orShop(name string) string {
	if name == "" {
		return p.pick("门店", "the shop")
	}
	return name
}

func number(t *storev1.OpenTicket) string {
	if t.GetNumber() == "" {
		return "(" + short(t.GetId()) + ")"
	}
	return t.GetNumber()
}

// resolve asks the office.
func (p *Phone) resolve(text string) (*storev1.ResolveCodeResponse, error) {
	return ask(p, storev1connect.NewCodeServiceClient, storev1connect.CodeServiceClient.ResolveCode,
		&storev1.ResolveCodeRequest{Scanned: text})
}

// resolveHere looks among what the phone holds.
func (p *Phone) resolveHere(text string) (*storev1.ResolveCodeResponse, error) {
	out := &storev1.ResolveCodeResponse{}
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		out.Unit = field.FindUnit(v, text, "")
		if out.Unit != nil {
			out.Serial, out.OpenTicket = out.Unit.GetSerial(), field.OpenTicketOf(v, out.Unit.GetId())
			out.Product = field.Products.Get(v, out.Unit.GetProductId())
			return nil
		}
		label, err := gs1.Parse(text)
		if err != nil {
			return err
		}
		for _, one := range field.Products.All(v) {
			if one.GetGtin() == string(label.GTIN) {
				out.Product, out.Serial = one, label.Serial
			}
		}
		return nil
	})
	if err == nil && out.Product == nil {
		err = fault.New(token.CodeUnknown, "")
	}
	return out, err
}

type openCmd struct {
	Text    string `arg:"" help:"What the scanner read: a link, an EAN, a short code."`
	Serial  string `help:"Serial number, when the code carries none."`
	Name    string `help:"The customer's name."`
	Phone   string `help:"The customer's phone number."`
	Address string `help:"Where to install."`
	Store   string `help:"Id of the shop; your own when absent." placeholder:"UUID"`
}

func (c openCmd) Run(p *Phone) error {
	if n := digitsIn(c.Phone); c.Phone != "" && (n < 7 || n > 15) {
		return fault.New(PhoneNumberWrong, "%s", c.Phone)
	}
	shop := p.myStore()
	if c.Store != "" {
		id, err := uuid.Parse(c.Store)
		if err != nil {
			return fault.New(fault.InvalidArgument, "--store %s", c.Store)
		}
		shop = id[:]
	}
	if shop == nil {
		return fault.New(fault.InvalidArgument, "--store")
	}
	id, err := newID()
	if err != nil {
		return err
	}
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		if u := field.FindUnit(v, c.Text, c.Serial); u != nil {
			if t := field.OpenTicketOf(v, u.GetId()); t != nil {
				p.note("已有进行中的工单 %s", "a ticket is open already: %s", number(t))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return act(p, field.OpenTicketByScan, &storev1.OpenTicketByScan{
		TicketId: id, StoreId: shop, Scanned: c.Text, Serial: c.Serial, CustomerName: c.Name, CustomerPhone: c.Phone,
		Address: c.Address,
	}, func() { p.sayOpened(id, c.Text, c.Serial) })
}

// sayOpened says under which number the office has the ticket, or that the number comes with the next sync.
func (p *Phone) sayOpened(id []byte, scanned, serial string) {
	number := ""
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		number = field.OpenTickets.Get(v, id).GetNumber()
		if u := field.FindUnit(v, scanned, serial); number == "" && u != nil {
			number = field.OpenTicketOf(v, u.GetId()).GetNumber() // another scan of the piece was first
		}
		return nil
	})
	if err != nil || number == "" {
		p.say("工单已开，单号同步后生成", "the ticket is open; its number comes with the next sync")
		return
	}
	p.say("工单 %s", "ticket %s", number)
}

// digitsIn counts the digits of a typed number.
func digitsIn(typed string) (n int) {
	for _, r := range typed {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
