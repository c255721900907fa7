package page

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/booking"
)

// desk knows every code as a shop's entry and keeps what was booked.
// where job is set, every code is a ticket's.
type desk struct {
	booked []booking.Wish
	job    bool
}

func (d *desk) Look(context.Context, string) (booking.Glimpse, error) {
	g := booking.Glimpse{Zone: time.UTC}
	if d.job {
		g.Progress = &booking.Progress{MayChange: true, MayRate: true}
	}
	return g, nil
}

func (d *desk) Book(_ context.Context, w booking.Wish) (booking.Booked, error) {
	d.booked = append(d.booked, w)
	return booking.Booked{Token: "T"}, nil
}
func (*desk) Cancel(context.Context, string, string) error { return nil }
func (*desk) Reschedule(_ context.Context, _ string, earliest, latest time.Time) error {
	if !earliest.Before(latest) {
		return errors.New("no window")
	}
	return nil
}

func (*desk) Rate(_ context.Context, _ string, stars int, _ string) error {
	if stars < 1 || stars > 5 {
		return errors.New("no stars")
	}
	return nil
}
func (*desk) Approve(context.Context, string, []byte) error { return nil }

// FuzzForm posts whatever a stranger may send: nothing breaks, and what is booked is a whole wish.
func FuzzForm(f *testing.F) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	pages := func(d *desk) *Pages {
		return New(Config{
			Desk: d, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Secret: make([]byte, 32),
			Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		})
	}
	seal := pages(&desk{}).seal("C", uuid.Nil, now)
	good := url.Values{
		"seal": {seal}, "name": {"赵"}, "phone": {"13900000001"}, "address": {"某路1号"}, "day": {"2026-03-03"},
		"span": {"1"},
	}.Encode()
	for _, body := range []string{
		"", good, good + "&day=2026-13-40&span=9", good + "&name=%00%ff", "%zz",
		"seal=" + strings.Repeat("A", 20000), "a;b", "<script>=<script>",
	} {
		f.Add(body, "application/x-www-form-urlencoded", "zh-CN")
	}
	for _, act := range []string{
		"cancel&reason=x", "reschedule&day=2026-03-03&span=1", "rate&stars=5",
		"approve&hash=00ff", "approve&hash=f", "other",
	} {
		f.Add(url.Values{"seal": {seal}}.Encode()+"&act="+act, "application/x-www-form-urlencoded", "en")
	}
	f.Add(good, "multipart/form-data; boundary=", "")
	f.Fuzz(func(t *testing.T, body, kind, language string) {
		d := &desk{}
		for _, d.job = range []bool{true, false} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/c/C", strings.NewReader(body))
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Accept-Language", language)
			pages(d).ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "<script") {
				t.Errorf("the page repeats markup: %s", w.Body)
			}
		}
		for _, b := range d.booked {
			if err := b.Check(now); err != nil {
				t.Errorf("booked %+v: %v", b, err)
			}
		}
	})
}
