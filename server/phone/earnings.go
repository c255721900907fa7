package phone

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// money2 is an income with what is not sure yet apart.
type money2 struct {
	pending, confirmed int64
	currency           string
}

func (m *money2) add(l *payv1.EarningLine) {
	m.currency = l.GetAmount().GetCurrency()
	if l.GetState() == payv1.EarningState_EARNING_STATE_PENDING {
		m.pending += l.GetAmount().GetMinor()
	} else {
		m.confirmed += l.GetAmount().GetMinor()
	}
}

// earned sums the lines that the phone holds, of today and of this month.
func earned(v *offline.View, now time.Time, zone *time.Location) (today, month money2) {
	now = now.In(zone)
	for _, l := range field.EarningLines.All(v) {
		at := l.GetEarnedAt().AsTime().In(zone)
		if at.Year() == now.Year() && at.Month() == now.Month() {
			month.add(l)
			if sameDay(at, now) {
				today.add(l)
			}
		}
	}
	return today, month
}

type earningsCmd struct {
	Lines bool   `short:"l" help:"Every line of the month."`
	Why   string `help:"Why the lines of this job are what they are: the end of its number." placeholder:"NUMBER"`
}

func (c earningsCmd) Run(p *Phone) error {
	d, err := p.store.Device(p.ctx)
	if err != nil {
		return err
	}
	if !d.Offline && !p.noSync {
		if _, err := p.reach(p.client.Sync); err != nil && !waits(err) {
			return err
		}
	}
	var today, month money2
	var lines []*payv1.EarningLine
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		today, month = earned(v, p.Now(), p.zone)
		lines = field.EarningLines.All(v)
		return nil
	})
	if err != nil {
		return err
	}
	sums, err := p.sums()
	if err != nil && !waits(err) {
		return err
	}
	if p.json {
		out := []any{}
		for _, l := range lines {
			out = append(out, raw(l))
		}
		p.print(map[string]any{
			"today": map[string]any{"pending": today.pending, "confirmed": today.confirmed},
			"month": map[string]any{"pending": month.pending, "confirmed": month.confirmed}, "office": raw(sums), "lines": out,
		})
		return nil
	}
	p.say("今日  待确认 %s  已确认 %s",
		"Today      pending %s  confirmed %s", p.paint(yellow, yuan(today.pending, today.currency)),
		p.paint(green, yuan(today.confirmed, today.currency)))
	p.say("本月  待确认 %s  已确认 %s",
		"This month pending %s  confirmed %s", p.paint(yellow, yuan(month.pending, month.currency)),
		p.paint(green, yuan(month.confirmed, month.currency)))
	p.split(sums)
	now := p.Now().In(p.zone)
	for _, l := range lines {
		at := l.GetEarnedAt().AsTime().In(p.zone)
		why := c.Why != "" && len(l.GetTicketNumber()) >= len(c.Why) &&
			l.GetTicketNumber()[len(l.GetTicketNumber())-len(c.Why):] == c.Why
		if (c.Lines && at.Year() == now.Year() && at.Month() == now.Month()) || why {
			state := p.paint(green, p.pick("已确认", "confirmed"))
			if l.GetState() == payv1.EarningState_EARNING_STATE_PENDING {
				state = p.paint(yellow, p.pick("待确认", "pending"))
			}
			p.line("  %s  %s  %s  %s  %s", at.Format("01-02 15:04"), l.GetTicketNumber(), words.Pad(p.label(l.GetTitle()), 20),
				words.Pad(money(l.GetAmount()), 10), state)
		}
		if why {
			p.trace(l.GetTrace(), 2)
		}
	}
	p.asOf(true)
	return nil
}

// split shows what only the office sums: categories and the next tier.
func (p *Phone) split(s *payv1.GetEarningsResponse) {
	if s == nil {
		return
	}
	for _, one := range []struct {
		zh, en string
		split  *payv1.Split
	}{{"本月待确认", "month, pending", s.GetMonthPending()}, {"本月已确认", "month, confirmed", s.GetMonthConfirmed()}} {
		if one.split.GetTotal().GetMinor() == 0 {
			continue
		}
		p.line(p.paint(dim, "  "+p.pick(one.zh, one.en)+": "+p.pick("安装费 ", "install fee ")+money(one.split.GetInstallFee())+
			p.pick(" 配件 ", " parts ")+money(one.split.GetParts())+p.pick(" 增值 ", " value-added ")+
			money(one.split.GetValueAdded())+
			p.pick(" 奖金 ", " bonus ")+money(one.split.GetBonus())))
	}
	if n := s.GetNextTier(); n != nil {
		p.line("%s", p.label(n.GetGain())) // a whole sentence that tells the distance, too
	}
}

