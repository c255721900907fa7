package rpc

import (
	"context"
	"errors"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/internal/idjson"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// wire turns err into what the caller gets: the code's class, the public sentence in the caller's language,
// and a Problem with both. It notes code and cause for the access log. The cause itself never leaves.
func wire(ctx context.Context, err error) *connect.Error {
	c := callFrom(ctx)
	f := faultOf(ctx, err)
	c.code, c.cause = f.Code, err
	problem := ProblemOf(f)
	if f.Code == fault.Internal && c.id != "" {
		// The log has the cause under this id.
		problem.English += " (request " + c.id + ")"
		problem.Chinese += "（请求编号 " + c.id + "）"
	}
	var gap *intake.GapError
	if errors.As(err, &gap) {
		problem.ExpectedSequence = gap.Expected
	}
	sentence := problem.GetEnglish()
	if c.chinese {
		sentence = problem.GetChinese()
	}
	out := connect.NewError(classOf(f.Code.Kind()), errors.New(sentence))
	if detail, derr := connect.NewErrorDetail(problem); derr == nil {
		out.AddDetail(detail)
	}
	if f.RetryAfter > 0 {
		out.Meta().Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if c.id != "" {
		out.Meta().Set("X-Request-Id", c.id)
	}
	return out
}

// ProblemOf is the public face of a fault, as it travels in errors.
func ProblemOf(f *fault.Error) *typesv1.Problem {
	return &typesv1.Problem{
		Code:         string(f.Code),
		English:      f.Public("en"),
		Chinese:      f.Public("zh"),
		RetryAfterMs: f.RetryAfter.Milliseconds(),
	}
}

// faultOf finds the fault in err. An error of the wire library itself (a message that cannot be read, one that
// is too large) gets the code of its class; its text is about the caller's bytes but names our types, so it stays.
func faultOf(ctx context.Context, err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	// A handler that failed because the caller went away or ran out of time has not failed.
	if ctxErr := ctx.Err(); ctxErr != nil && fault.CodeOf(err) == fault.Internal {
		return fault.Wrap(err, fault.CodeOf(ctxErr), "")
	}
	var c *connect.Error
	if errors.As(err, &c) {
		var unknown *idjson.UnknownFieldError
		if errors.As(err, &unknown) {
			return fault.Wrap(err, fault.InvalidArgument, "%s", unknown.Error())
		}
		if unread := callFrom(ctx).body.unread(ctx); unread != nil && c.Code() != connect.CodeResourceExhausted {
			return unread
		}
		return fault.Wrap(err, codeOfClass(c.Code()), "")
	}
	return fault.As(err)
}

func codeOfClass(c connect.Code) fault.Code {
	switch c {
	case connect.CodeInvalidArgument:
		return fault.InvalidArgument
	case connect.CodeResourceExhausted:
		return fault.TooLarge
	case connect.CodeCanceled:
		return fault.Canceled
	case connect.CodeDeadlineExceeded:
		return fault.Timeout
	case connect.CodeUnimplemented, connect.CodeNotFound:
		return fault.NotFound
	case connect.CodeUnauthenticated:
		return fault.Unauthenticated
	case connect.CodePermissionDenied:
		return fault.Forbidden
	case connect.CodeUnavailable:
		return fault.Unavailable
	default:
		return fault.Internal
	}
}

func classOf(k fault.Kind) connect.Code {
	switch k {
	case fault.KindInvalid:
		return connect.CodeInvalidArgument
	case fault.KindUnauthenticated:
		return connect.CodeUnauthenticated
	case fault.KindForbidden:
		return connect.CodePermissionDenied
	case fault.KindNotFound:
		return connect.CodeNotFound
	case fault.KindConflict:
		return connect.CodeAborted
	case fault.KindExhausted:
		return connect.CodeResourceExhausted
	case fault.KindUnavailable:
		return connect.CodeUnavailable
	case fault.KindCanceled:
		return connect.CodeCanceled
	case fault.KindTimeout:
		return connect.CodeDeadlineExceeded
	case fault.KindTooOld:
		return connect.CodeFailedPrecondition
	default:
		return connect.CodeInternal
	}
}
