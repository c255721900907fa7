package phone

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/words"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type todayCmd struct {
	All bool `short:"a" help:"All later jobs too, and what was finished earlier."`
}

// laterShown is how many later jobs are listed without --all.
const laterShown = 5

func (c todayCmd) Run(p *Phone) error {
	fetched, err := p.fetch()
	if err != nil {
		return err
	}
	if p.clerk() {
		return p.shop(fetched)
	}
	var all []job
	var day money2
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		all = jobs(v)
		day, _ = earned(v, p.Now(), p.zone)
		return nil
	})
	if err != nil {
		return err
	}
	now := p.Now().In(p.zone)
	end := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, p.zone)
	var today, later []job
	for _, j := range all {
		switch done := j.visit.GetFinishedAt(); {
		case j.finished() && !c.All && (done == nil || !sameDay(done.AsTime().In(p.zone), now)):
		case !j.start().Before(end):
			later = append(later, j)
		default:
			today = append(today, j)
		}
	}
	// What is done goes to the end.
	slices.SortStableFunc(today, func(a, b job) int {
		switch {
		case a.finished() == b.finished():
			return 0
		case b.finished():
			return -1
		}
		return 1
	})
	hidden := 0
	if !c.All && len(later) > laterShown {
		hidden = len(later) - laterShown
		later = later[:laterShown]
	}
	listed := append(slices.Clone(today), later...)
	var ids [][]byte
	for _, j := range listed {
		ids = append(ids, j.ticket.GetId())
	}
	numbers, err := p.number(fileListed, ids)
	if err != nil {
		return err
	}
	if p.json {
		out := []any{}
		for i, j := range listed {
			one := jobJSON(j)
			one["number"] = numbers[i]
			out = append(out, one)
		}
		p.print(map[string]any{"jobs": out, "hidden": hidden, "today_pending": day.pending, "today_confirmed": day.confirmed})
		return nil
	}
	p.line(p.paint(bold, p.pick("今日 ", "Today ")+now.Format("01-02")) +
		p.pick(fmt.Sprintf("，%d 单", len(today)), ", "+words.Count(len(today), "job")))
	for i, j := range today {
		p.jobLine(numbers[i], j)
	}
	if len(later) > 0 {
		p.line(p.paint(bold, p.pick("之后", "Later")))
		for i, j := range later {
			p.jobLine(numbers[len(today)+i], j)
		}
	}
	if hidden > 0 {
		p.say("  …… 另有 %d 单，today --all 查看", "  … %d more, see today --all", hidden)
	}
	p.say("今日收入：待确认 %s，已确认 %s", "Earned today: pending %s, confirmed %s", yuan(day.pending, day.currency),
		yuan(day.confirmed, day.currency))
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

func (p *Phone) jobLine(n int, j job) {
	t := j.ticket
	marks := ""
	if t.GetUrgency() == fieldv1.Urgency_URGENCY_RUSH {
		marks += p.paint(red, p.pick(" 加急", " RUSH"))
	}
	if t.GetCustomer().GetVip() {
		marks += p.paint(yellow, " VIP")
	}
	if j.pending {
		marks += p.paint(yellow, p.pick(" ●未送达", " ●unsent"))
	}
	p.line("%2d  %s  %s  %s  %s%s", n, words.Pad(p.window(j.when()), 17), words.Pad(p.visitWord(j.visit.GetState()), 10),
		t.GetNumber(), p.product(j), marks)
	p.line("    %s",
		p.paint(dim, t.GetCustomer().GetName()+" "+t.GetCustomer().GetPhone()+"  "+t.GetCustomer().GetAddress()))
}

// product is its name in the person's language, as far as the phone knows it.
func (p *Phone) product(j job) string {
	if name := p.label(j.product.GetName()); name != "" {
		return name
	}
	return p.translate(j.ticket.GetProductName())
}

func jobJSON(j job) map[string]any {
	return map[string]any{"ticket": raw(j.ticket), "visit": raw(j.visit), "pending": j.pending}
}

// raw is a message as JSON within JSON.
func raw(m proto.Message) json.RawMessage {
	b, err := protojson.Marshal(m)
	if err != nil || !m.ProtoReflect().IsValid() {
		return json.RawMessage("null")
	}
	return b
}

type ticketCmd struct{ upon }

// details is everything about one job.
type details struct {
	job
	template *fieldv1.Template
	proofs   []*fieldv1.Proof
	gaps     []checklist.Gap
	// open is what is charged and the customer has not agreed to as it is.
	open []*fieldv1.SignedLine
}

func read(v *offline.View, j job) details {
	d := details{job: j, template: field.Templates.Get(v, j.ticket.GetTemplateId())}
	var attached []checklist.Proof
	for _, one := range field.Proofs.All(v) {
		if bytes.Equal(one.GetTicketId(), j.ticket.GetId()) {
			d.proofs = append(d.proofs, one)
			if bytes.Equal(one.GetVisitId(), j.visit.GetId()) {
				attached = append(attached,
					checklist.Proof{Step: one.GetStep(), Kind: one.GetKind(), Refusal: fault.Code(one.GetRefusal())})
			}
		}
	}
	d.gaps = checklist.Missing(d.template, j.visit.GetAnswers(), attached)
	d.gaps = append(d.gaps, again(d)...)
	d.open = agreement.Open(j.ticket, d.template, d.proofs)
	return d
}

