// Package agreement says what a customer's signature covers: the parts and surcharges that it shows, as they are, and
// nothing that was added or altered afterwards. The terminal's phone and the office go by the same rule.
package agreement

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// maxUnit is the greatest unit price in minor units whose sums are sure to be exact.
const maxUnit = 1_000_000_000_000

// Lines are what a ticket charges, by id: parts and surcharges with their sums.
func Lines(t *fieldv1.Ticket) []*fieldv1.SignedLine {
	out := make([]*fieldv1.SignedLine, 0, len(t.GetParts())+len(t.GetSurcharges()))
	for _, p := range t.GetParts() {
		out = append(out, Line(p.GetId(), fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, p.GetPriceItemId(), p.GetName(),
			p.GetQuantity(), p.GetUnitPrice()))
	}
	for _, s := range t.GetSurcharges() {
		out = append(out, Line(s.GetId(), fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, s.GetPriceItemId(), s.GetName(),
			s.GetQuantity(), s.GetUnitPrice()))
	}
	return sorted(out)
}

// Line is one line with its sum.
func Line(
	id []byte, kind fieldv1.PriceItemKind, item []byte, name string, quantity uint32, unit *typesv1.Money,
) *fieldv1.SignedLine {
	return &fieldv1.SignedLine{
		Id: id, Kind: kind, PriceItemId: item, Name: name, Quantity: quantity, UnitPrice: unit,
		Sum: &typesv1.Money{Minor: unit.GetMinor() * int64(quantity), Currency: unit.GetCurrency()},
	}
}

// Totals are the sums of the lines, one a currency, by the currency's name.
func Totals(lines []*fieldv1.SignedLine) []*typesv1.Money {
	var out []*typesv1.Money
	for _, l := range lines {
		at, ok := slices.BinarySearchFunc(out,
			l.GetSum().GetCurrency(), func(m *typesv1.Money, c string) int { return strings.Compare(m.Currency, c) })
		if !ok {
			out = slices.Insert(out, at, &typesv1.Money{Currency: l.GetSum().GetCurrency()})
		}
		out[at].Minor += l.GetSum().GetMinor()
	}
	return out
}

// Text is the canonical form of what a signature covers: UTF-8, a line each, the lines by their ids.
func Text(ticket []byte, lines []*fieldv1.SignedLine) []byte {
	b := fmt.Appendf(nil, "doorstep terms 1\nticket %s\n", id(ticket))
	lines = sorted(slices.Clone(lines))
	for _, l := range lines {
		b = fmt.Appendf(b, "%s %s %s %d × %d = %d %s %s\n", kinds[l.GetKind()], id(l.GetId()), id(l.GetPriceItemId()),
			l.GetQuantity(),
			l.GetUnitPrice().GetMinor(), l.GetSum().GetMinor(), l.GetSum().GetCurrency(), strings.Map(oneLine, l.GetName()))
	}
	for _, m := range Totals(lines) {
		b = fmt.Appendf(b, "total %d %s\n", m.Minor, m.Currency)
	}
	return b
}

// Hash is what a signature binds as its content_hash.
func Hash(ticket []byte, lines []*fieldv1.SignedLine) []byte {
	sum := sha256.Sum256(Text(ticket, lines))
	return sum[:]
}

// Check tells what is wrong with the content that a signature names for a ticket; nil when all of it fits together,
// also where the app named none.
func Check(ticket []byte, s *fieldv1.SignSignature) error {
	if len(s.GetContentHash()) == 0 {
		if len(s.GetLines())+len(s.GetTotals()) > 0 {
			return bad("lines without content_hash")
		}
		return nil
	}
	seen := map[string]bool{}
	for _, l := range s.GetLines() {
		unit := l.GetUnitPrice()
		switch {
		case seen[string(l.GetId())]:
			return bad("a line comes twice")
		case unit.GetMinor() > maxUnit || unit.GetMinor() < -maxUnit || len(unit.GetCurrency()) != 3:
			return bad("a line's unit_price")
		case l.GetSum().GetMinor() != unit.GetMinor()*int64(l.GetQuantity()) ||
			l.GetSum().GetCurrency() != unit.GetCurrency():
			return bad("a line's sum is not quantity × unit_price")
		}
		seen[string(l.GetId())] = true
	}
	totals := Totals(s.GetLines())
	if !slices.EqualFunc(totals, s.GetTotals(), func(a, b *typesv1.Money) bool {
		return a.GetMinor() == b.GetMinor() && a.GetCurrency() == b.GetCurrency()
	}) {
		return bad("totals are not the sums of the lines")
	}
	if !bytes.Equal(Hash(ticket, s.GetLines()), s.GetContentHash()) {
		return bad("content_hash is not that of the lines")
	}
	return nil
}

// Asked tells whether the customer's agreement to charges is asked for: where the checklist wants a signature, or one
// was taken. A company whose checklist has none does not ask.
func Asked(template *fieldv1.Template, signatures int) bool {
	return signatures > 0 || slices.ContainsFunc(template.GetSteps(), func(s *fieldv1.Step) bool {
		return s.GetKind() == fieldv1.StepKind_STEP_KIND_SIGNATURE
	})
}

// Open are the lines of a ticket to which the customer has not agreed as they are, by what a phone holds; while there
// are any, the job is not offered to be completed. A signature that shows exactly what the ticket charges covers all of
// it; else the office's word counts line by line.
func Open(t *fieldv1.Ticket, template *fieldv1.Template, proofs []*fieldv1.Proof) (open []*fieldv1.SignedLine) {
	lines := Lines(t)
	agreed := map[string]bool{}
	for _, p := range t.GetParts() {
		agreed[string(p.GetId())] = len(p.GetAgreedBy()) > 0
	}
	for _, s := range t.GetSurcharges() {
		agreed[string(s.GetId())] = len(s.GetAgreedBy()) > 0
	}
	signatures, hash := 0, Hash(t.GetId(), lines)
	for _, p := range proofs {
		if p.GetKind() != fieldv1.ProofKind_PROOF_KIND_SIGNATURE || !bytes.Equal(p.GetTicketId(), t.GetId()) {
			continue
		}
		if bytes.Equal(p.GetContentHash(), hash) {
			return nil
		}
		signatures++
	}
	for _, l := range lines {
		if agreed[string(l.GetId())] {
			signatures++
			continue
		}
		open = append(open, l)
	}
	if !Asked(template, signatures) {
		return nil
	}
	return open
}

var kinds = map[fieldv1.PriceItemKind]string{
	fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART: "part", fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE: "surcharge",
}

func sorted(lines []*fieldv1.SignedLine) []*fieldv1.SignedLine {
	slices.SortStableFunc(lines, func(a, b *fieldv1.SignedLine) int { return bytes.Compare(a.GetId(), b.GetId()) })
	return lines
}

func id(b []byte) string {
	u, _ := uuid.FromBytes(b) // what is no id is the zero id
	return u.String()
}

// oneLine keeps a name from looking like another line.
func oneLine(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

func bad(why string) error { return fault.New(fault.MutationMalformed, "%s", why) }
