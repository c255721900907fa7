package phone

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// about is what a person calls a job.
type about struct {
	Number   string `json:"number"`
	Customer string `json:"customer"`
}

func (a about) String() string { return strings.TrimSpace(a.Number + " " + a.Customer) }

// fileAbout keeps what jobs are called, by the hex of a ticket's or visit's id: a failure is told also when the job has
// left the phone.
const fileAbout = "jobs.json"

// mostAbout bounds how many jobs are remembered by name.
const mostAbout = 2000

func (p *Phone) abouts() map[string]about {
	known := map[string]about{}
	if b, err := os.ReadFile(filepath.Join(p.dir, fileAbout)); err == nil && json.Unmarshal(b, &known) != nil {
		return map[string]about{} // what cannot be read is learnt anew
	}
	return known
}

// noteAbout remembers what a job is called.
func (p *Phone) noteAbout(a about, ids ...[]byte) error {
	known := p.abouts()
	same := len(known) <= mostAbout
	for _, id := range ids {
		same = same && known[fmt.Sprintf("%x", id)] == a
	}
	if same {
		return nil
	}
	if len(known) > mostAbout {
		known = map[string]about{}
	}
	for _, id := range ids {
		known[fmt.Sprintf("%x", id)] = a
	}
	b, err := json.Marshal(known)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, fileAbout), b, 0o600)
	}
	if err != nil {
		return fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
	}
	return nil
}

// told is an action in words: on which job, and what with its argument.
type told struct {
	job  about
	what string
}

func (t told) String() string {
	if j := t.job.String(); j != "" {
		return j + "  " + t.what
	}
	return t.what
}

// tell says in words what was done.
func (p *Phone) tell(v *offline.View, a offline.Action) told {
	t := told{what: p.deed(a.Kind)}
	var visit, ticket []byte
	detail := ""
	read := func(m proto.Message) bool { return proto.Unmarshal(a.Args, m) == nil }
	switch a.Kind {
	case "task.answer":
		m := &fieldv1.AnswerTask{}
		if read(m) {
			visit = m.GetVisitId()
			detail = p.stepName(v, visit, m.GetStep()) + " = " + p.answered(m)
		}
	case "part.add":
		m := &fieldv1.AddPart{}
		if read(m) {
			visit, detail = m.GetVisitId(), p.itemName(v, m.GetPriceItemId(), m.GetQuantity())
		}
	case "surcharge.add":
		m := &fieldv1.AddSurcharge{}
		if read(m) {
			visit, detail = m.GetVisitId(), p.itemName(v, m.GetPriceItemId(), m.GetQuantity())
		}
	case "note.add":
		m := &fieldv1.AddNote{}
		if read(m) {
			ticket, detail = m.GetTicketId(), m.GetText()
		}
	case "proof.attach":
		m := &fieldv1.AttachProof{}
		if read(m) {
			visit = m.GetVisitId()
			detail = p.stepName(v, visit, m.GetStep())
		}
	case "signature.sign":
		m := &fieldv1.SignSignature{}
		if read(m) {
			visit, detail = m.GetVisitId(), m.GetSignerName()
		}
	case "pool.claim":
		m := &fieldv1.ClaimPoolTicket{}
		if read(m) {
			ticket = m.GetTicketId()
		}
	case "store.open_ticket":
		m := &storev1.OpenTicketByScan{}
		if read(m) {
			ticket = m.GetTicketId()
			t.job.Customer = strings.TrimSpace(m.GetCustomerName() + " " + m.GetCustomerPhone())
			detail = m.GetScanned()
		}
	case "visit.decline":
		m := &fieldv1.VisitDecline{}
		if read(m) {
			visit, detail = m.GetVisitId(), p.reasonName(v, m.GetReason())
		}
	case "visit.cannot_complete":
		m := &fieldv1.VisitCannotComplete{}
		if read(m) {
			visit, detail = m.GetVisitId(), p.reasonName(v, m.GetReason())
		}
	default: // all other steps of a visit begin with its id
		m := &fieldv1.VisitAccept{}
		if strings.HasPrefix(a.Kind, "visit.") && read(m) {
			visit = m.GetVisitId()
		}
	}
	if found, ok := p.called(v, visit, ticket); ok {
		t.job.Number = found.Number
		if found.Customer != "" && t.job.Customer == "" {
			t.job.Customer = found.Customer
		}
	}
	if detail != "" {
		t.what += p.pick("：", ": ") + detail
	}
	return t
}

