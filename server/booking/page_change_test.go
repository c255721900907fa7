package booking_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/booking/page"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// booked is a site with one ticket, and the address of its page.
func booked(t *testing.T) (s *site, id uuid.UUID, address string) {
	t.Helper()
	s = newSite(t, page.Limits{Bookings: 100, Views: 1000})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	got := s.do("POST", s.page(i), s.fill(s.page(i)))
	if err := s.DB.Owner.QueryRow(t.Context(), `SELECT id FROM fake_ticket`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(got.header.Get("Location"), "?")
	return s, id, s.url + path
}

// asks posts a form of the ticket's page.
func (s *site) asks(address string, fields url.Values) answer {
	s.T.Helper()
	m := sealField.FindStringSubmatch(s.do("GET", address, nil).body)
	if m == nil {
		s.T.Fatalf("no form at %s", address)
	}
	fields.Set("seal", strings.ReplaceAll(m[1], "&#43;", "+"))
	return s.do("POST", address, fields)
}

func TestWhatACustomerAsksOfHisJob(t *testing.T) {
	t.Parallel()
	s, id, address := booked(t)
	s.Change(id, func(v *booking.Ticket) { v.MayChange, v.MayRate = true, true })
	var refusal error
	did := ""
	s.Customer.Cancel = func(uuid.UUID, string) error { did += "cancel "; return refusal }
	s.Customer.Reschedule = func(uuid.UUID, time.Time, time.Time) error {
		did += "reschedule "
		return refusal
	}
	s.Customer.Rate = func(uuid.UUID, int, string) error { did += "rate "; return refusal }
	s.Customer.Approve = func(uuid.UUID, []byte) error { did += "approve "; return refusal }
	tooLate, changed := fault.New(fault.StateForbids, ""), fault.New(fault.Conflict, "charges")
	for _, c := range []struct {
		form    string
		refusal error
		status  int
		did     string
	}{
		{"act=cancel&reason=x", nil, http.StatusSeeOther, "cancel "},
		{"act=cancel", tooLate, http.StatusConflict, "cancel "},
		{"act=reschedule&day=2026-11-25&span=1", nil, http.StatusSeeOther, "reschedule "},
		{"act=reschedule&day=2026-11-25&span=1", tooLate, http.StatusConflict, "reschedule "},
		{"act=reschedule&day=2026-11-20&span=1", nil, http.StatusUnprocessableEntity, ""},
		{"act=reschedule&day=2027-11-25&span=1", nil, http.StatusUnprocessableEntity, ""},
		{"act=reschedule&day=2026-11-25&span=9", nil, http.StatusUnprocessableEntity, ""},
		{"act=reschedule", nil, http.StatusUnprocessableEntity, ""},
		{"act=rate&stars=5&comment=x", nil, http.StatusSeeOther, "rate "},
		{"act=rate&stars=5", tooLate, http.StatusConflict, "rate "},
		{"act=rate&stars=0", nil, http.StatusUnprocessableEntity, ""},
		{"act=rate&stars=6", nil, http.StatusUnprocessableEntity, ""},
		{"act=rate&stars=five", nil, http.StatusUnprocessableEntity, ""},
		{"act=approve&hash=00ff", nil, http.StatusSeeOther, "approve "},
		{"act=approve&hash=00ff", changed, http.StatusConflict, "approve "},
		{"act=approve&hash=zz", nil, http.StatusNotFound, ""},
		{"act=other", nil, http.StatusNotFound, ""},
	} {
		did, refusal = "", c.refusal
		fields, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.asks(address, fields); got.status != c.status || did != c.did {
			t.Errorf("%s with %v: %d, did %q; want %d, %q", c.form, c.refusal, got.status, did, c.status, c.did)
		}
	}
	// A seal of another page, and none.
	did = ""
	for _, seal := range []string{
		"",
		s.fill(s.page(func() code.Issued { i, _ := s.IssueCode(token.Entry, s.Shop, 0); return i }())).Get("seal"),
	} {
		if got := s.do("POST", address, url.Values{"act": {"cancel"}, "seal": {seal}}); got.status !=
			http.StatusUnprocessableEntity || did != "" {
			t.Errorf("seal %q: %d, did %q", seal, got.status, did)
		}
	}
	late := codetest.Morning.Add(code.TicketCodeLife + time.Hour)
	s.Clock.Store(&late)
	if got := s.do("POST", address, url.Values{"act": {"cancel"}}); got.status != http.StatusNotFound || did != "" {
		t.Errorf("an expired code: %d, did %q", got.status, did)
	}
}

func TestACustomerApprovesWhatThePageShows(t *testing.T) {
	t.Parallel()
	s, id, address := booked(t)
	var sent []byte
	s.Customer.Approve = func(ticket uuid.UUID, hash []byte) error {
		if ticket != id {
			t.Errorf("approved on %s", ticket)
		}
		sent = hash
		return nil
	}
	cny := func(minor int64) money.Amount { return money.New(minor, money.CNY) }
	s.Change(id, func(v *booking.Ticket) {
		v.State = fieldv1.TicketState_TICKET_STATE_IN_PROGRESS
		v.Extras = booking.Extras{
			Lines:  []booking.Extra{{Name: "高空作业<b>", Quantity: 2, Unit: cny(8000), Sum: cny(16000)}},
			Totals: []money.Amount{cny(16000)}, Hash: []byte{1, 0xab}, Open: true, MayApprove: true,
		}
	})
	got := s.do("GET", address+"?lang=zh", nil).body
	for _, want := range []string{"高空作业&lt;b&gt;", "¥80.00 × 2", "¥160.00", "同意以上费用", `name="hash" value="01ab"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	if got := s.asks(address, url.Values{"act": {"approve"}, "hash": {"01ab"}}); got.status != http.StatusSeeOther ||
		!bytes.Equal(sent, []byte{1, 0xab}) {
		t.Errorf("%d, sent %x", got.status, sent)
	}
	s.Change(id, func(v *booking.Ticket) { v.Extras.Open, v.Extras.MayApprove = false, false })
	if got := s.do("GET", address, nil).body; strings.Contains(got, `value="approve"`) ||
		!strings.Contains(got, "You have agreed") {
		t.Errorf("approved:\n%s", got)
	}
}

func TestABookingKeepsTheLanguageOfItsPage(t *testing.T) {
	t.Parallel()
	s, _, _ := booked(t)
	var language string
	if err := s.DB.Owner.QueryRow(t.Context(), `SELECT language FROM code_booking`).Scan(&language); err != nil ||
		language != "en" {
		t.Errorf("language %q, %v", language, err)
	}
}
