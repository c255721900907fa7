package plan

import (
	"fmt"
	"strconv"
	"strings"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
)

func node(kind payv1.TraceKind, zh, en, value string, inputs ...*payv1.TraceNode) *payv1.TraceNode {
	return &payv1.TraceNode{Kind: kind, Label: &typesv1.Label{Zh: zh, En: en}, Value: value, Inputs: inputs}
}

func input(zh, en, value string) *payv1.TraceNode {
	return node(payv1.TraceKind_TRACE_KIND_INPUT, zh, en, value)
}

func itemInput(i Item, value string) *payv1.TraceNode {
	name := i.Name
	if name == "" {
		name = i.SKU
	}
	return input(name, name, value)
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// head begins every line's trace: the rule, the version.
func head(v *Version, ruleZH, ruleEN, value string) []*payv1.TraceNode {
	return []*payv1.TraceNode{
		node(payv1.TraceKind_TRACE_KIND_RULE, ruleZH, ruleEN, value),
		node(payv1.TraceKind_TRACE_KIND_VERSION, "方案版本，生效于 "+v.From.String(), "plan version, in force since "+v.From.String(),
			v.Ref()),
	}
}

func lineTrace(v *Version, c *payv1.Component, inputs []*payv1.TraceNode, exact money.Exact,
	whole, part money.Amount, weights []int64, i int,
) *payv1.TraceNode {
	var ruleZH, ruleEN string
	switch c.GetRule().(type) {
	case *payv1.Component_BaseFee:
		ruleZH, ruleEN = "按产品类别计件", "a fee a ticket by product class"
	case *payv1.Component_SurchargeFee:
		ruleZH, ruleEN = "增值项目", "surcharge items"
	case *payv1.Component_PartsShare:
		ruleZH, ruleEN = "配件提成", "a share of the parts' price"
	}
	nodes := append(head(v, ruleZH, ruleEN, c.GetKey()), inputs...)
	nodes = append(nodes, roundingNode(c, exact, whole))
	if len(weights) > 1 {
		var sum int64
		for _, w := range weights {
			sum += w
		}
		nodes = append(nodes, input("分账 "+whole.String(), "split of "+whole.String(), fmt.Sprintf("%d/%d", weights[i], sum)))
	}
	return node(payv1.TraceKind_TRACE_KIND_RESULT, c.GetName().GetZh(), c.GetName().GetEn(), part.String(), nodes...)
}

func tierTrace(
	v *Version, c *payv1.Component, was, is Measure, before, after money.Exact, amount money.Amount,
) (*payv1.TraceNode, error) {
	t := c.GetMonthlyTier()
	zh, en := "月度累进阶梯", "monthly tier, graduated"
	if t.GetMode() == payv1.TierMode_TIER_MODE_VOLUME {
		zh, en = "月度全量阶梯", "monthly tier, volume"
	}
	nodes := head(v, zh, en, c.GetKey())
	tickets := t.GetMeasure() == payv1.TierMeasure_TIER_MEASURE_TICKETS
	quantity := func(n int64) string {
		if tickets {
			return count(n)
		}
		return money.New(n, v.Currency).String()
	}
	for _, step := range t.GetTiers() {
		value := money.New(step.GetPerTicketMinor(), v.Currency).String()
		if !tickets {
			r, err := rate(step.GetShare())
			if err != nil {
				return nil, err
			}
			value = r.Percent()
		}
		nodes = append(nodes, input("超过 "+quantity(step.GetAbove()), "above "+quantity(step.GetAbove()), value))
	}
	b, err := before.Round(rounding(c))
	if err != nil {
		return nil, err
	}
	a, err := after.Round(rounding(c))
	if err != nil {
		return nil, err
	}
	labelZH, labelEN := "本月完成单数", "tickets this month"
	if !tickets {
		labelZH, labelEN = "本月安装费", "base fees this month"
	}
	nodes = append(nodes,
		input(labelZH, labelEN, quantity(measureOf(t, was))+" → "+quantity(measureOf(t, is))),
		input("本月阶梯累计", "tier total of the month", b.String()+" → "+a.String()),
		roundingNode(c, after, a))
	return node(payv1.TraceKind_TRACE_KIND_RESULT, c.GetName().GetZh(), c.GetName().GetEn(), amount.String(), nodes...),
		nil
}

func roundingNode(c *payv1.Component, exact money.Exact, rounded money.Amount) *payv1.TraceNode {
	zh, en := "取整：四舍六入五成双", "rounding: half to even"
	if rounding(c) == money.HalfUp {
		zh, en = "取整：四舍五入", "rounding: half away from zero"
	}
	value := rounded.String()
	if !exact.Whole() {
		value = exact.String() + " → " + value
	}
	return node(payv1.TraceKind_TRACE_KIND_ROUNDING, zh, en, value)
}

// Explain puts the lines of a ticket and payee under one root: "Why ¥132.50?".
func Explain(total money.Amount, lines ...*payv1.TraceNode) *payv1.TraceNode {
	return node(payv1.TraceKind_TRACE_KIND_RESULT, "合计", "total", total.String(), lines...)
}

// Render writes a trace as an indented text, one step a line; lang is "zh" or anything else for English.
func Render(n *payv1.TraceNode, lang string) string {
	var b strings.Builder
	if lang == "zh" {
		fmt.Fprintf(&b, "为什么是 %s？\n", n.GetValue())
	} else {
		fmt.Fprintf(&b, "Why %s?\n", n.GetValue())
	}
	for _, in := range n.GetInputs() {
		render(&b, in, lang, 1)
	}
	return b.String()
}

func render(b *strings.Builder, n *payv1.TraceNode, lang string, depth int) {
	label, colon := n.GetLabel().GetEn(), ": "
	if lang == "zh" {
		label, colon = n.GetLabel().GetZh(), "："
	}
	fmt.Fprintf(b, "%s%s%s%s\n", strings.Repeat("  ", depth), label, colon, n.GetValue())
	for _, in := range n.GetInputs() {
		render(b, in, lang, depth+1)
	}
}
