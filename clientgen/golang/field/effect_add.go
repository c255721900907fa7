package field

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/store/v1"
)

const (
	kindTicket = fieldv1.EntityKind_ENTITY_KIND_TICKET
	kindVisit  = fieldv1.EntityKind_ENTITY_KIND_VISIT
	kindProof  = fieldv1.EntityKind_ENTITY_KIND_PROOF
)

// ticketOf reads the visit's ticket.
func ticketOf(v *offline.View, visit []byte) *fieldv1.Ticket {
	return Get[fieldv1.Ticket](v, kindTicket, Get[fieldv1.Visit](v, kindVisit, visit).GetTicketId())
}

func addPart(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.AddPart
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	t, item := ticketOf(v, a.VisitId), Get[fieldv1.PriceItem](v, fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM, a.PriceItemId)
	if t == nil || item == nil {
		return nil
	}
	t.Parts = append(t.Parts, &fieldv1.PartUsed{
		Id: a.Id, PriceItemId: a.PriceItemId, Name: item.GetName().GetZh(), Quantity: a.Quantity, UnitPrice: item.GetPrice(),
		DeviceTime: timestamppb.New(m.DeviceTime),
	})
	return put(nil, kindTicket, t.Id, t)
}

func addSurcharge(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.AddSurcharge
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	t, item := ticketOf(v, a.VisitId), Get[fieldv1.PriceItem](v, fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM, a.PriceItemId)
	if t == nil || item == nil {
		return nil
	}
	t.Surcharges = append(t.Surcharges, &fieldv1.Surcharge{
		Id: a.Id, PriceItemId: a.PriceItemId, Name: item.GetName().GetZh(), Quantity: a.Quantity, UnitPrice: item.GetPrice(),
		DeviceTime: timestamppb.New(m.DeviceTime),
	})
	return put(nil, kindTicket, t.Id, t)
}

func addNote(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.AddNote
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	t := Get[fieldv1.Ticket](v, kindTicket, a.TicketId)
	if t == nil {
		return nil
	}
	t.Notes = append(t.Notes, &fieldv1.Note{Id: a.Id, Text: a.Text, DeviceTime: timestamppb.New(m.DeviceTime)})
	return put(nil, kindTicket, t.Id, t)
}

func attachProof(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.AttachProof
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	visit := Get[fieldv1.Visit](v, kindVisit, a.VisitId)
	if visit == nil {
		return nil
	}
	return put(nil, kindProof, a.Id, &fieldv1.Proof{
		Id: a.Id, TicketId: visit.GetTicketId(), VisitId: a.VisitId, Step: a.Step, Kind: a.Kind,
		State: fieldv1.ProofState_PROOF_STATE_AWAITING, Sha256: a.Sha256, Size: a.Size, MediaType: a.MediaType,
		DeviceTime: timestamppb.New(m.DeviceTime),
	})
}

func sign(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.SignSignature
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	visit := Get[fieldv1.Visit](v, kindVisit, a.VisitId)
	if visit == nil {
		return nil
	}
	return put(nil, kindProof, a.Id, &fieldv1.Proof{
		Id: a.Id, TicketId: visit.GetTicketId(), VisitId: a.VisitId, Step: a.Step,
		Kind: fieldv1.ProofKind_PROOF_KIND_SIGNATURE, State: fieldv1.ProofState_PROOF_STATE_AWAITING,
		DeviceTime: timestamppb.New(m.DeviceTime), SignerName: a.SignerName,
	})
}

// claim changes nothing yet, for others may be faster: the pool's entry only shows that something is on its way.
func claim(v *offline.View, m offline.Mutation) []offline.Change {
	var a fieldv1.ClaimPoolTicket
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	kind := fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET
	if t := Get[fieldv1.PoolTicket](v, kind, a.TicketId); t != nil {
		return put(nil, kind, t.Id, t)
	}
	return nil
}

// openTicket shows the clerk's ticket, unless the unit has an open one, which the office will find too.
func openTicket(v *offline.View, m offline.Mutation) []offline.Change {
	var a storev1.OpenTicketByScan
	if proto.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	unit := FindUnit(v, a.Scanned, a.Serial)
	if unit != nil && OpenTicketOf(v, unit.GetId()) != nil {
		return nil
	}
	t := &storev1.OpenTicket{
		Id: a.TicketId, State: fieldv1.TicketState_TICKET_STATE_NEW, UnitId: unit.GetId(), CustomerName: a.CustomerName,
		CustomerPhone: mask(a.CustomerPhone), OpenedAt: timestamppb.New(m.DeviceTime),
	}
	if p := Get[fieldv1.Product](v, fieldv1.EntityKind_ENTITY_KIND_PRODUCT, unit.GetProductId()); p != nil {
		t.ProductName = p.GetName().GetZh()
	}
	return put(nil, fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET, t.Id, t)
}

// FindUnit finds the piece that a scanned text or a typed serial number means, among those that the phone holds:
// by human code, by serial, or by a GS1 link or element string that carries the serial. nil when there is none.
func FindUnit(v *offline.View, scanned, serial string) *storev1.Unit {
	scanned = strings.TrimSpace(scanned)
	plain := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(scanned))
	for _, u := range All[storev1.Unit](v, fieldv1.EntityKind_ENTITY_KIND_UNIT) {
		human := strings.ToUpper(strings.ReplaceAll(u.GetHumanCode(), "-", ""))
		s := u.GetSerial()
		switch {
		case human != "" && plain == human, s != "" && (scanned == s || serial == s):
			return u
		case s != "" && u.GetGtin() != "" && strings.Contains(scanned, u.GetGtin()) &&
			(strings.HasSuffix(scanned, "/21/"+s) || strings.Contains(scanned, "(21)"+s) || strings.Contains(scanned, "/21/"+s+"?")):
			return u
		}
	}
	return nil
}

// OpenTicketOf finds the ticket in work for a piece; nil when there is none.
func OpenTicketOf(v *offline.View, unit []byte) *storev1.OpenTicket {
	for _, t := range All[storev1.OpenTicket](v, fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET) {
		if len(unit) > 0 && bytes.Equal(t.GetUnitId(), unit) {
			return t
		}
	}
	return nil
}

// mask hides the middle of a phone number: 138****0001.
func mask(phone string) string {
	if utf8.RuneCountInString(phone) < 8 || len(phone) != utf8.RuneCountInString(phone) {
		return ""
	}
	return phone[:3] + "****" + phone[len(phone)-4:]
}
