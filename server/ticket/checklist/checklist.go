// Package checklist holds the rules of templates: what a well-formed checklist is, whether an answer fits its
// step, and what is still missing before a visit may be completed.
package checklist

import (
	"math"
	"strings"
	"unicode/utf8"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Limits of a template.
const (
	MaxSteps   = 100
	MaxChoices = 50
	MaxCount   = 20
	maxName    = 200
	maxKey     = 64
	maxText    = 2000
	maxSerial  = 40
)

// Check tells what is wrong with a template, as InvalidArgument, or nil.
func Check(t *fieldv1.Template) error {
	switch {
	case !validKey(t.GetKey()):
		return invalid("key %.64q: 1 to 64 of a-z, 0-9, _ and -", t.GetKey())
	case !named(t.GetName().GetZh(), t.GetName().GetEn()):
		return invalid("name: at least one language, at most %d characters", maxName)
	case len(t.GetSteps()) == 0 || len(t.GetSteps()) > MaxSteps:
		return invalid("steps: 1 to %d", MaxSteps)
	}
	seen := map[string]bool{}
	for _, s := range t.GetSteps() {
		if seen[s.GetKey()] {
			return invalid("step %.64q comes twice", s.GetKey())
		}
		seen[s.GetKey()] = true
		if err := checkStep(s); err != nil {
			return err
		}
	}
	return nil
}

func checkStep(s *fieldv1.Step) error {
	switch {
	case !validKey(s.GetKey()):
		return invalid("step key %.64q: 1 to 64 of a-z, 0-9, _ and -", s.GetKey())
	case !named(s.GetName().GetZh(), s.GetName().GetEn()):
		return invalid("step %s: name in at least one language", s.GetKey())
	}
	switch s.GetKind() {
	case fieldv1.StepKind_STEP_KIND_CHECK, fieldv1.StepKind_STEP_KIND_TEXT, fieldv1.StepKind_STEP_KIND_SERIAL:
	case fieldv1.StepKind_STEP_KIND_NUMBER:
		if s.GetHasRange() && !(s.GetMin() <= s.GetMax()) { // so written to refuse NaN too
			return invalid("step %s: the range is empty", s.GetKey())
		}
	case fieldv1.StepKind_STEP_KIND_CHOICE:
		return checkChoices(s)
	case fieldv1.StepKind_STEP_KIND_PHOTO:
		switch s.GetProof() {
		case fieldv1.ProofKind_PROOF_KIND_UNSPECIFIED, fieldv1.ProofKind_PROOF_KIND_SIGNATURE:
			return invalid("step %s: say what the photo must show", s.GetKey())
		}
		if s.GetMinCount() > MaxCount {
			return invalid("step %s: at most %d photos can be asked for", s.GetKey(), MaxCount)
		}
	case fieldv1.StepKind_STEP_KIND_SIGNATURE:
		if s.GetMinCount() > MaxCount {
			return invalid("step %s: at most %d signatures can be asked for", s.GetKey(), MaxCount)
		}
	default:
		return invalid("step %s: unknown kind", s.GetKey())
	}
	return nil
}

func checkChoices(s *fieldv1.Step) error {
	if n := len(s.GetChoices()); n == 0 || n > MaxChoices {
		return invalid("step %s: 1 to %d choices", s.GetKey(), MaxChoices)
	}
	seen := map[string]bool{}
	for _, c := range s.GetChoices() {
		if !validKey(c.GetKey()) || seen[c.GetKey()] || !named(c.GetName().GetZh(), c.GetName().GetEn()) {
			return invalid("step %s: choice %.64q has a bad or repeated key, or no name", s.GetKey(), c.GetKey())
		}
		seen[c.GetKey()] = true
	}
	return nil
}

// CheckAnswer tells whether an answer fits its step, as InvalidArgument, or nil. Photos and signatures are no
// answers: they come as proof.
func CheckAnswer(s *fieldv1.Step, a *fieldv1.TaskAnswer) error {
	bad := func(format string, args ...any) error {
		return invalid("step %s: %s", s.GetKey(), fault.Textf(format, args...))
	}
	switch s.GetKind() {
	case fieldv1.StepKind_STEP_KIND_CHECK:
		if _, ok := a.GetValue().(*fieldv1.TaskAnswer_Check); !ok {
			return bad("expects yes or no")
		}
	case fieldv1.StepKind_STEP_KIND_NUMBER:
		v, ok := a.GetValue().(*fieldv1.TaskAnswer_Number)
		switch {
		case !ok || math.IsNaN(v.Number) || math.IsInf(v.Number, 0):
			return bad("expects a number")
		case s.GetHasRange() && (v.Number < s.GetMin() || v.Number > s.GetMax()):
			return bad("%g is not within %g to %g", v.Number, s.GetMin(), s.GetMax())
		}
	case fieldv1.StepKind_STEP_KIND_CHOICE:
		v, ok := a.GetValue().(*fieldv1.TaskAnswer_Text)
		if !ok {
			return bad("expects one of its choices: %s", strings.Join(Choices(s, ""), ", "))
		}
		for _, c := range s.GetChoices() {
			if c.GetKey() == v.Text {
				return nil
			}
		}
		return bad("expects one of its choices: %s", strings.Join(Choices(s, ""), ", "))
	case fieldv1.StepKind_STEP_KIND_TEXT, fieldv1.StepKind_STEP_KIND_SERIAL:
		v, ok := a.GetValue().(*fieldv1.TaskAnswer_Text)
		limit := maxText
		if s.GetKind() == fieldv1.StepKind_STEP_KIND_SERIAL {
			limit = maxSerial
		}
		if !ok || strings.TrimSpace(v.Text) == "" || utf8.RuneCountInString(v.Text) > limit {
			return bad("expects 1 to %d characters", limit)
		}
	default:
		return bad("is answered by proof, not by words")
	}
	return nil
}

// Choices tells what a step of choices may be answered with, as "key = name"; lang is "zh", "en", or "" for both names.
func Choices(s *fieldv1.Step, lang string) []string {
	out := make([]string, 0, len(s.GetChoices()))
	for _, c := range s.GetChoices() {
		zh, en := c.GetName().GetZh(), c.GetName().GetEn()
		name := zh
		switch {
		case zh == "" || lang == "en" && en != "":
			name = en
		case lang == "" && en != "":
			name = zh + " " + en
		}
		out = append(out, c.GetKey()+" = "+name)
	}
	return out
}

// Step finds a step by its key; nil if the template has none.
func Step(t *fieldv1.Template, key string) *fieldv1.Step {
	for _, s := range t.GetSteps() {
		if s.GetKey() == key {
			return s
		}
	}
	return nil
}

func validKey(k string) bool {
	if k == "" || len(k) > maxKey {
		return false
	}
	for _, c := range k {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func named(zh, en string) bool {
	return zh+en != "" && utf8.RuneCountInString(zh) <= maxName && utf8.RuneCountInString(en) <= maxName
}

func invalid(format string, args ...any) error {
	return fault.New(fault.InvalidArgument, format, args...)
}
