package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Wrap gives every request its id, address and language, sets the headers that browsers need, writes the
// access log and counts. It stands outside of all handlers, Connect's and plain ones.
func (b *Border) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := b.Now()
		c := &call{
			id:      requestID(r.Header.Get("X-Request-Id")),
			address: addressOf(r, b.TrustedProxies),
			chinese: prefersChinese(r.Header.Get("Accept-Language")),
			conn:    http.NewResponseController(w),
		}
		ctx := context.WithValue(r.Context(), callKey{}, c)
		h := w.Header()
		h.Set("X-Request-Id", c.id)
		h.Set("X-Content-Type-Options", "nosniff")
		if b.crossOrigin(w, r) {
			return
		}
		procedure := ""
		if isProcedure(r.URL.Path) {
			procedure = r.URL.Path
			if _, ok := b.Access[procedure]; !ok {
				// Unknown names must not become metric labels.
				procedure = "unknown"
			}
		}
		rec := &recorder{ResponseWriter: w, border: b, ctx: ctx, mend: procedure != ""}
		defer func() {
			if c.building {
				defer b.limiter.unread.hold(c.caller(), cap(rec.answer))()
				<-b.limiter.building
			}
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				err := panicked(p)
				c.code, c.cause = fault.Internal, err
				if !rec.wrote {
					http.Error(rec, fault.Internal.Sentence("en"), http.StatusInternalServerError)
				}
			}
			rec.finish()
			if c.building {
				rec.deliver()
			}
			b.record(ctx, c, rec, r, procedure, start)
		}()
		r = r.WithContext(ctx)
		c.body = watchBody(r)
		next.ServeHTTP(rec, r)
	})
}

func (b *Border) record(
	ctx context.Context, c *call, rec *recorder, r *http.Request, procedure string, start time.Time,
) {
	took := b.Now().Sub(start)
	code := string(c.code)
	if code == "" {
		code = "ok"
	}
	if procedure != "" {
		b.meters.calls.WithLabelValues(procedure, code).Inc()
		if !c.stream {
			b.meters.seconds.WithLabelValues(procedure).Observe(took.Seconds())
		}
	}
	level := slog.LevelInfo
	switch {
	case c.code.Kind() == fault.KindInternal && c.code != "":
		level = slog.LevelError
	case r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || r.URL.Path == "/metrics":
		level = slog.LevelDebug
	}
	if !b.Log.Enabled(ctx, level) {
		return
	}
	path := procedure
	if path == "" {
		path = loggedPath(r.URL.Path)
	}
	attrs := []slog.Attr{
		slog.String("request_id", c.id), slog.String("path", path), slog.String("code", code),
		slog.Int("status", rec.status), slog.Duration("took", took), slog.Int64("sent_bytes", rec.bytes),
		slog.String("address", c.address.String()),
	}
	if c.known {
		attrs = append(attrs, slog.String("org", c.identity.Org.String()), slog.String("user", c.identity.User.String()))
		if c.identity.Device != uuid.Nil {
			attrs = append(attrs, slog.String("device", c.identity.Device.String()))
		}
	}
	if c.cause != nil {
		attrs = append(attrs, slog.String("cause", c.cause.Error()))
	}
	b.Log.LogAttrs(ctx, level, "request", attrs...)
}

// loggedPath keeps only the first element of a plain path: what follows may be a signed code.
func loggedPath(p string) string {
	if i := strings.IndexByte(strings.TrimPrefix(p, "/"), '/'); i >= 0 {
		return p[:i+1] + "/…"
	}
	return p
}

// isProcedure tells whether the path has the form /doorstep.<context>.v1.<Service>/<Method>.
func isProcedure(path string) bool { return strings.HasPrefix(path, "/doorstep.") }

func prefersChinese(accept string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(accept)), "zh")
}

// recorder counts what is sent and mends errors that the wire library made by itself, before any interceptor
// ran (bytes that are no message, a message that is too large): they get a code and sentences like all others.
type recorder struct {
	http.ResponseWriter
	border *Border
	ctx    context.Context //nolint:containedctx // lives exactly as long as the request
	mend   bool
	wrote  bool
	held   bool
	status int
	bytes  int64
	// answer is what was written while the call held a place for large answers.
	answer []byte
	// refusal is the beginning of what the wire library said by itself.
	refusal []byte
}

// refusalKept is enough of what the wire library says to find a field's name in it.
const refusalKept = 1 << 10

func (r *recorder) WriteHeader(status int) {
	if r.wrote {
		return
	}
	r.wrote, r.status = true, status
	if r.mend && status >= 400 && callFrom(r.ctx).code == "" {
		r.held = true
		return
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	if r.held {
		r.refusal = append(r.refusal, p[:min(len(p), refusalKept-len(r.refusal))]...)
		return len(p), nil
	}
	c := callFrom(r.ctx)
	if c.building {
		r.answer = append(r.answer, p...)
		return len(p), nil
	}
	if r.mend && !c.stream {
		defer r.border.limiter.unread.hold(c.caller(), len(p))()
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// deliver sends what was written so far. By now the handler has returned, with its messages and buffers.
func (r *recorder) deliver() {
	n, _ := r.ResponseWriter.Write(r.answer) // whoever asked has gone: the access log shows how little was sent
	r.bytes += int64(n)
}

// Flush lets streams through.
func (r *recorder) Flush() {
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	if !r.held {
		// Best effort: a connection that cannot be flushed fails at its next write.
		_ = http.NewResponseController(r.ResponseWriter).Flush()
	}
}

// Unwrap lets http.ResponseController find the connection's deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) finish() {
	if !r.held {
		return
	}
	code, detail := fault.InvalidArgument, fault.Text("")
	switch r.status {
	case http.StatusBadRequest:
		detail = unreadable(string(r.refusal))
	case http.StatusUnsupportedMediaType:
		detail = "Content-Type"
	case http.StatusMethodNotAllowed:
		detail = "HTTP method"
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		// What Connect answers to a message over the limit.
		code = fault.TooLarge
	case http.StatusNotFound, http.StatusNotImplemented:
		code = fault.NotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		code = fault.Timeout
	case 499:
		code = fault.Canceled
	case http.StatusInternalServerError:
		if code, detail = fault.Internal, ""; !callFrom(r.ctx).begun {
			code, detail = fault.InvalidArgument, notAMessage
		}
	}
	said := &fault.Error{Code: code, Detail: detail}
	if unread := callFrom(r.ctx).body.unread(r.ctx); unread != nil && code != fault.TooLarge {
		said = unread
	}
	err := wire(r.ctx, said)
	h := r.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	req := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}}
	writer := connect.NewErrorWriter()
	r.held, r.mend = false, false
	r.wrote = false
	// The caller is gone when this fails, and the log line follows anyway.
	_ = writer.Write(r, req, err)
}
