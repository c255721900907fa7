package field

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/human"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
)

// ByHand are the effects that the annotations cannot declare.
type ByHand struct{}

// OpenTicketByScan shows the clerk's ticket, unless the unit has an open one, which the office will find too.
func (ByHand) OpenTicketByScan(v *offline.View, a *storev1.OpenTicketByScan, at time.Time, d *offline.Draft) {
	unit := FindUnit(v, a.GetScanned(), a.GetSerial())
	if unit != nil && OpenTicketOf(v, unit.GetId()) != nil {
		return
	}
	if t := OpenTickets.Create(d, a.GetTicketId()); t != nil {
		t.Id, t.State, t.UnitId = a.GetTicketId(), fieldv1.TicketState_TICKET_STATE_NEW, unit.GetId()
		t.CustomerName, t.CustomerPhone, t.OpenedAt = a.GetCustomerName(), mask(a.GetCustomerPhone()), timestamppb.New(at)
		t.ProductName = Products.Get(v, unit.GetProductId()).GetName().GetZh()
	}
}

// FindUnit finds the piece that a scanned text means, among those that the phone holds: by its label (product number
// and serial number, the serial also typed beside a label that has none), by its short code, or by a bare serial
// number. nil when there is none.
func FindUnit(v *offline.View, scanned, serial string) *storev1.Unit {
	scanned, serial = strings.TrimSpace(scanned), strings.TrimSpace(serial)
	label, labelErr := gs1.Parse(scanned)
	code, codeErr := human.Parse(scanned)
	if labelErr == nil && label.Serial != "" {
		serial = label.Serial
	}
	for _, u := range Units.All(v) {
		switch {
		case labelErr == nil && serial != "" && u.GetGtin() == string(label.GTIN) && u.GetSerial() == serial,
			codeErr == nil && sameCode(u.GetHumanCode(), code),
			labelErr != nil && u.GetSerial() != "" && (scanned == u.GetSerial() || serial == u.GetSerial()):
			return u
		}
	}
	return nil
}

func sameCode(printed string, code human.Code) bool {
	c, err := human.Parse(printed)
	return err == nil && c == code
}

// OpenTicketOf finds the ticket in work for a piece; nil when there is none.
func OpenTicketOf(v *offline.View, unit []byte) *storev1.OpenTicket {
	if found := OpenTicketsByUnitID(v, unit); len(unit) > 0 && len(found) > 0 {
		return found[0]
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
