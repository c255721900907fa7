package page

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// mine is what a customer typed on the page of his own job, kept so that a complaint loses nothing.
type mine struct{ Reason, Day, Span, Stars, Comment string }

// progress shows the page of a job.
func (p *Pages) progress(
	w http.ResponseWriter, r *http.Request, v view, g booking.Glimpse, status int, f mine, said wrong,
) {
	request, err := uuid.NewV7()
	if err != nil {
		p.failed(w, r, v, err)
		return
	}
	now := p.Now()
	p.render(w, status, "progress",
		v.progress(g, r.URL.EscapedPath()+lang(r), p.seal(p.scanned(r), request, now), r.URL.Query().Get("new") == "1", f,
			said, now))
}

// change does what a customer asks of his own job: cancel it, wish for another time, approve extras, say how it was.
func (p *Pages) change(w http.ResponseWriter, r *http.Request, v view, g booking.Glimpse) {
	now, scanned, get := p.Now(), p.scanned(r), r.PostForm.Get
	f := mine{
		Reason: strings.TrimSpace(get("reason")), Day: get("day"), Span: get("span"), Stars: get("stars"),
		Comment: strings.TrimSpace(get("comment")),
	}
	if _, ok := p.unseal(scanned, get("seal"), now); !ok {
		p.progress(w, r, v, g, http.StatusUnprocessableEntity, f, wrong{"": v.w["stale"]})
		return
	}
	if wait, ok := p.bookings.take(key(p.Address(r)), now); !ok {
		p.tooMany(w, r, v, wait)
		return
	}
	var err error
	switch get("act") {
	case "cancel":
		err = p.Desk.Cancel(r.Context(), scanned, f.Reason)
	case "reschedule":
		earliest, latest, ok := form{Day: f.Day, Span: f.Span}.window(g.Zone)
		if !ok || latest.IsZero() {
			p.progress(w, r, v, g, http.StatusUnprocessableEntity, f, wrong{"wanted": complaints[v.lang]["wanted"]})
			return
		}
		err = p.Desk.Reschedule(r.Context(), scanned, earliest, latest)
	case "approve":
		hash, bad := hex.DecodeString(get("hash"))
		if bad != nil {
			p.message(w, http.StatusNotFound, v, "unknown")
			return
		}
		err = p.Desk.Approve(r.Context(), scanned, hash)
	case "rate":
		stars, bad := strconv.Atoi(f.Stars)
		if bad != nil || stars < 1 || stars > 5 {
			p.progress(w, r, v, g, http.StatusUnprocessableEntity, f, wrong{"stars": complaints[v.lang]["stars"]})
			return
		}
		err = p.Desk.Rate(r.Context(), scanned, stars, f.Comment)
	default:
		p.message(w, http.StatusNotFound, v, "unknown")
		return
	}
	switch fault.CodeOf(err) {
	case "":
		http.Redirect(w, r, r.URL.EscapedPath()+lang(r), http.StatusSeeOther)
	case fault.InvalidArgument:
		said := wrong{}
		said.add(v, err)
		p.progress(w, r, v, g, http.StatusUnprocessableEntity, f, said)
	case fault.Conflict:
		if g, ok := p.look(w, r, v); ok {
			p.progress(w, r, v, g, http.StatusConflict, f, wrong{"": v.w["changed"]})
		}
	case fault.StateForbids:
		p.progress(w, r, v, g, http.StatusConflict, f, wrong{"": v.w["toolate"]})
	case token.CodeUnknown:
		p.message(w, http.StatusNotFound, v, "unknown")
	default:
		p.failed(w, r, v, err)
	}
}
