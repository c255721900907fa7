// Package page serves the public pages behind printed codes: a stranger scans, and books or sees how far the job
// is. Plain HTML without scripts, cookies or anything from elsewhere, in Chinese and English. A code that is
// unknown, expired, revoked or forged gets the same answer, byte for byte.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

//go:embed templates
var files embed.FS

var (
	templates = template.Must(template.ParseFS(files, "templates/page.html"))
	style     = func() string {
		b, err := files.ReadFile("templates/style.css")
		if err != nil {
			panic(err)
		}
		return string(b)
	}()
	policy = func() string {
		sum := sha256.Sum256([]byte(style))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	}()
)

// Config is what the pages need; all fields are required.
type Config struct {
	Desk booking.Public
	Log  *slog.Logger
	Now  func() time.Time
	// Secret (32 bytes or more) seals forms; the same on all replicas.
	Secret []byte
	// Address is the caller's, seen through trusted proxies.
	Address func(*http.Request) netip.Addr
	Limits  Limits
}

// Limits bound what one address may ask of one server; the zero value takes the defaults.
type Limits struct {
	// Views a minute from one address; default 60.
	Views int
	// Misses (codes that are not valid) in ten minutes from one address; default 20. Then every code looks invalid
	// to it, so that trying codes tells nothing.
	Misses int
	// Bookings in ten minutes from one address; default 10. What one address, one phone number and one code may book over
	// all servers the room limits.
	Bookings int
}

// Pages is the handler of all public pages.
type Pages struct {
	Config
	views, misses, bookings *quota
}

// New makes the pages, to be mounted under Paths.
func New(c Config) *Pages {
	or := func(n, d int) int {
		if n > 0 {
			return n
		}
		return d
	}
	return &Pages{
		Config:   c,
		views:    newQuota(or(c.Limits.Views, 60), time.Minute),
		misses:   newQuota(or(c.Limits.Misses, 20), 10*time.Minute),
		bookings: newQuota(or(c.Limits.Bookings, 10), 10*time.Minute),
	}
}

// Paths are the patterns under which the pages are mounted: signed codes (printed in capitals), product links of
// this server, and product links on companies' own hosts.
func Paths() []string { return []string{"/c/", "/C/", "/g/", "/01/"} }

// maxBody is more than the longest honest form.
const maxBody = 16 << 10

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	v := view{lang: language(r), w: words[language(r)]}
	address := p.Address(r)
	if wait, ok := p.views.take(key(address), p.Now()); !ok {
		p.tooMany(w, r, v, wait)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.show(w, r, v)
	case http.MethodPost:
		p.book(w, r, v)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		p.message(w, http.StatusMethodNotAllowed, v, "wrong")
	}
}

func headers(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	// The address of the page is the customer's key: it must not travel on, nor stay in a shared cache.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Vary", "Accept-Language")
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, v view) {
	g, ok := p.look(w, r, v)
	if !ok {
		return
	}
	if g.Progress != nil {
		p.progress(w, r, v, g, http.StatusOK, mine{}, nil)
		return
	}
	p.form(w, r, v, g, http.StatusOK, form{}, nil)
}

// look finds the code of the request and answers by itself when it is not valid.
func (p *Pages) look(w http.ResponseWriter, r *http.Request, v view) (booking.Glimpse, bool) {
	address, now := key(p.Address(r)), p.Now()
	g, err := p.Desk.Look(r.Context(), p.scanned(r))
	if fault.CodeOf(err) == token.CodeUnknown {
		p.misses.take(address, now)
		p.message(w, http.StatusNotFound, v, "unknown")
		return g, false
	}
	if err != nil {
		p.failed(w, r, v, err)
		return g, false
	}
	if p.misses.spent(address, now) {
		p.message(w, http.StatusNotFound, v, "unknown")
		return g, false
	}
	return g, true
}

