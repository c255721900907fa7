package rpc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// body notes why a request's body could not be read: a chunk header without end, a connection that was cut. That is the
// caller's or the network's doing, whatever the library that reads it makes of it.
type body struct {
	io.ReadCloser
	failed atomic.Pointer[error]
}

// watchBody makes the request's body tell why it ends; nil for a request without one.
func watchBody(r *http.Request) *body {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	b := &body{ReadCloser: r.Body}
	r.Body = b
	return b
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// unread is the fault of a body that could not be read to its end, or nil.
func (b *body) unread(ctx context.Context) *fault.Error {
	if b == nil {
		return nil
	}
	failed := b.failed.Load()
	switch {
	case failed == nil:
		return nil
	case errors.Is(*failed, os.ErrDeadlineExceeded):
		return fault.Wrap(*failed, fault.Timeout, "")
	case ctx.Err() != nil:
		return fault.Wrap(*failed, fault.CodeOf(ctx.Err()), "")
	}
	return fault.Wrap(*failed, fault.InvalidArgument, "body: cannot be read to its end")
}
