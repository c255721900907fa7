package rpc

import (
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Limits bound what callers may ask. A zero field takes its default; a negative PerSecond switches a rate off.
type Limits struct {
	// PerCaller limits a device or console session. Default 200 calls a second, 2,000 at once.
	PerCaller Rate
	// PerAddress limits calls without a valid token. Default 10 a second, 60 at once. IPv6 counts by /64.
	PerAddress Rate
	// CostlyWeight is how many of those a costly call counts for. Default 6.
	CostlyWeight float64
	// InFlight is how many unary calls may be served at once. Default 4,096.
	InFlight int
	// Building is how many large answers may be built at once; more calls wait. Default 8 for
	// each core: enough to keep them busy while some wait for the database.
	Building int
	// Unread is how many bytes of finished answers may wait for their readers before calls are refused, a sixteenth of
	// them for one caller. Default 256 MiB: a thousand whole pages, and several times as many compressed ones.
	Unread int64
	// ReadBytes and SendBytes bound one message after decompression. Default 6 MiB and 6 MiB.
	ReadBytes, SendBytes int
}

// keysKept bounds the memory of each set of buckets to about 20 MB.
const keysKept = 200_000

func (l Limits) withDefaults() Limits {
	if l.PerCaller == (Rate{}) {
		l.PerCaller = Rate{PerSecond: 200, Burst: 2000}
	}
	if l.PerAddress == (Rate{}) {
		l.PerAddress = Rate{PerSecond: 10, Burst: 60}
	}
	if l.CostlyWeight == 0 {
		l.CostlyWeight = 6
	}
	if l.InFlight == 0 {
		l.InFlight = 4096
	}
	if l.Building == 0 {
		l.Building = 8 * runtime.GOMAXPROCS(0)
	}
	if l.Unread == 0 {
		l.Unread = 256 << 20
	}
	if l.ReadBytes == 0 {
		l.ReadBytes = 6 << 20
	}
	if l.SendBytes == 0 {
		l.SendBytes = 6 << 20
	}
	return l
}

type limiter struct {
	limits  Limits
	caller  *buckets
	address *buckets
	flight  chan struct{}
	// building has a place for each large answer on the way from the database to its bytes.
	building chan struct{}
	unread   *unread
}

func newLimiter(l Limits) *limiter {
	return &limiter{
		limits:  l,
		caller:  newBuckets(l.PerCaller, keysKept),
		address: newBuckets(l.PerAddress, keysKept),
		flight:  make(chan struct{}, l.InFlight),

		building: make(chan struct{}, l.Building),
		unread:   newUnread(l.Unread),
	}
}

// caller's budget: a known caller is counted as itself, for behind one address may be a whole shop.
func (l *limiter) spendCaller(i identity.Identity, at time.Time) error {
	if wait, ok := l.caller.take(callerKey(i), 1, at); !ok {
		return fault.New(fault.RateLimited, "").After(wait)
	}
	return nil
}

func (l *limiter) spendAddress(a netip.Addr, costly bool, at time.Time) error {
	cost := 1.0
	if costly {
		cost = l.limits.CostlyWeight
	}
	if wait, ok := l.address.take(addressKey(a), cost, at); !ok {
		return fault.New(fault.RateLimited, "").After(wait)
	}
	return nil
}

// callerKey stands for a device or a console session.
func callerKey(i identity.Identity) string {
	id := i.Device
	if id == uuid.Nil {
		id = i.User
	}
	return string(i.Org[:]) + string(id[:])
}

// AddressKey stands for an address where callers are counted by it: IPv6 by /64, which one line gets as a whole.
func AddressKey(a netip.Addr) string { return addressKey(a) }

func addressKey(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	if !a.IsValid() {
		return ""
	}
	b := a.As16()
	return string(b[:])
}

// addressOf is the caller's address: the peer's, or, when the peer is a trusted proxy, the last address in
// X-Forwarded-For that is not one. What a stranger writes into that header is never believed.
func addressOf(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := peer.Addr().Unmap()
	if !within(a, trusted) {
		return a
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		a = hop.Unmap()
		if !within(a, trusted) {
			break
		}
	}
	return a
}

func within(a netip.Addr, set []netip.Prefix) bool {
	for _, p := range set {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
