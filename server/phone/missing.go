package phone

import (
	"bytes"
	"strings"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// missing says what a job lacks before it can be completed, each with the command that adds it.
func (p *Phone) missing(d details) []string {
	steps := map[string]*fieldv1.Step{}
	for _, s := range d.template.GetSteps() {
		steps[s.GetKey()] = s
	}
	words := make([]string, len(d.gaps))
	for i, g := range d.gaps {
		words[i] = p.pick(g.Chinese, g.English) + " → " + p.adds(steps[g.Step]) + " --job " + d.ticket.GetNumber()
	}
	if len(d.open) > 0 {
		words = append(words, p.notAgreed(d)+" → sign "+p.pick("姓名", "NAME")+" --job "+d.ticket.GetNumber())
	}
	return words
}

// adds is the command that does a step, with words in place of what only the person knows.
func (p *Phone) adds(s *fieldv1.Step) string {
	switch s.GetKind() {
	case fieldv1.StepKind_STEP_KIND_PHOTO:
		return "photo " + s.GetKey() + " " + p.pick("文件", "FILE")
	case fieldv1.StepKind_STEP_KIND_SIGNATURE:
		return "sign " + p.pick("姓名", "NAME") + " --step " + s.GetKey()
	case fieldv1.StepKind_STEP_KIND_CHECK:
		return "answer " + s.GetKey() + " " + p.pick("是", "yes")
	case fieldv1.StepKind_STEP_KIND_NUMBER:
		return "answer " + s.GetKey() + " " + p.pick("数值", "NUMBER")
	case fieldv1.StepKind_STEP_KIND_CHOICE:
		keys := make([]string, len(s.GetChoices()))
		for i, c := range s.GetChoices() {
			keys[i] = c.GetKey()
		}
		return "answer " + s.GetKey() + " " + strings.Join(keys, "|")
	}
	return "answer " + s.GetKey() + " " + p.pick("内容", "WORDS")
}

// sayMissing says what a visit lacks that the office did not take for complete.
func (p *Phone) sayMissing(visit []byte) error {
	return p.store.Read(p.ctx, func(v *offline.View) error {
		for _, j := range jobs(v) {
			if !bytes.Equal(j.visit.GetId(), visit) || j.finished() {
				continue
			}
			for _, words := range p.missing(read(v, j)) {
				p.line("  %s", words)
			}
		}
		return nil
	})
}
