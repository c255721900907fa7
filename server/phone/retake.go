package phone

import (
	"bytes"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/fault"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
)

// retake is a photo that the office could not accept and that nobody has taken again.
type retake struct {
	proof *fieldv1.Proof
	job   string
}

// retakes lists them for the jobs that this phone holds. A later photo of the same kind at the same step ends it.
func (p *Phone) retakes() (out []retake, err error) {
	err = p.store.Read(p.ctx, func(v *offline.View) error {
		for _, bad := range field.Proofs.All(v) {
			ticket := field.Tickets.Get(v, bad.GetTicketId())
			if bad.GetState() != fieldv1.ProofState_PROOF_STATE_REFUSED || ticket == nil {
				continue
			}
			again := field.Proofs.Where(v, func(o *fieldv1.Proof) bool {
				return bytes.Equal(o.GetVisitId(), bad.GetVisitId()) && o.GetStep() == bad.GetStep() && o.GetKind() == bad.GetKind() &&
					o.GetState() != fieldv1.ProofState_PROOF_STATE_REFUSED && o.GetDeviceTime().AsTime().After(bad.GetDeviceTime().AsTime())
			})
			if len(again) == 0 {
				out = append(out, retake{bad, ticket.GetNumber()})
			}
		}
		return nil
	})
	return out, err
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
