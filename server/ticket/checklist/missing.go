package checklist

import (
	"fmt"
	"strings"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Proof is a photo or signature that is attached to a step; whether its bytes are here does not matter.
type Proof struct {
	Step string
	Kind fieldv1.ProofKind
	// Refusal says why its bytes are not acceptable; empty while nothing is known against them. A refused one does not
	// count.
	Refusal fault.Code
}

// Gap is a required step that is not done.
type Gap struct {
	Step string
	// Chinese and English say what is missing.
	Chinese, English string
}

// Missing lists what a visit lacks before it may be completed, in the order of the steps: required answers, and
// required proof by its manifest. A required check must be answered yes.
func Missing(t *fieldv1.Template, answers []*fieldv1.TaskAnswer, proofs []Proof) []Gap {
	byStep := make(map[string]*fieldv1.TaskAnswer, len(answers))
	for _, a := range answers {
		byStep[a.GetStep()] = a
	}
	var gaps []Gap
	for _, s := range t.GetSteps() {
		if !s.GetRequired() {
			continue
		}
		switch s.GetKind() {
		case fieldv1.StepKind_STEP_KIND_PHOTO, fieldv1.StepKind_STEP_KIND_SIGNATURE:
			have, refused := attached(s, proofs)
			if need := max(1, int(s.GetMinCount())); have < need {
				zh, en := fmt.Sprintf("还差%d张", need-have), fmt.Sprintf("%d more needed", need-have)
				if n := len(refused); n > 0 {
					why := refused[n-1]
					zh += fmt.Sprintf("（已有%d张不合格：%s）", n, strings.TrimSuffix(why.Sentence("zh"), "。"))
					en += fmt.Sprintf(" (%d not acceptable: %s)", n, strings.TrimSuffix(why.Sentence("en"), "."))
				}
				gaps = append(gaps, gap(s, zh, en))
			}
		default:
			a, answered := byStep[s.GetKey()]
			switch {
			case !answered:
				gaps = append(gaps, gap(s, "未填写", "not answered"))
			case CheckAnswer(s, a) != nil:
				gaps = append(gaps, gap(s, "填写有误", "the answer does not fit"))
			case s.GetKind() == fieldv1.StepKind_STEP_KIND_CHECK && !a.GetCheck():
				gaps = append(gaps, gap(s, "未完成", "not done"))
			}
		}
	}
	return gaps
}

// attached counts what is attached to a step and may be good, and lists why the rest is not.
func attached(s *fieldv1.Step, proofs []Proof) (n int, refused []fault.Code) {
	want := s.GetProof()
	if s.GetKind() == fieldv1.StepKind_STEP_KIND_SIGNATURE {
		want = fieldv1.ProofKind_PROOF_KIND_SIGNATURE
	}
	for _, p := range proofs {
		switch {
		case p.Step != s.GetKey() || p.Kind != want:
		case p.Refusal != "":
			refused = append(refused, p.Refusal)
		default:
			n++
		}
	}
	return n, refused
}

func gap(s *fieldv1.Step, zh, en string) Gap {
	nameZh, nameEn := s.GetName().GetZh(), s.GetName().GetEn()
	if nameZh == "" {
		nameZh = nameEn
	}
	if nameEn == "" {
		nameEn = nameZh
	}
	return Gap{Step: s.GetKey(), Chinese: nameZh + "：" + zh, English: nameEn + ": " + en}
}

// Say joins gaps into one detail of both languages.
func Say(gaps []Gap) fault.Text {
	zh, en := make([]string, len(gaps)), make([]string, len(gaps))
	for i, g := range gaps {
		zh[i], en[i] = g.Chinese, g.English
	}
	return fault.Both(strings.Join(zh, "；"), strings.Join(en, "; "))
}
