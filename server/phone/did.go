package phone

import (
	"fmt"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// deeds are the words for what a person does on a phone, Chinese and English, by the mutation's kind.
var deeds = map[string][2]string{
	"visit.accept":          {"接单", "accept a job"},
	"visit.decline":         {"拒单", "decline a job"},
	"visit.travel":          {"出发", "set out"},
	"visit.arrive":          {"到达", "arrive"},
	"visit.break":           {"暂停", "take a break"},
	"visit.resume":          {"继续", "go on"},
	"visit.complete":        {"完工", "complete a job"},
	"visit.cannot_complete": {"无法完工", "say that it cannot be done"},
	"task.answer":           {"填写检查项", "answer a step"},
	"part.add":              {"添加配件", "add a part"},
	"surcharge.add":         {"添加补价", "add a surcharge"},
	"note.add":              {"添加备注", "add a note"},
	"pool.claim":            {"抢单", "claim a job"},
	"proof.attach":          {"上传照片", "attach a photo"},
	"signature.sign":        {"签名", "sign"},
	"store.open_ticket":     {"扫码开单", "open a ticket"},
}

// deed says in words what a mutation does; of one that this phone has no words for, its kind.
func (p *Phone) deed(kind string) string {
	words, ok := deeds[kind]
	if !ok {
		return kind
	}
	return p.pick(words[0], words[1])
}

// decided says what a person of the office made of a parked mutation.
func (p *Phone) decided(d *fieldv1.Decision) string {
	var what string
	switch d.GetOutcome() {
	case fieldv1.DecisionOutcome_DECISION_OUTCOME_DISMISSED:
		what = p.paint(red, p.pick("已驳回："+d.GetReason(), "dismissed: "+d.GetReason()))
	case fieldv1.DecisionOutcome_DECISION_OUTCOME_MERGED:
		what = p.paint(yellow, p.pick("已处理，部分采用", "taken over in part"))
	default:
		what = p.paint(green, p.pick("已处理，已采用", "taken over"))
	}
	if d.GetEdited() {
		what += p.pick("（公司有修改）", " (the office changed something)")
	}
	return fmt.Sprintf(p.pick("%s：%s · %s %s", "%s: %s · %s %s"), p.deed(d.GetMutationKind()), what, d.GetDecidedBy(),
		p.clock(d.GetAt()))
}

// decisions lists what the office decided about parked work of this phone's owner, as long as the phone is shown it.
func (p *Phone) decisions() error {
	return p.store.Read(p.ctx, func(v *offline.View) error {
		for _, d := range field.Decisions.All(v) {
			p.line(p.paint(bold, p.pick("公司决定 ", "the office decided ")) + p.decided(d))
		}
		return nil
	})
}
