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

	"github.com/doorstep-dev/doorstep/server/code"
)

// desk knows every code as a shop's entry and keeps what was booked.
type desk struct{ booked []code.Wish }

func (d *desk) Look(context.Context, string) (code.Glimpse, error) {
	return code.Glimpse{Zone: time.UTC}, nil
}

func (d *desk) Book(_ context.Context, w code.Wish) (code.Booked, error) {
	d.booked = append(d.booked, w)
	return code.Booked{Token: "T"}, nil
}
func (*desk) Cancel(context.Context, string, string) error { return errors.New("no ticket") }
func (*desk) Reschedule(context.Context, string, time.Time, time.Time) error {
	return errors.New("no ticket")
}
func (*desk) Approve(context.Context, string, []byte) error { return errors.New("no ticket") }
func (*desk) Rate(context.Context, string, int, string) error { return errors.New("no ticket") }

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
	good := url.Values{"seal": {seal}, "name": {"赵"}, "phone": {"13900000001"}, "address": {"某路1号"}, "day": {"2026-03-03"}, "span": {"1"}}.Encode()
	for _, body := range []string{"", good, good + "&day=2026-13-40&span=9", good + "&name=%00%ff", "%zz", "seal=" + strings.Repeat("A", 20000), "a;b", "<script>=<script>"} {
		f.Add(body, "application/x-www-form-urlencoded", "zh-CN")
	}
	f.Add(good, "multipart/form-data; boundary=", "")
	f.Fuzz(func(t *testing.T, body, kind, language string) {
		d := &desk{}
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
		for _, b := range d.booked {
			if err := b.Check(now); err != nil {
				t.Errorf("booked %+v: %v", b, err)
			}
		}
	})
}