// called finds what a job is called, on the phone or among what was remembered.
func (p *Phone) called(v *offline.View, visit, ticket []byte) (about, bool) {
	if one := field.Visits.Get(v, visit); one != nil {
		ticket = one.GetTicketId()
	}
	if t := field.Tickets.Get(v, ticket); t != nil {
		return about{t.GetNumber(), t.GetCustomer().GetName()}, true
	}
	if t := field.PoolTickets.Get(v, ticket); t != nil {
		return about{Number: t.GetNumber()}, true
	}
	if t := field.OpenTickets.Get(v, ticket); t != nil {
		return about{t.GetNumber(), t.GetCustomerName()}, true
	}
	known := p.abouts()
	for _, id := range [][]byte{visit, ticket} {
		if a, ok := known[fmt.Sprintf("%x", id)]; ok && len(id) > 0 {
			return a, true
		}
	}
	return about{}, false
}

func (p *Phone) stepName(v *offline.View, visit []byte, key string) string {
	t := field.Tickets.Get(v, field.Visits.Get(v, visit).GetTicketId())
	for _, s := range field.Templates.Get(v, t.GetTemplateId()).GetSteps() {
		if s.GetKey() == key && p.label(s.GetName()) != "" {
			return p.label(s.GetName())
		}
	}
	return key
}

func (p *Phone) answered(m *fieldv1.AnswerTask) string {
	switch m.GetValue().(type) {
	case *fieldv1.AnswerTask_Check:
		if m.GetCheck() {
			return p.pick("是", "yes")
		}
		return p.pick("否", "no")
	case *fieldv1.AnswerTask_Number:
		return formatNumber(m.GetNumber())
	}
	return m.GetText()
}

func (p *Phone) itemName(v *offline.View, id []byte, quantity uint32) string {
	i := field.PriceItems.Get(v, id)
	if i == nil {
		return "×" + strconv.FormatUint(uint64(quantity), 10)
	}
	return fmt.Sprintf("%s ×%d %s", p.label(i.GetName()), quantity,
		yuan(i.GetPrice().GetMinor()*int64(quantity), i.GetPrice().GetCurrency()))
}

func (p *Phone) reasonName(v *offline.View, key string) string {
	for _, r := range field.Reasons.All(v) {
		if r.GetKey() == key && p.label(r.GetName()) != "" {
			return p.label(r.GetName())
		}
	}
	return key
}

// tellAll says several actions in words.
func (p *Phone) tellAll(all []offline.Action) (out []told, err error) {
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		for _, a := range all {
			out = append(out, p.tell(v, a))
		}
		return nil
	})
	return out, err
}

type acknowledgeCmd struct {
	Number string `arg:"" help:"Number of the failed action in unsent, or all."`
}

// Run notes that somebody has dealt with what the office did not do.
func (c acknowledgeCmd) Run(p *Phone) error {
	found, err := p.store.Attention(p.ctx)
	if err != nil {
		return err
	}
	var dealt []offline.Action
	for _, a := range found {
		if c.Number == "all" || strings.TrimPrefix(c.Number, "#") == strconv.FormatUint(a.Seq, 10) {
			dealt = append(dealt, a)
		}
	}
	if len(dealt) == 0 && c.Number != "all" {
		return fault.New(fault.NotFound, "#%s", strings.TrimPrefix(c.Number, "#"))
	}
	words, err := p.tellAll(dealt)
	if err != nil {
		return err
	}
	for i, a := range dealt {
		if err := p.store.MarkSeen(p.ctx, a.ID); err != nil {
			return err
		}
		p.say("✓ 已标记为处理完毕：#%d %s", "✓ dealt with: #%d %s", a.Seq, words[i])
	}
	if p.json {
		p.print(map[string]any{"acknowledged": len(dealt)})
	}
	return nil
}
