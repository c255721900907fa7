package phone

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
)

// The colours of a terminal.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p *Phone) paint(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// pick chooses the person's language.
func (p *Phone) pick(zh, en string) string {
	if p.lang == "zh" {
		return zh
	}
	return en
}

// say prints a line in the person's language; nothing when JSON is wanted.
func (p *Phone) say(zh, en string, args ...any) {
	if !p.json {
		p.line(p.pick(zh, en), args...)
	}
}

func (p *Phone) line(format string, args ...any) { p.to(p.Out, format, args...) }

// note says what a command is doing, or what is to be looked at before it does something, as a prompt would. Notes go
// to Err: Out has results alone, and nothing of what is not saved.
func (p *Phone) note(zh, en string, args ...any) {
	if !p.json {
		p.to(p.Err, p.pick(zh, en), args...)
	}
}

func (p *Phone) to(w io.Writer, format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	p.speaking.Lock()
	defer p.speaking.Unlock()
	_, _ = fmt.Fprintln(w, Harmless(format)) // a terminal that is gone cannot be told so
}

// Harmless takes control characters out, but for those of colours: names and notes are typed by strangers and must not
// steer the terminal.
func Harmless(s string) string {
	var b strings.Builder
	for i, r := range s {
		if !unicode.IsControl(r) || r == '\n' || r == '\t' || r == '\x1b' && colour.MatchString(s[i:]) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var colour = regexp.MustCompile("^\x1b\\[[0-9;]{1,8}m")

func (p *Phone) label(l *typesv1.Label) string {
	zh, en := l.GetZh(), l.GetEn()
	if p.lang == "zh" && zh != "" || en == "" {
		return zh
	}
	return en
}

var visitWords = map[fieldv1.VisitState][3]string{
	fieldv1.VisitState_VISIT_STATE_DRAFT:               {"草稿", "Draft", dim},
	fieldv1.VisitState_VISIT_STATE_SCHEDULED:           {"已排期", "Scheduled", dim},
	fieldv1.VisitState_VISIT_STATE_DISPATCHED:          {"待接单", "Dispatched", yellow},
	fieldv1.VisitState_VISIT_STATE_ACCEPTED:            {"已接单", "Accepted", cyan},
	fieldv1.VisitState_VISIT_STATE_DECLINED:            {"已拒单", "Declined", red},
	fieldv1.VisitState_VISIT_STATE_TRAVELING:           {"在途", "Traveling", cyan},
	fieldv1.VisitState_VISIT_STATE_ON_SITE:             {"已到场", "On site", bold},
	fieldv1.VisitState_VISIT_STATE_ON_BREAK:            {"休息中", "On break", yellow},
	fieldv1.VisitState_VISIT_STATE_COMPLETED:           {"已完成", "Completed", green},
	fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED: {"部分完成", "Partly done", yellow},
	fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE:     {"无法完成", "Cannot complete", red},
	fieldv1.VisitState_VISIT_STATE_NO_SHOW:             {"未到场", "No show", red},
	fieldv1.VisitState_VISIT_STATE_CANCELED:            {"已取消", "Canceled", red},
}

func (p *Phone) visitWord(s fieldv1.VisitState) string {
	w, ok := visitWords[s]
	if !ok {
		return p.pick("未知", "Unknown")
	}
	return p.paint(w[2], p.pick(w[0], w[1]))
}

var ticketWords = map[fieldv1.TicketState][2]string{
	fieldv1.TicketState_TICKET_STATE_NEW:             {"新建", "New"},
	fieldv1.TicketState_TICKET_STATE_IN_PROGRESS:     {"进行中", "In progress"},
	fieldv1.TicketState_TICKET_STATE_ON_HOLD:         {"暂停", "On hold"},
	fieldv1.TicketState_TICKET_STATE_COMPLETED:       {"已完成", "Completed"},
	fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE: {"无法完成", "Cannot complete"},
	fieldv1.TicketState_TICKET_STATE_CLOSED:          {"已关闭", "Closed"},
	fieldv1.TicketState_TICKET_STATE_CANCELED:        {"已取消", "Canceled"},
}

// TicketWord is the state of a ticket in words.
func TicketWord(s fieldv1.TicketState, chinese bool) string {
	if chinese {
		return ticketWords[s][0]
	}
	return ticketWords[s][1]
}

var proofWords = map[fieldv1.ProofState][3]string{
	fieldv1.ProofState_PROOF_STATE_AWAITING: {"原图待传", "bytes not there yet", yellow},
	fieldv1.ProofState_PROOF_STATE_RECEIVED: {"已收到，待核验", "received, not verified yet", yellow},
	fieldv1.ProofState_PROOF_STATE_VERIFIED: {"已核验", "verified", green},
	fieldv1.ProofState_PROOF_STATE_REFUSED:  {"不合格", "refused", red},
}

func (p *Phone) proofWord(s fieldv1.ProofState) string {
	w := proofWords[s]
	return p.paint(w[2], p.pick(w[0], w[1]))
}

// money shows an amount with its currency's sign.
func money(m *typesv1.Money) string { return yuan(m.GetMinor(), m.GetCurrency()) }

func yuan(minor int64, currency string) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	unit := "¥"
	if currency != "CNY" && currency != "" {
		unit = currency + " "
	}
	return fmt.Sprintf("%s%s%d.%02d", sign, unit, minor/100, minor%100)
}

// clock shows a moment in the company's zone: the time alone today, else with its date.
func (p *Phone) clock(t *timestamppb.Timestamp) string {
	if t == nil {
		return "–"
	}
	at := t.AsTime().In(p.zone)
	if sameDay(at, p.Now().In(p.zone)) {
		return at.Format("15:04")
	}
	return at.Format("01-02 15:04")
}

// date shows a day with its year.
func (p *Phone) date(t *timestamppb.Timestamp) string {
	if t == nil {
		return "–"
	}
	return t.AsTime().In(p.zone).Format(time.DateOnly)
}

// window shows a span of time.
func (p *Phone) window(w *typesv1.Window) string {
	a, b := w.GetEarliest(), w.GetLatest()
	if a == nil && b == nil {
		return p.pick("时间待定", "no time yet")
	}
	from, to := p.clock(a), p.clock(b)
	if a != nil && b != nil && sameDay(a.AsTime().In(p.zone), b.AsTime().In(p.zone)) {
		to = b.AsTime().In(p.zone).Format("15:04")
	}
	return from + "–" + to
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
