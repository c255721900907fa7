package phone

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

type poolCmd struct{}

func (poolCmd) Run(p *Phone) error {
	type row struct {
		t       *fieldv1.PoolTicket
		pending bool
	}
	var rows []row
	fetched, err := p.fetch()
	if err != nil {
		return err
	}
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		for _, t := range field.PoolTickets.All(v) {
			rows = append(rows, row{t, field.PoolTickets.Pending(v, t.GetId())})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b row) int {
		if c := a.t.GetWanted().GetEarliest().AsTime().Compare(b.t.GetWanted().GetEarliest().AsTime()); c != 0 {
			return c
		}
		return strings.Compare(a.t.GetNumber(), b.t.GetNumber())
	})
	var ids [][]byte
	out := []any{}
	for _, r := range rows {
		ids = append(ids, r.t.GetId())
		out = append(out, map[string]any{"ticket": raw(r.t), "claiming": r.pending})
	}
	numbers, err := p.number(filePool, ids)
	if err != nil {
		return err
	}
	if p.json {
		p.print(map[string]any{"pool": out})
		return nil
	}
	p.say("抢单池，%s 单", "Pool, %s", p.pick(fmt.Sprint(len(rows)), words.Count(len(rows), "job")))
	for i, r := range rows {
		marks := ""
		if r.t.GetUrgency() == fieldv1.Urgency_URGENCY_RUSH {
			marks = p.paint(red, p.pick(" 加急", " RUSH"))
		}
		if r.pending {
			marks += p.paint(yellow, p.pick(" 抢单中…", " claiming…"))
		}
		p.line("%2d  %s  %s  %s  %s  %s%s", numbers[i], words.Pad(p.window(r.t.GetWanted()), 17), r.t.GetNumber(),
			p.translate(r.t.GetProductName()), r.t.GetArea(), p.paint(bold, money(r.t.GetPays())), marks)
	}
	p.asOf(fetched)
	return nil
}

type claimCmd struct {
	Job string `arg:"" help:"Its place in the pool, or the end of its number."`
}

func (c claimCmd) Run(p *Phone) error {
	numbers := map[string][]byte{}
	var all [][]byte
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		for _, t := range field.PoolTickets.All(v) {
			numbers[t.GetNumber()] = t.GetId()
			all = append(all, t.GetId())
		}
		return nil
	})
	if err != nil {
		return err
	}
	list := p.listed(filePool).IDs
	if list == nil {
		list = all
	}
	id, err := named(c.Job, list, numbers)
	if err != nil {
		return err
	}
	if err := p.remember(fileCurrent, id); err != nil {
		return err
	}
	for number, one := range numbers {
		if bytes.Equal(one, id) {
			if err := p.noteAbout(about{Number: number}, id); err != nil {
				return err
			}
		}
	}
	return act(p, field.ClaimPoolTicket, &fieldv1.ClaimPoolTicket{TicketId: id}, nil)
}