func (c ticketCmd) Run(p *Phone) error {
	var d details
	err := p.store.Read(p.ctx, func(v *offline.View) error {
		j, err := p.find(v, c.job())
		d = read(v, j)
		return err
	})
	if err != nil {
		return err
	}
	if err := p.remember(fileCurrent, d.ticket.GetId()); err != nil {
		return err
	}
	if p.json {
		out := jobJSON(d.job)
		missing, proofs := []string{}, []any{}
		for _, g := range d.gaps {
			missing = append(missing, g.Step)
		}
		if len(d.open) > 0 {
			missing = append(missing, "agreement")
		}
		for _, one := range d.proofs {
			proofs = append(proofs, raw(one))
		}
		out["missing"], out["proofs"], out["template"] = missing, proofs, raw(d.template)
		p.print(out)
		return nil
	}
	p.show(d)
	return nil
}

// show prints one job.
func (p *Phone) show(d details) {
	t, v := d.ticket, d.visit
	p.line("%s  %s  %s", p.paint(bold, t.GetNumber()), p.visitWord(v.GetState()),
		p.paint(dim, TicketWord(t.GetState(), p.lang == "zh")))
	p.line("%s  %s  %s", p.product(d.job), t.GetModel(), t.GetSerial())
	p.line("%s %s  %s", t.GetCustomer().GetName(), t.GetCustomer().GetPhone(), t.GetCustomer().GetAddress())
	when := p.pick("上门 ", "visit ") + p.window(d.when())
	if t.GetDue() != nil {
		when += p.pick("   截止 ", "   due ") + p.clock(t.GetDue())
	}
	p.line("%s", when)
	if t.GetShopName() != "" || t.GetPurchasedAt() != nil {
		p.say("门店 %s   购于 %s   保修至 %s", "shop %s   bought %s   warranty until %s",
			t.GetShopName(), p.date(t.GetPurchasedAt()), p.date(t.GetWarrantyUntil()))
	}
	if reason := p.label(t.GetAssignmentReason()); reason != "" {
		p.line(p.paint(dim, p.pick("为何派给您：", "why you: ")+reason))
	}
	if len(d.template.GetSteps()) > 0 {
		p.line(p.paint(bold, p.pick("清单", "Checklist")))
	}
	missing := map[string]checklist.Gap{}
	for _, g := range d.gaps {
		missing[g.Step] = g
	}
	for i, s := range d.template.GetSteps() {
		p.stepLine(i+1, s, d, missing)
	}
	p.charges(d)
	for _, one := range t.GetNotes() {
		p.line("  %s %s %s %s", p.pick("备注", "note"), p.clock(one.GetDeviceTime()), one.GetAuthor(), one.GetText())
	}
	for _, one := range t.GetHistory() {
		p.line(p.paint(dim, "  %s %s %s %s %s"), p.pick("历史", "earlier"), one.GetNumber(), p.clock(one.GetAt()),
			TicketWord(one.GetState(), p.lang == "zh"), p.translate(one.GetSummary()))
	}
	if len(d.open) > 0 && !d.finished() {
		p.line("%s", p.paint(yellow, p.notAgreed(d)))
	}
	if len(d.gaps) > 0 && !d.finished() {
		p.say(p.paint(yellow, "还缺 %d 项才能完成"), p.paint(yellow, "%d still missing before it can be completed"), len(d.gaps))
	}
	if d.pending {
		p.say(p.paint(yellow, "●有未送达的内容"), p.paint(yellow, "● some of this is not with the office yet"))
	}
}

func (p *Phone) stepLine(n int, s *fieldv1.Step, d details, missing map[string]checklist.Gap) {
	mark, note := p.paint(green, "✓"), ""
	if g, ok := missing[s.GetKey()]; ok {
		mark = p.paint(red, "✗")
		_, note, _ = strings.Cut(p.pick(g.Chinese, g.English), p.pick("：", ": "))
		note += wanted(p, s)
	} else if !s.GetRequired() {
		mark = "·"
	}
	value := ""
	if slices.ContainsFunc(outstanding(d.proofs), func(bad *fieldv1.Proof) bool { return bad.GetStep() == s.GetKey() }) {
		mark = p.paint(red, "✗")
	}
	for _, a := range d.visit.GetAnswers() {
		if a.GetStep() == s.GetKey() {
			value = answerText(p, s, a)
			mark = p.paint(green, "✓")
		}
	}
	for _, one := range d.proofs {
		if one.GetStep() == s.GetKey() {
			value += " " + p.proofWord(one.GetState())
			if one.GetRefusal() != "" {
				value += p.paint(dim, p.pick("（", " (")+fault.Code(one.GetRefusal()).Sentence(p.lang)+p.pick("）", ")"))
			}
			if one.GetSignerName() != "" {
				value += " " + one.GetSignerName()
			}
		}
	}
	p.line("  %s %2d %s %s %s %s", mark, n, words.Pad(s.GetKey(), 14), words.Pad(p.label(s.GetName()), 22),
		strings.TrimSpace(value), p.paint(red, note))
}

// wanted says which answers a step takes.
func wanted(p *Phone, s *fieldv1.Step) string {
	var out []string
	for _, c := range s.GetChoices() {
		out = append(out, c.GetKey()+" "+p.label(c.GetName()))
	}
	if s.GetHasRange() {
		out = append(out, formatNumber(s.GetMin())+"–"+formatNumber(s.GetMax())+s.GetUnit())
	}
	if len(out) == 0 {
		return ""
	}
	return " [" + strings.Join(out, " | ") + "]"
}

func answerText(p *Phone, s *fieldv1.Step, a *fieldv1.TaskAnswer) string {
	switch a.GetValue().(type) {
	case *fieldv1.TaskAnswer_Check:
		if a.GetCheck() {
			return p.pick("是", "yes")
		}
		return p.pick("否", "no")
	case *fieldv1.TaskAnswer_Number:
		return formatNumber(a.GetNumber()) + s.GetUnit()
	}
	for _, c := range s.GetChoices() {
		if c.GetKey() == a.GetText() {
			return p.label(c.GetName())
		}
	}
	return a.GetText()
}
