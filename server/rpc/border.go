package rpc

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Config is what a Border needs. Log, Metrics, Now and Authenticator are required.
type Config struct {
	Log           *slog.Logger
	Metrics       prometheus.Registerer
	Now           func() time.Time
	Authenticator Authenticator
	Access        Access
	Limits        Limits
	// TrustedProxies may say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix
	// Origins of web pages from other hosts that may call, for example https://app.example.com; "*" for any.
	Origins []string
}

// Border guards the handlers of all rooms.
type Border struct {
	Config
	validator protovalidate.Validator
	limiter   *limiter
	meters    *meters
	cors      *cors.Cors // nil without origins
}

// NewBorder makes a border and registers its metrics.
func NewBorder(c Config) (*Border, error) {
	v, err := protovalidate.New()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	c.Limits = c.Limits.withDefaults()
	l := newLimiter(c.Limits)
	m, err := newMeters(c.Metrics, l.unread.held)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "")
	}
	return &Border{Config: c, validator: v, limiter: l, meters: m, cors: newCORS(c.Origins)}, nil
}

// Options are for every Connect handler: gate, interceptors, compression, limits.
func (b *Border) Options() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithRequestGate(b.gate),
		connect.WithInterceptors(b),
		connect.WithReadMaxBytes(b.Limits.ReadBytes),
		connect.WithSendMaxBytes(b.Limits.SendBytes),
		connect.WithCompressMinBytes(compressFrom),
		withStrictJSON(),
		withGzip(),
		withZstd(b.Limits.ReadBytes),
	}
}

// gate runs before any byte of the message is read: who calls, may they, have they called too often.
func (b *Border) gate(
	ctx context.Context, spec connect.Spec, _ connect.Peer, header http.Header,
) (_ context.Context, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = wire(ctx, panicked(p))
		}
	}()
	c := callFrom(ctx)
	c.stream = spec.StreamType != connect.StreamTypeUnary
	now := b.Now()
	i, known, authErr := b.authenticate(ctx, header, c.stream)
	rule := b.Access[spec.Procedure]
	switch {
	case known && authErr == nil && !rule.Costly:
		err = b.limiter.spendCaller(i, now)
	default:
		err = b.limiter.spendAddress(c.address, rule.Costly, now)
	}
	if err == nil && authErr != nil && !rule.Anonymous {
		err = authErr
	}
	if err == nil {
		err = b.Access.admit(spec.Procedure, i, known)
	}
	if err != nil {
		return nil, wire(ctx, err)
	}
	if known && authErr == nil {
		c.identity, c.known = i, true
		if c.conn != nil {
			patience(c.conn, c.stream)
		}
		ctx = identity.With(ctx, i)
	}
	return ctx, nil
}

// authenticate asks who calls; for a stream aside, see Aside.
func (b *Border) authenticate(ctx context.Context, header http.Header, stream bool) (identity.Identity, bool, error) {
	if !stream {
		return b.Authenticator.Authenticate(ctx, header)
	}
	var known bool
	i, err := Aside(func() (i identity.Identity, err error) {
		i, known, err = b.Authenticator.Authenticate(ctx, header)
		return i, err
	})
	return i, known, err
}
