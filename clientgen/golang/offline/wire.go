package offline

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Refusal is an error that the server gave, with its code and its sentences.
type Refusal struct {
	Problem *typesv1.Problem
	cause   error
}

// Error is for logs.
func (r *Refusal) Error() string { return r.Problem.GetCode() + ": " + r.Problem.GetEnglish() }

// Unwrap gives the error of the transport.
func (r *Refusal) Unwrap() error { return r.cause }

// Public is the server's sentence for a person; lang is "zh" or anything else for English.
func (r *Refusal) Public(lang string) string {
	if lang == "zh" && r.Problem.GetChinese() != "" {
		return r.Problem.GetChinese()
	}
	return r.Problem.GetEnglish()
}

// Refused turns an error of a call into a Refusal if the server gave it; else the server was not reached, or
// its answer was lost, and the result is NoNetwork.
func Refused(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return err
	}
	var c *connect.Error
	if errors.As(err, &c) {
		for _, d := range c.Details() {
			if v, derr := d.Value(); derr == nil {
				if p, ok := v.(*typesv1.Problem); ok {
					return &Refusal{Problem: p, cause: err}
				}
			}
		}
	}
	return fault.Wrap(err, fault.NoNetwork, "")
}

// CodeOf is the code of an error of this package: the server's, or one of this device's own.
func CodeOf(err error) fault.Code {
	var r *Refusal
	if errors.As(err, &r) {
		return fault.Code(r.Problem.GetCode())
	}
	if own := local(err); own != nil {
		return own.Code
	}
	return fault.CodeOf(err)
}

// Sentence is what a person reads of an error; lang is "zh" or anything else for English.
func Sentence(err error, lang string) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Public(lang)
	}
	if own := local(err); own != nil {
		return own.Public(lang)
	}
	return fault.As(err).Public(lang)
}

// RetryAfter is how long the server asked to wait; 0 when it did not say.
func RetryAfter(err error) time.Duration {
	var r *Refusal
	if errors.As(err, &r) {
		return time.Duration(r.Problem.GetRetryAfterMs()) * time.Millisecond
	}
	return 0
}
