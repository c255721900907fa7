package booking_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
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
)

// site serves the pages of a world over real HTTP. Callers say in X-From whose address they have.
type site struct {
	*codetest.World
	url string
}

func newSite(t *testing.T, limits page.Limits) *site {
	t.Helper()
	w := codetest.New(t)
	pages := page.New(page.Config{
		Desk: w.Booking, Log: slog.New(slog.DiscardHandler), Now: w.Now, Secret: []byte(strings.Repeat("s", 32)),
		Limits: limits,
		Address: func(r *http.Request) netip.Addr {
			a, err := netip.ParseAddr(r.Header.Get("X-From"))
			if err != nil {
				a = netip.MustParseAddr("192.0.2.1")
			}
			return a
		},
	})
	mux := http.NewServeMux()
	for _, path := range page.Paths() {
		mux.Handle(path, pages)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	w.URL = s.URL
	return &site{w, s.URL}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(method, address string, form url.Values, edit ...func(*http.Request)) answer {
	s.T.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Accept-Language", "en")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, e := range edit {
		e(req)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// entry is the page of a signed code.
func (s *site) page(i code.Issued) string { return s.url + "/c/" + s.Signed(i) }

var sealField = regexp.MustCompile(`name="seal" value="([^"]+)"`)

func (s *site) fill(address string) url.Values {
	s.T.Helper()
	m := sealField.FindStringSubmatch(s.do("GET", address, nil).body)
	if m == nil {
		s.T.Fatalf("no form at %s", address)
	}
	return url.Values{
		"seal": {html.UnescapeString(m[1])}, "name": {"王芳"}, "phone": {"13800000001"}, "address": {"深圳市南山区科技路 1 号"},
		"day": {"2026-11-24"}, "span": {"1"}, "note": {""}, "class": {"smart_lock"},
	}
}

func (s *site) tickets() (n int) {
	s.T.Helper()
	if err := s.DB.Owner.QueryRow(context.Background(), `SELECT count(*) FROM fake_ticket`).Scan(&n); err != nil {
		s.T.Fatal(err)
	}
	return n
}

func TestAStrangerBooksAndFollowsTheJob(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{})
	i, text := s.IssueCode(token.Entry, s.Shop, 0)
	if want := strings.ToUpper(s.url) + "/C/"; !strings.HasPrefix(text, want) {
		t.Fatalf("%s, want %s…", text, want)
	}
	// The printed link is in capitals, and works as it is.
	got := s.do("GET", s.url+text[len(s.url):], nil, with("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"))
	for _, want := range []string{"智能锁", "<html lang=\"zh-CN\">", "预约上门服务", "深圳南山旗舰店", "云曦电器", "11月23日 周一", "11月24日 周二"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the booking page lacks %s", want)
		}
	}
	address := s.page(i)
	form := s.fill(address)
	booked := s.do("POST", address, form)
	if booked.status != http.StatusSeeOther || !strings.HasPrefix(booked.header.Get("Location"), "/c/") {
		t.Fatalf("%d %s %s", booked.status, booked.header, booked.body)
	}
	again := s.do("POST", address, form)
	if again.header.Get("Location") != booked.header.Get("Location") || s.tickets() != 1 {
		t.Fatalf("sent twice: %d tickets", s.tickets())
	}
	var id uuid.UUID
	if err := s.DB.Owner.QueryRow(context.Background(), `SELECT id FROM fake_ticket`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	o := s.Ticket(id).From
	zone := time.FixedZone("CST", 8*3600)
	if o.Source != "booking" || o.Product.GetName().GetZh() != "smart_lock" || o.Store != s.Shop || o.Name != "王芳" ||
		!o.WantedEarliest.Equal(time.Date(2026, 11, 24, 12, 0, 0, 0, zone)) ||
		!o.WantedUntil.Equal(time.Date(2026, 11, 24, 15, 0, 0, 0, zone)) {
		t.Fatalf("the ticket room was told %+v", o)
	}
	progress := s.url + booked.header.Get("Location")
	got = s.do("GET", progress, nil)
	for _, want := range []string{"Booked", "On the way", s.Ticket(id).View.Number} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the progress page lacks %s:\n%s", want, got.body)
		}
	}
	s.Change(id, func(v *booking.Ticket) {
		v.State, v.Technician, v.Badge = fieldv1.TicketState_TICKET_STATE_IN_PROGRESS, "张伟", "SZ-0042"
		v.Stages = append(v.Stages, booking.Stage{Key: "accepted", At: codetest.Morning.Add(time.Hour)})
		v.Earliest, v.Latest = codetest.Morning.Add(27*time.Hour), codetest.Morning.Add(29*time.Hour)
	})
	got = s.do("GET", progress+"&lang=zh", nil)
	for _, want := range []string{"张师傅", "SZ-0042", "师傅已接单", "11月24日 周二 12:00–14:00", `aria-current="step"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the progress page lacks %s:\n%s", want, got.body)
		}
	}
	for _, secret := range []string{"13800000001", "0001", "王芳", "科技路", "张伟"} {
		if strings.Contains(got.body, secret) {
			t.Errorf("the progress page shows %s", secret)
		}
	}
	s.Change(id, func(v *booking.Ticket) { v.State = fieldv1.TicketState_TICKET_STATE_CANCELED })
	if got = s.do("GET", progress, nil); !strings.Contains(got.body, "Cancelled") ||
		strings.Contains(got.body, "SZ-0042") {
		t.Errorf("cancelled:\n%s", got.body)
	}
}

func TestBadCodesAreTheSamePageByteForByte(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{Misses: 1000})
	unit := s.Unit("SN1")
	good, link := s.IssueCode(token.Unit, unit, 0)
	revoked, _ := s.IssueCode(token.Entry, s.Shop, 0)
	expired, _ := s.IssueCode(token.Entry, s.Shop, time.Hour)
	s.RevokeCode(revoked.ID)
	later := codetest.Morning.Add(2 * time.Hour)
	s.Clock.Store(&later)
	flip := s.Signed(good)
	if flip[140] == 'A' {
		flip = flip[:140] + "B" + flip[141:]
	} else {
		flip = flip[:140] + "A" + flip[141:]
	}
	if s.do("GET", link, nil).status != http.StatusOK {
		t.Fatal("the good one is not shown")
	}
	var first answer
	for i, path := range []string{
		"/c/" + s.Signed(revoked), "/c/" + s.Signed(expired), "/c/" + flip, "/c/", "/c/x", "/C/" + strings.Repeat("A", 144),
		"/c/" + strings.Repeat("A", 9000), "/c/%00", "/c/a/b/c", "/c/%3Cscript%3E",
		strings.Replace(link[len(s.url):], "SN1", "SN2", 1),
		"/01/" + codetest.GTIN + "/21/SN1", "/01/", "/g/aaaaaaaa/01/" + codetest.GTIN + "/21/SN1", "/01/..%2f..%2fetc/passwd",
	} {
		got := s.do("GET", s.url+path, nil)
		got.header.Del("Date")
		if got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
		if i == 0 {
			first = got
			continue
		}
		if got.body != first.body || fmt.Sprint(got.header) != fmt.Sprint(first.header) {
			t.Errorf("%s differs:\n%v\n%s", path, got.header, got.body)
		}
	}
}

func TestPagesHoldNoScriptAndLeakNoAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	got := s.do("GET", s.page(i), nil)
	h := got.header
	csp := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") ||
		!strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
	if h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" {
		t.Error(h)
	}
	if strings.Contains(got.body, "<script") || strings.Contains(got.body, "src=") ||
		strings.Contains(got.body, " style=") {
		t.Error("something active in the page")
	}
	if len(got.body) > 10<<10 {
		t.Errorf("%d bytes", len(got.body))
	}
	if head := s.do("HEAD", s.page(i), nil); head.status != http.StatusOK || head.body != "" {
		t.Error("HEAD")
	}
	if put := s.do("PUT", s.page(i), nil); put.status != http.StatusMethodNotAllowed {
		t.Error(put.status)
	}
}

func TestNamesCannotBreakOutOfThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{})
	evil := `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	s.Product.Name.En, s.Product.Name.Zh = evil, evil
	unit := s.Unit("<b>")
	i, _ := s.IssueCode(token.Unit, unit, 0)
	check := func(a answer) {
		t.Helper()
		if strings.Contains(a.body, "<script") || strings.Contains(a.body, "<img") || strings.Contains(a.body, "<b>") {
			t.Errorf("%s", a.body)
		}
	}
	check(s.do("GET", s.page(i), nil))
	form := s.fill(s.page(i))
	form.Set("phone", "no"+evil)
	form.Set("name", evil)
	form.Set("address", "</textarea>"+evil)
	form.Set("day", evil)
	got := s.do("POST", s.page(i), form)
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "&lt;/textarea&gt;") {
		t.Errorf("%d: what was typed is not kept", got.status)
	}
	check(got)
	check(s.do("GET", s.page(i)+"?lang="+url.QueryEscape(evil), nil, with("Accept-Language", evil)))
}

func TestAFormFromElsewhereBooksNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{Bookings: 1000})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	j, _ := s.IssueCode(token.Entry, s.Other, 0)
	address := s.page(i)
	form := s.fill(address)
	for name, edit := range map[string]func(*http.Request){
		"another site":     with("Sec-Fetch-Site", "cross-site"),
		"an older browser": with("Origin", "https://evil.example"),
		"a sandboxed frame": func(r *http.Request) {
			r.Header.Set("Origin", "null")
			r.Header.Set("Sec-Fetch-Site",
				"cross-site")
		},
		"a sibling subdomain": with("Sec-Fetch-Site", "same-site"),
	} {
		if got := s.do("POST", address, form, edit); got.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	seal := form.Get("seal")
	for name, value := range map[string]string{
		"none": "", "cut": seal[:20], "changed": swapOne(seal), "of another code": s.fill(s.page(j)).Get("seal"),
		"garbage": "!!!",
	} {
		form.Set("seal", value)
		if got := s.do("POST", address, form); got.status != http.StatusUnprocessableEntity {
			t.Errorf("seal %s: %d", name, got.status)
		}
	}
	form.Set("seal", seal)
	tomorrow := codetest.Morning.Add(13 * time.Hour)
	s.Clock.Store(&tomorrow)
	got := s.do("POST", address, form)
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "open for too long") ||
		!strings.Contains(got.body, "王芳") {
		t.Errorf("an old form: %d %s", got.status, got.body)
	}
	if n := s.tickets(); n != 0 {
		t.Errorf("%d tickets", n)
	}
}

func TestBadInputIsToldBesideTheForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	for field, c := range map[string][2]string{
		"phone": {"abc", "valid phone"}, "name": {"", "Give a name"}, "address": {strings.Repeat("x", 301), "up to 300"},
		"note": {strings.Repeat("x", 501), "under 500"}, "class": {"", "what it is for"},
		"day": {"2020-01-01", "still to come"}, "span": {"9", "still to come"},
	} {
		form := s.fill(s.page(i))
		form.Set(field, c[0])
		got := s.do("POST", s.page(i), form)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, c[1]) ||
			!strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: %d %s", field, got.status, got.body)
		}
	}
	form := s.fill(s.page(i))
	form.Set("class", "rocket")
	if got := s.do("POST", s.page(i), form); got.status != http.StatusUnprocessableEntity ||
		!strings.Contains(got.body, "what it is for") {
		t.Errorf("a class that is not offered: %d", got.status)
	}
	form.Set("note", strings.Repeat("x", 20<<10))
	if got := s.do("POST", s.page(i), form); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge form: %d", got.status)
	}
	if got := s.do("POST", s.page(i), nil, func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader("%zz=;;"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}); got.status != http.StatusBadRequest {
		t.Errorf("a broken form: %d", got.status)
	}
	if n := s.tickets(); n != 0 {
		t.Errorf("%d tickets", n)
	}
}

func TestAnAddressThatTriesCodesStopsLearning(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{Misses: 5, Views: 20})
	_, link := s.IssueCode(token.Unit, s.Unit("SN1"), 0)
	thief := with("X-From", "198.51.100.7")
	for i := range 5 {
		s.do("GET", strings.Replace(link, "SN1", fmt.Sprintf("SN%d", i+100), 1), nil, thief)
	}
	if got := s.do("GET", link, nil, thief); got.status != http.StatusNotFound {
		t.Errorf("a good serial still shows: %d", got.status)
	}
	if got := s.do("GET", link, nil); got.status != http.StatusOK {
		t.Errorf("others are not affected: %d", got.status)
	}
	for range 14 {
		s.do("GET", link, nil, thief)
	}
	got := s.do("GET", link, nil, thief)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	// IPv6: a whole /64 is one caller.
	for i := range 21 {
		got = s.do("GET", link, nil, with("X-From", fmt.Sprintf("2001:db8::%d", i+1)))
	}
	if got.status != http.StatusTooManyRequests {
		t.Errorf("a /64: %d", got.status)
	}
	later := codetest.Morning.Add(11 * time.Minute)
	s.Clock.Store(&later)
	if got := s.do("GET", link, nil, thief); got.status != http.StatusOK {
		t.Errorf("later: %d", got.status)
	}
}

func TestBookingsAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{Bookings: 2})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	post := func(from string) int {
		return s.do("POST", s.page(i), s.fill(s.page(i)), with("X-From", from)).status
	}
	for k, c := range []struct {
		from string
		want int
	}{
		{"192.0.2.10", 303},
		{"192.0.2.10", 303},
		{"192.0.2.10", 429},
		{"192.0.2.11", 303},
		{"192.0.2.12", 303},
	} {
		if got := post(c.from); got != c.want {
			t.Errorf("booking %d from %s: %d, want %d", k, c.from, got, c.want)
		}
	}
}

func TestTheLanguageIsTheVisitors(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{Views: 1000, Misses: 1000})
	for header, want := range map[string]string{
		"zh-CN,zh;q=0.9": "该码无效", "zh-TW": "该码无效", "en-GB,en;q=0.8,zh;q=0.5": "not valid", "": "not valid",
		"fr,zh;q=0.5": "该码无效", "fr": "not valid",
	} {
		if got := s.do("GET", s.url+"/c/x", nil, with("Accept-Language", header)); !strings.Contains(got.body, want) {
			t.Errorf("%q: %s", header, got.body)
		}
	}
}

func TestADatabaseThatIsDownIsNotAnInvalidCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, page.Limits{})
	i, _ := s.IssueCode(token.Entry, s.Shop, 0)
	address := s.page(i)
	s.DB.App.Close()
	got := s.do("GET", address, nil)
	if got.status != http.StatusServiceUnavailable || strings.Contains(strings.ToLower(got.body), "pool") {
		t.Fatalf("%d %s", got.status, got.body)
	}
}

func swapOne(s string) string {
	if s[30] == 'A' {
		return s[:30] + "B" + s[31:]
	}
	return s[:30] + "A" + s[31:]
}