func (p *Phone) trace(n *payv1.TraceNode, depth int) {
	if n == nil {
		return
	}
	p.line(p.paint(dim, fmt.Sprintf("%*s%s %s", depth*2, "", p.label(n.GetLabel()), n.GetValue())))
	for _, one := range n.GetInputs() {
		p.trace(one, depth+1)
	}
}

// sums asks the office.
func (p *Phone) sums() (*payv1.GetEarningsResponse, error) {
	return ask(p, payv1connect.NewEarningServiceClient, payv1connect.EarningServiceClient.GetEarnings,
		&payv1.GetEarningsRequest{At: timestamppb.New(p.Now())})
}

type rankCmd struct {
	Scope  string `arg:"" optional:"" enum:"team,region,org" default:"team" help:"Among whom: team, region, org."`
	Period string `arg:"" optional:"" enum:"day,week,month" default:"day" help:"Over which time: day, week, month."`
}

var (
	scopes = map[string]payv1.BoardScope{
		"team": payv1.BoardScope_BOARD_SCOPE_TEAM, "region": payv1.BoardScope_BOARD_SCOPE_REGION,
		"org": payv1.BoardScope_BOARD_SCOPE_ORG,
	}
	periods = map[string]payv1.BoardPeriod{
		"day": payv1.BoardPeriod_BOARD_PERIOD_DAY, "week": payv1.BoardPeriod_BOARD_PERIOD_WEEK,
		"month": payv1.BoardPeriod_BOARD_PERIOD_MONTH,
	}
)

func (c rankCmd) Run(p *Phone) error {
	b, err := p.board(c.Scope, c.Period)
	old := false
	if err != nil && waits(err) {
		// The last one seen, with its time, is better than nothing.
		old = true
		saved, readErr := os.ReadFile(p.boardFile(c.Scope, c.Period))
		b = &payv1.GetBoardResponse{}
		if readErr != nil || proto.Unmarshal(saved, b) != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if p.json {
		p.print(map[string]any{"board": raw(b), "offline": old})
		return nil
	}
	p.showBoard(b)
	if old {
		p.line(p.paint(yellow, p.pick("离线 · 排名截至 ", "offline · as of ")+
			b.GetAsOf().AsTime().In(p.zone).Format("01-02 15:04:05")))
	}
	return nil
}

// hiddenName is what the office sends in place of the name of somebody who does not want to be named.
const hiddenName = "***"

func (p *Phone) showBoard(b *payv1.GetBoardResponse) {
	if b.GetRank() == 0 {
		p.say("还没有上榜（共 %d 人）", "not on the board yet (%d people)", b.GetOf())
	} else {
		p.say("第 %s 名 / %d 人，%s", "rank %s of %d, %s", p.paint(bold, fmt.Sprint(b.GetRank())), b.GetOf(), money(b.GetScore()))
		if n := b.GetToNext(); n != nil {
			p.say("距上一名还差 %s", "%s to the place above", money(n))
		}
	}
	row := func(r *payv1.BoardRow) {
		name := r.GetName()
		if name == hiddenName {
			name = p.pick("匿名", "anonymous")
		}
		line := fmt.Sprintf("%4d  %s %s", r.GetRank(), words.Pad(name, 14), words.Pad(money(r.GetScore()), 12))
		if r.GetPending().GetMinor() != 0 {
			line += p.pick("（待确认 ", " (pending ") + money(r.GetPending()) + p.pick("）", ")")
		}
		if r.GetMe() {
			line = p.paint(bold, line+p.pick("  ← 我", "  ← me"))
		}
		p.line("%s", line)
	}
	last := uint64(0)
	for _, r := range b.GetTop() {
		row(r)
		last = r.GetRank()
	}
	for i, r := range b.GetAround() {
		if r.GetRank() <= last {
			continue
		}
		if i == 0 || r.GetRank() > last+1 {
			p.line("   …")
		}
		row(r)
		last = r.GetRank()
	}
}

func (p *Phone) boardFile(scope, period string) string {
	return filepath.Join(p.dir, "board-"+scope+"-"+period+".pb")
}

// board asks the office and keeps the answer for when there is no network.
func (p *Phone) board(scope, period string) (*payv1.GetBoardResponse, error) {
	board, err := ask(p, payv1connect.NewRankServiceClient, payv1connect.RankServiceClient.GetBoard,
		&payv1.GetBoardRequest{Scope: scopes[scope], Period: periods[period]})
	if err != nil {
		return nil, err
	}
	b, err := proto.Marshal(board)
	if err == nil {
		err = os.WriteFile(p.boardFile(scope, period), b, 0o600)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
	}
	return board, nil
}
