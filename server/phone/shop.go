package phone

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
)

// fileShop keeps the numbers of a clerk's list.
const fileShop = "shop.json"

// shop lists the tickets in work of a clerk's shop, the newest first.
func (p *Phone) shop(fetched bool) error {
	var open []*storev1.OpenTicket
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		open = field.OpenTickets.All(v)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(open, func(a, b *storev1.OpenTicket) int {
		return cmp.Or(b.GetOpenedAt().AsTime().Compare(a.GetOpenedAt().AsTime()), cmp.Compare(a.GetNumber(), b.GetNumber()))
	})
	if p.json {
		out := []any{}
		for _, t := range open {
			out = append(out, raw(t))
		}
		p.print(map[string]any{"open": out})
		return nil
	}
	ids := make([][]byte, len(open))
	for i, t := range open {
		ids[i] = t.GetId()
	}
	numbers, err := p.number(fileShop, ids)
	if err != nil {
		return err
	}
	p.say("本店进行中的工单，%s 单", "Open tickets of the shop: %s", p.pick(fmt.Sprint(len(open)), words.Count(len(open), "ticket")))
	for i, t := range open {
		p.line("%2d  %s  %s  %s  %s  %s %s", numbers[i], p.clock(t.GetOpenedAt()), number(t),
			words.Pad(TicketWord(t.GetState(), p.lang == "zh"), 8), p.translate(t.GetProductName()),
			t.GetCustomerName(), t.GetCustomerPhone())
	}
	u, err := p.store.Unsent(p.ctx)
	if err != nil {
		return err
	}
	if !u.Empty() {
		p.unsentLine(u)
	}
	p.asOf(fetched)
	return p.attention()
}