func (p *Pages) book(w http.ResponseWriter, r *http.Request, v view) {
	// A browser says where a form comes from; a page elsewhere cannot book in a visitor's name.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		p.message(w, http.StatusForbidden, v, "unknown")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		p.message(w, status, v, "wrong")
		return
	}
	g, ok := p.look(w, r, v)
	if !ok {
		return
	}
	if g.Progress != nil {
		p.change(w, r, v, g)
		return
	}
	now, scanned := p.Now(), p.scanned(r)
	f := form{
		Name: r.PostForm.Get("name"), Phone: r.PostForm.Get("phone"), Address: r.PostForm.Get("address"),
		Note: r.PostForm.Get("note"), Day: r.PostForm.Get("day"), Span: r.PostForm.Get("span"),
		Class: r.PostForm.Get("class"),
	}
	request, ok := p.unseal(scanned, r.PostForm.Get("seal"), now)
	if !ok {
		p.form(w, r, v, g, http.StatusUnprocessableEntity, f, wrong{"": v.w["stale"]})
		return
	}
	wish := booking.Wish{
		Code: scanned, Request: request, Class: f.Class, Name: strings.TrimSpace(f.Name),
		Phone: strings.TrimSpace(f.Phone), Address: strings.TrimSpace(f.Address), Note: strings.TrimSpace(f.Note),
		Language: v.lang, From: p.Address(r),
	}
	// All that is wrong is said at once, each beside its field.
	said := wrong{}
	var good bool
	if wish.Earliest, wish.Latest, good = f.window(g.Zone); !good {
		said["wanted"] = complaints[v.lang]["wanted"]
	}
	for _, err := range wish.Problems(now) {
		said.add(v, err)
	}
	if len(g.Classes) > 0 && !slices.ContainsFunc(g.Classes, func(c booking.Class) bool { return c.Key == f.Class }) {
		said["class"] = complaints[v.lang]["class"]
	}
	if len(said) > 0 {
		p.form(w, r, v, g, http.StatusUnprocessableEntity, f, said)
		return
	}
	if wait, ok := p.bookings.take(key(p.Address(r)), now); !ok {
		p.tooMany(w, r, v, wait)
		return
	}
	b, err := p.Desk.Book(r.Context(), wish)
	switch fault.CodeOf(err) {
	case "":
		target := "/c/" + b.Token + "?new=1"
		if l := r.URL.Query().Get("lang"); l == "zh" || l == "en" {
			target += "&lang=" + l
		}
		http.Redirect(w, r, target, http.StatusSeeOther)
	case fault.InvalidArgument:
		p.complain(w, r, v, g, f, err)
	case token.CodeUnknown:
		p.message(w, http.StatusNotFound, v, "unknown")
	default:
		p.failed(w, r, v, err)
	}
}

func (p *Pages) complain(w http.ResponseWriter, r *http.Request, v view, g booking.Glimpse, f form, err error) {
	said := wrong{}
	said.add(v, err)
	p.form(w, r, v, g, http.StatusUnprocessableEntity, f, said)
}

// wrong is what is wrong, as a sentence, by field; "" is of the form as a whole.
type wrong map[string]string

// add says what a fault says, beside the field that it names.
func (s wrong) add(v view, err error) {
	field, _, _ := strings.Cut(fault.As(err).Detail.String(), ":")
	if sentence, ok := complaints[v.lang][field]; ok {
		s[field] = sentence
		return
	}
	s[""] = fault.As(err).Code.Sentence(v.lang)
}

func (p *Pages) form(
	w http.ResponseWriter, r *http.Request, v view, g booking.Glimpse, status int, f form, said wrong,
) {
	request, err := uuid.NewV7()
	if err != nil {
		p.failed(w, r, v, err)
		return
	}
	now := p.Now()
	p.render(w, status, "book", v.book(g, r.URL.EscapedPath()+lang(r), p.seal(p.scanned(r), request, now), f, said, now))
}

func (p *Pages) tooMany(w http.ResponseWriter, _ *http.Request, v view, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
	p.message(w, http.StatusTooManyRequests, v, "toomany")
}

func (p *Pages) failed(w http.ResponseWriter, r *http.Request, v view, err error) {
	if fault.CodeOf(err) == fault.RateLimited {
		p.tooMany(w, r, v, fault.As(err).RetryAfter)
		return
	}
	p.Log.ErrorContext(r.Context(), "public page failed", "error", err.Error())
	p.message(w, http.StatusServiceUnavailable, v, "wrong")
}

func (p *Pages) message(w http.ResponseWriter, status int, v view, what string) {
	p.render(w, status, "message", v.message(what))
}

func (p *Pages) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		p.Log.Error("public page cannot be drawn", "page", name, "error", err.Error())
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a visitor who has gone away is no fault of ours
}

// scanned is the text that the visitor's camera read: the address of this page.
func (p *Pages) scanned(r *http.Request) string {
	if rest, ok := strings.CutPrefix(strings.ToLower(r.URL.Path), "/c/"); ok {
		return rest
	}
	return "https://" + r.Host + r.URL.EscapedPath()
}

func language(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); l == "zh" || l == "en" {
		return l
	}
	return accepted(r.Header.Get("Accept-Language"))
}

func lang(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); l == "zh" || l == "en" {
		return "?lang=" + l
	}
	return ""
}

func key(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if prefix, err := a.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return a.String()
}
