package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// WrapUnary recovers, bounds the number of calls in flight and the bytes of unread answers, validates, and turns errors
// into wire errors.
func (b *Border) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (_ connect.AnyResponse, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = panicked(p)
			}
			if err != nil {
				err = wire(ctx, err)
			}
		}()
		callFrom(ctx).begun = true
		select {
		case b.limiter.flight <- struct{}{}:
			defer func() { <-b.limiter.flight }()
		default:
			return nil, fault.New(fault.Overloaded, "").After(overloadWait)
		}
		if err := b.validate(req.Any()); err != nil {
			return nil, err
		}
		c, large := callFrom(ctx), b.Access[req.Spec().Procedure].Large
		if large && c.id != "" {
			select {
			case b.limiter.building <- struct{}{}:
				c.building = true // Wrap gives it back when the answer's bytes are there
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if b.limiter.unread.full(c.caller(), large) {
			return nil, fault.New(fault.Overloaded, "").After(overloadWait)
		}
		res, err := next(ctx, req)
		if err != nil {
			return nil, err
		}
		return res, nil
	}
}

// overloadWait is what an overloaded server asks of callers before they try again.
const overloadWait = 2 * time.Second

// WrapStreamingClient does nothing: the border stands before servers.
func (b *Border) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler recovers, validates what comes in, gives up callers that do not take what goes out, and turns
// errors into wire errors.
func (b *Border) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		b.meters.streams.Inc()
		defer b.meters.streams.Dec()
		defer func() {
			if p := recover(); p != nil {
				err = panicked(p)
			}
			if err != nil {
				err = wire(ctx, err)
			}
		}()
		return next(ctx, &streamConn{StreamingHandlerConn: conn, border: b, call: callFrom(ctx)})
	}
}

type streamConn struct {
	connect.StreamingHandlerConn
	border *Border
	call   *call
}

// Send bounds the time of one message, for the stream itself has no end: a caller that keeps the connection and reads
// nothing would else hold its place for ever.
func (c *streamConn) Send(msg any) error {
	if c.call.conn == nil {
		return c.StreamingHandlerConn.Send(msg)
	}
	_ = c.call.conn.SetWriteDeadline(time.Now().Add(stalledWrite)) // as in deadlines
	err := c.StreamingHandlerConn.Send(msg)
	_ = c.call.conn.SetWriteDeadline(time.Time{})
	return err
}

func (c *streamConn) Receive(msg any) error {
	_, err := Aside(func() (struct{}, error) {
		if err := c.StreamingHandlerConn.Receive(msg); err != nil {
			return struct{}{}, sent(err)
		}
		return struct{}{}, c.border.validate(msg)
	})
	return err
}

// sent is the fault of who sent a message that cannot be read: the wire library calls some of these its own failures.
func sent(err error) error {
	var c *connect.Error
	if errors.As(err, &c) && (c.Code() == connect.CodeInternal || c.Code() == connect.CodeUnknown) &&
		!errors.Is(err, io.EOF) {
		return fault.Wrap(err, fault.InvalidArgument, "%s", notAMessage)
	}
	return err
}

func (b *Border) validate(msg any) error {
	m, ok := msg.(proto.Message)
	if !ok {
		return fault.Wrap(fmt.Errorf("message of type %T is no protobuf message", msg), fault.Internal, "")
	}
	err := b.validator.Validate(m)
	if err == nil {
		return storable("", m.ProtoReflect())
	}
	var v *protovalidate.ValidationError
	if !errors.As(err, &v) || len(v.Violations) == 0 {
		return fault.Wrap(err, fault.Internal, "")
	}
	first := v.Violations[0]
	return fault.Wrap(err, fault.InvalidArgument, "%s: %s",
		protovalidate.FieldPathString(first.Proto.GetField()), first.Proto.GetMessage())
}

// panicked makes an internal error of a recovered panic; the stack goes to the log with it.
func panicked(p any) error {
	return fault.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), fault.Internal, "")
}
