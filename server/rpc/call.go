package rpc

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"net/netip"
	"strings"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// call is what is known of one request while it is served. It belongs to the request's goroutine until the
// access log is written.
type call struct {
	id       string
	address  netip.Addr
	chinese  bool
	stream   bool
	identity identity.Identity
	known    bool
	// begun: the call's message was read, so that what fails from now on is no matter of its bytes.
	begun bool
	// body is the request's, nil where it has none.
	body *body
	// conn is the connection's deadlines.
	conn *http.ResponseController
	// building: the call holds one of the places for large answers.
	building bool
	// code and cause of the failure that was sent, if any.
	code  fault.Code
	cause error
}

// caller stands for who calls, a stranger by the address.
func (c *call) caller() string {
	if c.known {
		return callerKey(c.identity)
	}
	return addressKey(c.address)
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		// A handler called without Border.Wrap, which only a test does.
		return &call{}
	}
	return c
}

// RequestID is the id under which the call is logged, for handlers that log by themselves; "" outside a call.
func RequestID(ctx context.Context) string { return callFrom(ctx).id }

// Address is the caller's network address, seen through trusted proxies; the zero Addr outside a call.
func Address(ctx context.Context) netip.Addr { return callFrom(ctx).address }

// Chinese tells whether the caller prefers Chinese.
func Chinese(ctx context.Context) bool { return callFrom(ctx).chinese }

// Streaming tells whether the call is a stream.
func Streaming(ctx context.Context) bool { return callFrom(ctx).stream }

// requestID takes the caller's id if it is a harmless word, else makes one.
func requestID(given string) string {
	if len(given) >= 8 && len(given) <= 64 {
		for _, r := range given {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return newRequestID()
			}
		}
		return given
	}
	return newRequestID()
}

// requestIDs writes 64 bits in 13 characters, which HTTP/2 compresses to ten bytes: an id goes down with every answer
// to a phone.
var requestIDs = base32.HexEncoding.WithPadding(base32.NoPadding)

func newRequestID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return strings.ToLower(requestIDs.EncodeToString(id[:]))
}
