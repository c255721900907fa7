package phone

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
)

// maxTerms is how many characters of terms a signature takes.
const maxTerms = 4000

// inEither gives the words in a language, which need not be that of the phone.
func inEither(language, zh, en string) string {
	if language == "en" {
		return en
	}
	return zh
}

// terms are the words that the signer reads, in the signer's language: what was done, each thing that is charged, and
// the sum.
func terms(v *offline.View, j job, lines []*fieldv1.SignedLine, language string) string {
	name := j.ticket.GetProductName()
	if l := field.Products.Get(v, j.ticket.GetProductId()).GetName(); inEither(language, l.GetZh(), l.GetEn()) != "" {
		name = inEither(language, l.GetZh(), l.GetEn())
	}
	head := fmt.Sprintf(inEither(language, "本人确认 %s（%s）已安装完毕并验收。", "I confirm that %s (%s) is installed and accepted."),
		name, j.ticket.GetNumber())
	sum := inEither(language, "另付配件与补价：", "Parts and extras to pay: ") + sums(lines)
	var items strings.Builder
	for i, l := range lines {
		item := l.GetName()
		if n := field.PriceItems.Get(v, l.GetPriceItemId()).GetName(); language == "en" && n.GetEn() != "" {
			item = n.GetEn()
		}
		line := fmt.Sprintf("\n  %s  %s × %d = %s", item, yuan(l.GetUnitPrice().GetMinor(), l.GetUnitPrice().GetCurrency()),
			l.GetQuantity(),
			yuan(l.GetSum().GetMinor(), l.GetSum().GetCurrency()))
		if utf8.RuneCountInString(head+items.String()+line+sum) > maxTerms-100 {
			fmt.Fprintf(&items, inEither(language, "\n  另有 %d 项", "\n  and %d more"), len(lines)-i)
			break
		}
		items.WriteString(line)
	}
	return head + items.String() + "\n" + sum
}

// sums are the totals of lines, for people.
func sums(lines []*fieldv1.SignedLine) string {
	var out []string
	for _, m := range agreement.Totals(lines) {
		out = append(out, yuan(m.GetMinor(), m.GetCurrency()))
	}
	if len(out) == 0 {
		return yuan(0, "CNY")
	}
	return strings.Join(out, " + ")
}

// showTerms lets the signer read them.
func (p *Phone) showTerms(words, language string) {
	p.note(p.paint(bold, "请客户过目（客户语言：%s）"), p.paint(bold, "For the customer to read (the customer's language: %s)"),
		inEither(language, "中文", "English"))
	for line := range strings.Lines(words) {
		line = strings.TrimSuffix(line, "\n")
		p.note("%s", "%s", line)
	}
}

// notAgreed says what the customer has still to agree to.
func (p *Phone) notAgreed(d details) string {
	names := make([]string, len(d.open))
	for i, l := range d.open {
		names[i] = fmt.Sprintf("%s ×%d", p.translate(l.GetName()), l.GetQuantity())
	}
	return fmt.Sprintf(p.pick("客户尚未签字确认：%s，合计 %s，请客户重新签字",
		"the customer has not signed for %s; the sum is now %s, to be signed again"),
		strings.Join(names, p.pick("、", ", ")), sums(agreement.Lines(d.ticket)))
}

// charges prints what the job charges, and what of it the customer has not agreed to.
func (p *Phone) charges(d details) {
	open := map[string]bool{}
	for _, l := range d.open {
		open[string(l.GetId())] = true
	}
	for _, l := range agreement.Lines(d.ticket) {
		kind := p.pick("配件", "part")
		if l.GetKind() == fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE {
			kind = p.pick("补价", "surcharge")
		}
		mark := ""
		if open[string(l.GetId())] {
			mark = p.paint(yellow, p.pick("  未签字", "  not signed for"))
		}
		p.line("  %s %s ×%d  %s%s", kind, p.translate(l.GetName()), l.GetQuantity(),
			yuan(l.GetSum().GetMinor(), l.GetSum().GetCurrency()), mark)
	}
}
