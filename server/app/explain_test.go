package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestWhyFollowsAPhoneThroughAssignmentAndRemoval(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	p := c.phone(t, c.tech)
	token := p.GetTokens().GetAccess()
	asker := officev1connect.NewExplainServiceClient(http.DefaultClient, c.URL())
	office := c.console(t, "dispatch")
	// why asks once everything that was heard is written.
	why := func(who, what string) *officev1.WhyResponse {
		t.Helper()
		if err := c.Rooms.Delta.Contacts.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		res, err := asker.Why(t.Context(), with(&officev1.WhyRequest{Who: who, Ticket: what}, office))
		if err != nil {
			t.Fatal(err)
		}
		return res.Msg
	}
	var cursor []byte
	pull := func() {
		t.Helper()
		res, err := c.sync().Pull(t.Context(), with(&syncv1.PullRequest{
			Cursor: cursor, MaxBytes: 4 << 20, Unsent: 2, OldestUnsent: timestamppb.New(c.clock.Now()),
			DeviceTime: timestamppb.New(c.clock.Now()), AppVersion: "app/9",
		}, token))
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Msg.GetCursor()) > 0 {
			cursor = res.Msg.GetCursor()
		}
	}
	presence := func(when string, a *officev1.WhyResponse, want officev1.Presence) {
		t.Helper()
		if len(a.GetPhones()) != 1 || a.GetPhones()[0].GetPresence() != want {
			t.Errorf("%s: %v, want %v", when, a, want)
		}
	}

	pull()
	job := c.assigned(t)
	a := why("李师傅", job.ticket.String())
	presence("assigned", a, officev1.Presence_PRESENCE_DUE)
	if len(a.GetStandings()) != 1 || a.GetStandings()[0].GetEvent() == "" || a.GetStandings()[0].GetActor() != "调度" ||
		a.GetFindings()[0].GetCode() != "assigned" {
		t.Errorf("who wrote it, and why: %v", a)
	}
	pull()
	presence("pulled", why("B001", a.GetTicketNumber()), officev1.Presence_PRESENCE_SENT)
	pull()
	presence("pulled again", why("li", strings.ToLower(a.GetTicketNumber())), officev1.Presence_PRESENCE_HELD)

	c.within(t, func(tx *postgres.Tx) error {
		return c.Rooms.Ticket.Cancel(t.Context(), tx, job.ticket, "顾客取消", ticket.ByUser(c.dispatcher.ID))
	})
	presence("cancelled", why(uuid.UUID(p.GetDeviceId()).String(), a.GetTicketNumber()), officev1.Presence_PRESENCE_DUE)
	pull()
	pull()
	presence("removed", why(c.tech.ID.String(), a.GetTicketNumber()), officev1.Presence_PRESENCE_ABSENT)

	d, err := asker.GetDevice(t.Context(), with(&officev1.GetDeviceRequest{DeviceId: p.GetDeviceId()}, office))
	if err != nil {
		t.Fatal(err)
	}
	m := d.Msg
	if m.GetUserName() != "李师傅" || m.GetUnsent() != 2 || m.GetOldestUnsent() == nil || m.ClockAheadMs == nil ||
		m.GetAppVersion() != "app/9" || m.GetLastPull() == nil {
		t.Errorf("the device: %v", m)
	}
	for _, f := range m.GetFeeds() {
		if f.GetBehind() != 0 || f.GetAnew() {
			t.Errorf("a phone that pulled everything is behind: %v", f)
		}
	}
	if err := c.Rooms.Account.RevokeDevice(t.Context(), c.org.ID, uuid.UUID(p.GetDeviceId()), nil); err != nil {
		t.Fatal(err)
	}
	presence("out of service", why("li", a.GetTicketNumber()), officev1.Presence_PRESENCE_UNKNOWN)
}

func TestNobodyAsksAboutForeignPhonesAndTickets(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job, device := c.assigned(t), c.phone(t, c.tech).GetDeviceId()
	for letter, token := range c.cast(t, c.south, false) {
		if !strings.ContainsRune("DSA", rune(letter)) {
			continue
		}
		if code, answer := callRaw(t, c.URL(), "office.v1.ExplainService/Why",
			token, &officev1.WhyRequest{Who: "li", Ticket: job.ticket.String()}); code != fault.NotFound {
			t.Errorf("%c asks why: %q %.200s", letter, code, answer)
		}
		// A person of theirs, and a ticket that is not.
		if code, answer := callRaw(t, c.URL(), "office.v1.ExplainService/Why",
			token, &officev1.WhyRequest{Who: "T" + c.south.ID.String(), Ticket: job.ticket.String()}); code != fault.NotFound {
			t.Errorf("%c asks why of a foreign ticket: %q %.200s", letter, code, answer)
		}
		if code, answer := callRaw(t, c.URL(), "office.v1.ExplainService/GetDevice",
			token, &officev1.GetDeviceRequest{DeviceId: device}); code != fault.NotFound {
			t.Errorf("%c looks at the device: %q %.200s", letter, code, answer)
		}
	}
}
