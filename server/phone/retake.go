package phone

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// retake is a photo that the office could not accept and that nobody has taken again.
type retake struct {
	proof *fieldv1.Proof
	job   string
}

// retakes lists them for the jobs that this phone holds.
func (p *Phone) retakes() (out []retake, err error) {
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		for _, ticket := range field.Tickets.All(v) {
			proofs := field.Proofs.Where(v, func(o *fieldv1.Proof) bool { return bytes.Equal(o.GetTicketId(), ticket.GetId()) })
			for _, bad := range outstanding(proofs) {
				out = append(out, retake{bad, ticket.GetNumber()})
			}
		}
		return nil
	})
	return out, err
}

// outstanding are the refused proofs of a ticket for which no other was taken later of the same kind at the same step,
// on whichever visit. It counts as the office does before it pays (proof.Proofs.Settled), in the office's order,
// whatever the clocks of phones say; what the office has not got yet is later than all that it has, and good until it
// has looked.
func outstanding(proofs []*fieldv1.Proof) (out []*fieldv1.Proof) {
	type place struct {
		step string
		kind fieldv1.ProofKind
	}
	refused, good := map[place]int{}, map[place]int{}
	proofs = slices.SortedFunc(slices.Values(proofs), order)
	for _, p := range proofs {
		switch at := (place{p.GetStep(), p.GetKind()}); {
		case p.GetState() == fieldv1.ProofState_PROOF_STATE_REFUSED:
			refused[at]++
		case refused[at] > 0:
			good[at]++
		}
	}
	for _, p := range proofs {
		at := place{p.GetStep(), p.GetKind()}
		if p.GetState() != fieldv1.ProofState_PROOF_STATE_REFUSED {
			continue
		}
		if good[at]--; good[at] < 0 {
			out = append(out, p)
		}
	}
	return out
}

// again are the steps of a job that hold a refused photo of this visit and lack none otherwise: the photo is to be
// taken again all the same, for somebody wanted to show something with it and pay waits for it.
func again(d details) (gaps []checklist.Gap) {
	missing := map[string]bool{}
	for _, g := range d.gaps {
		missing[g.Step] = true
	}
	for _, bad := range outstanding(d.proofs) {
		s := checklist.Step(d.template, bad.GetStep())
		if s == nil || missing[bad.GetStep()] || !bytes.Equal(bad.GetVisitId(), d.visit.GetId()) {
			continue
		}
		missing[bad.GetStep()] = true
		why := fault.Code(bad.GetRefusal())
		gaps = append(gaps, checklist.Gap{
			Step:    bad.GetStep(),
			Chinese: cmp.Or(s.GetName().GetZh(), s.GetName().GetEn()) + "：" + strings.TrimSuffix(why.Sentence("zh"), "。"),
			English: cmp.Or(s.GetName().GetEn(), s.GetName().GetZh()) + ": " + strings.TrimSuffix(why.Sentence("en"), "."),
		})
	}
	return gaps
}

// order is that in which the office took proofs in.
func order(a, b *fieldv1.Proof) int {
	if here, there := a.GetServerTime() == nil, b.GetServerTime() == nil; here != there {
		if here {
			return 1
		}
		return -1
	}
	return cmp.Or(a.GetServerTime().AsTime().Compare(b.GetServerTime().AsTime()), bytes.Compare(a.GetId(), b.GetId()))
}

// sayRetakes says which photos are to be taken again, and how.
func (p *Phone) sayRetakes() error {
	all, err := p.retakes()
	for _, r := range all {
		p.line(p.paint(red, "✗ ")+p.pick("照片不合格，请重拍：%s %s。%s", "a photo is not acceptable, take it again: %s %s. %s"),
			r.job, r.proof.GetStep(), fault.Code(r.proof.GetRefusal()).Sentence(p.lang))
		p.line("  photo %s %s --job %s", r.proof.GetStep(), p.pick("文件", "FILE"), r.job)
	}
	return err
}
