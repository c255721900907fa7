package checklist

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

func heater() *fieldv1.Template {
	return &fieldv1.Template{
		Key: "heater", Name: label("热水器安装", "Water heater"),
		Steps: []*fieldv1.Step{
			{Key: "power_off", Kind: fieldv1.StepKind_STEP_KIND_CHECK, Name: label("断电", "Power off"), Required: true},
			{
				Key: "pressure", Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: label("水压", "Pressure"), Required: true,
				HasRange: true, Min: 0.1, Max: 0.8, Unit: "MPa",
			},
			{
				Key: "wall", Kind: fieldv1.StepKind_STEP_KIND_CHOICE, Name: label("墙体", "Wall"), Required: true,
				Choices: []*fieldv1.Choice{
					{Key: "brick", Name: label("砖", "Brick")}, {Key: "board", Name: label("板", "Board")},
				},
			},
			{Key: "remark", Kind: fieldv1.StepKind_STEP_KIND_TEXT, Name: label("备注", "Remark")},
			{Key: "serial", Kind: fieldv1.StepKind_STEP_KIND_SERIAL, Name: label("序列号", "Serial"), Required: true},
			{
				Key: "after", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("完工照", "After"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_AFTER, MinCount: 2,
			},
			{Key: "sign", Kind: fieldv1.StepKind_STEP_KIND_SIGNATURE, Name: label("签字", "Signature"), Required: true},
		},
	}
}

func check(step string, v bool) *fieldv1.TaskAnswer {
	return &fieldv1.TaskAnswer{Step: step, Value: &fieldv1.TaskAnswer_Check{Check: v}}
}

func number(step string, v float64) *fieldv1.TaskAnswer {
	return &fieldv1.TaskAnswer{Step: step, Value: &fieldv1.TaskAnswer_Number{Number: v}}
}

func text(step, v string) *fieldv1.TaskAnswer {
	return &fieldv1.TaskAnswer{Step: step, Value: &fieldv1.TaskAnswer_Text{Text: v}}
}

func TestTemplatesAreChecked(t *testing.T) {
	t.Parallel()
	if err := Check(heater()); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*fieldv1.Template){
		"no key":           func(x *fieldv1.Template) { x.Key = "" },
		"bad key":          func(x *fieldv1.Template) { x.Key = "Heater!" },
		"no name":          func(x *fieldv1.Template) { x.Name = nil },
		"no steps":         func(x *fieldv1.Template) { x.Steps = nil },
		"too many steps":   func(x *fieldv1.Template) { x.Steps = make([]*fieldv1.Step, MaxSteps+1) },
		"step twice":       func(x *fieldv1.Template) { x.Steps[1].Key = x.Steps[0].Key },
		"step without key": func(x *fieldv1.Template) { x.Steps[0].Key = "" },
		"nameless step":    func(x *fieldv1.Template) { x.Steps[0].Name = nil },
		"unknown kind":     func(x *fieldv1.Template) { x.Steps[0].Kind = 0 },
		"empty range":      func(x *fieldv1.Template) { x.Steps[1].Min = 1 },
		"range of NaN":     func(x *fieldv1.Template) { x.Steps[1].Min = math.NaN() },
		"no choices":       func(x *fieldv1.Template) { x.Steps[2].Choices = nil },
		"choice twice":     func(x *fieldv1.Template) { x.Steps[2].Choices[1].Key = "brick" },
		"photo of nothing": func(x *fieldv1.Template) { x.Steps[5].Proof = 0 },
		"too many photos":  func(x *fieldv1.Template) { x.Steps[5].MinCount = 99 },
		"many signatures":  func(x *fieldv1.Template) { x.Steps[6].MinCount = 99 },
	} {
		x := proto.CloneOf(heater())
		edit(x)
		if err := Check(x); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnswersFitTheirSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer *fieldv1.TaskAnswer
		ok     bool
	}{
		{check("power_off", true), true},
		{check("power_off", false), true},
		{text("power_off", "yes"), false},
		{number("pressure", 0.1), true},
		{number("pressure", 0.8), true},
		{number("pressure", 0.81), false},
		{number("pressure", math.NaN()), false},
		{check("pressure", true), false},
		{text("wall", "brick"), true},
		{text("wall", "wood"), false},
		{number("wall", 1), false},
		{text("remark", "好"), true},
		{text("remark", "  "), false},
		{text("remark", strings.Repeat("好", 2001)), false},
		{text("serial", "SN123"), true},
		{text("serial", strings.Repeat("1", 41)), false},
		{text("after", "done"), false},
		{check("sign", true), false},
	} {
		s := Step(heater(), c.answer.GetStep())
		if err := CheckAnswer(s, c.answer); (err == nil) != c.ok {
			t.Errorf("%v: got %v", c.answer, err)
		}
	}
	if Step(heater(), "nothing") != nil {
		t.Error("found a step that is not there")
	}
}

func TestMissingNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	full := []*fieldv1.TaskAnswer{
		check("power_off", true), number("pressure", 0.3), text("wall", "brick"),
		text("serial", "SN1"),
	}
	after := Proof{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}
	sign := Proof{Step: "sign", Kind: fieldv1.ProofKind_PROOF_KIND_SIGNATURE}
	broken := Proof{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER, Refusal: media.PictureBroken}
	for name, c := range map[string]struct {
		answers []*fieldv1.TaskAnswer
		proofs  []Proof
		want    string
	}{
		"nothing missing": {full, []Proof{after, after, sign}, ""},
		"one photo short": {full, []Proof{after, sign}, "after"},
		"photo of something else": {
			full,
			[]Proof{after, {Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_BEFORE}, sign},
			"after",
		},
		"photo at another step": {
			full,
			[]Proof{after, {Step: "wall", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}, sign},
			"after",
		},
		"one photo refused":     {full, []Proof{after, broken, sign}, "after"},
		"one refused, two good": {full, []Proof{after, broken, after, sign}, ""},
		"no signature":          {full, []Proof{after, after}, "sign"},
		"check answered no":     {append(full[1:4:4], check("power_off", false)), []Proof{after, after, sign}, "power_off"},
		"number out of range": {
			append([]*fieldv1.TaskAnswer{number("pressure", 9)}, full[0], full[2], full[3]),
			[]Proof{after, after, sign},
			"pressure",
		},
		"everything": {nil, nil, "power_off pressure wall serial after sign"},
	} {
		var steps []string
		gaps := Missing(heater(), c.answers, c.proofs)
		for _, g := range gaps {
			steps = append(steps, g.Step)
			if g.Chinese == "" || g.English == "" {
				t.Errorf("%s: %s says nothing", name, g.Step)
			}
		}
		if got := strings.Join(steps, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got, want := Say(Missing(heater(), full, []Proof{after, broken, sign})),
		fault.Both("完工照：还差1张（已有1张不合格：图片已损坏，无法显示，请重新拍摄）",
			"After: 1 more needed (1 not acceptable: The picture is damaged and cannot be shown. Take it again)"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Say(Missing(heater(), full, []Proof{after, sign})); got != fault.Both("完工照：还差1张", "After: 1 more needed") {
		t.Errorf("got %q", got)
	}
}
