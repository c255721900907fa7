package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type liveCmd struct {
	Scope  string        `help:"Board to watch: team, region, org; none." enum:"team,region,org,none" default:"team"`
	Period string        `help:"Board's time: day, week, month." enum:"day,week,month" default:"day"`
	For    time.Duration `help:"End after this long; 0 goes on until Ctrl-C." default:"0"`
}

func (c liveCmd) Run(p *Phone) error {
	ctx := p.ctx
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	var topics []string
	if c.Scope != "none" {
		b, err := p.board(c.Scope, c.Period)
		if err != nil && !waits(err) && offline.CodeOf(err) != fault.Forbidden {
			return err
		}
		if b.GetTopic() != "" {
			topics = []string{b.GetTopic()}
		}
	}
	p.say("实时模式，Ctrl-C 结束", "live, Ctrl-C ends it")
	place := uint64(0)
	err := p.client.Run(ctx, topics, func(e offline.Event) {
		p.event(e)
		if len(e.Topics) == 0 {
			return
		}
		// Nothing is lost when the board cannot be read now: the next change tells again.
		if b, err := p.board(c.Scope, c.Period); err == nil && b.GetRank() != place {
			place = b.GetRank()
			p.now("排名 %d / %d，%s", "rank %d of %d, %s", b.GetRank(), b.GetOf(), money(b.GetScore()))
			if p.json {
				p.print(map[string]any{"board": raw(b)})
			}
		}
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// now prints a line with the time before it.
func (p *Phone) now(zh, en string, args ...any) {
	at := p.paint(dim, p.Now().In(p.zone).Format("15:04:05")) + " "
	p.say(at+zh, at+en, args...)
}

func (p *Phone) event(e offline.Event) {
	switch {
	case e.Connected != nil && *e.Connected:
		p.now(p.paint(green, "● 已连接"), p.paint(green, "● connected"))
	case e.Connected != nil:
		p.now(p.paint(yellow, "○ 连接断开，自动重连"), p.paint(yellow, "○ connection lost, coming back by itself"))
	case e.Err != nil:
		p.now("%s", "%s", p.paint(yellow, offline.Sentence(e.Err, p.lang)))
	}
	if e.Report == nil {
		return
	}
	if e.Report.Pushed > 0 {
		p.now(p.paint(green, "✓ 公司已收到 %s 项操作"), p.paint(green, "✓ %s safe at the office"),
			p.pick(fmt.Sprint(e.Report.Pushed), words.Count(e.Report.Pushed, "action")))
	}
	p.trouble(*e.Report)
	for _, c := range e.Report.Changed {
		p.change(c)
	}
}

// change prints what a person wants to know of one changed entity.
func (p *Phone) change(c offline.Changed) {
	if p.json {
		p.print(map[string]any{
			"kind": fieldv1.EntityKind(c.Kind).String(), "id": c.ID, "left": c.After == nil,
			"new": c.Before == nil,
		})
		return
	}
	switch fieldv1.EntityKind(c.Kind) {
	case kindTicket:
		before, after := &fieldv1.Ticket{}, &fieldv1.Ticket{}
		if !decodeBoth(c, before, after) {
			return
		}
		switch {
		case c.Before == nil:
			p.now("＋ 新工单 %s %s", "+ new job %s %s", after.GetNumber(), p.translate(after.GetProductName()))
		case c.After == nil:
			p.now("－ 工单 %s 已不归您", "− job %s is not yours any more", before.GetNumber())
		case before.GetState() != after.GetState():
			p.now("工单 %s %s → %s", "job %s %s → %s", after.GetNumber(), TicketWord(before.GetState(), p.lang == "zh"),
				TicketWord(after.GetState(), p.lang == "zh"))
		default:
			p.now("工单 %s 有更新", "job %s was updated", after.GetNumber())
		}
	case kindVisit:
		before, after := &fieldv1.Visit{}, &fieldv1.Visit{}
		switch {
		case !decodeBoth(c, before, after) || c.After == nil || before.GetState() == after.GetState():
		case c.Before == nil:
			p.now("上门 %s", "visit %s", strings.ToLower(p.visitWord(after.GetState())))
		default:
			p.now("上门 %s → %s", "visit %s → %s", p.visitWord(before.GetState()), p.visitWord(after.GetState()))
		}
	case kindPool:
		before, after := &fieldv1.PoolTicket{}, &fieldv1.PoolTicket{}
		if !decodeBoth(c, before, after) {
			return
		}
		if c.Before == nil {
			p.now("抢单池 ＋ %s %s %s", "pool + %s %s %s", after.GetNumber(), p.translate(after.GetProductName()),
				money(after.GetPays()))
		} else if c.After == nil {
			p.now("抢单池 － %s", "pool − %s", before.GetNumber())
		}
	case kindProof:
		before, after := &fieldv1.Proof{}, &fieldv1.Proof{}
		if decodeBoth(c, before, after) && c.After != nil && before.GetState() != after.GetState() {
			p.now("照片 %s %s", "proof %s %s", after.GetStep(), p.proofWord(after.GetState()))
		}
	case fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE:
		before, after := &payv1.EarningLine{}, &payv1.EarningLine{}
		if decodeBoth(c, before, after) && c.After != nil && before.GetState() != after.GetState() {
			state := p.pick("已确认", "confirmed")
			if after.GetState() == payv1.EarningState_EARNING_STATE_PENDING {
				state = p.pick("待确认", "pending")
			}
			p.now("收入 %s %s %s %s", "earned %s %s %s %s", p.paint(bold, money(after.GetAmount())), p.label(after.GetTitle()),
				after.GetTicketNumber(), state)
		}
	case fieldv1.EntityKind_ENTITY_KIND_NOTICE:
		n := &fieldv1.Notice{}
		if c.Before == nil && proto.Unmarshal(c.After, n) == nil {
			p.now("✉ %s", "✉ %s", p.paint(bold, p.label(n.GetText())))
		}
	case fieldv1.EntityKind_ENTITY_KIND_DECISION:
		d := &fieldv1.Decision{}
		if c.Before == nil && proto.Unmarshal(c.After, d) == nil {
			p.now("✉ 公司决定 %s", "✉ the office decided %s", p.decided(d))
		}
	}
}

func decodeBoth(c offline.Changed, before, after proto.Message) bool {
	return proto.Unmarshal(c.Before, before) == nil && proto.Unmarshal(c.After, after) == nil
}
