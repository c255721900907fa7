// Package fault gives every error that a person or a program may see a code, a public sentence in two
// languages and a hidden cause. The engine's codes are in codes.go; other packages add theirs with Register, and the
// Chinese of their details with Translate. docs/ERRORS.md lists all codes; they are never reused. An error without a
// code is Internal, and its text is shown to nobody but the log.
package fault

import (
	"context"
	"errors"
	"time"
)

// Error is a failure with a code. Its public face is Public; its cause stays inside.
type Error struct {
	Code Code
	// Detail is added to the code's sentence, in parentheses: which field, which limit. It is shown to
	// the caller, so it never holds anything but what the caller sent or may know.
	Detail Text
	// RetryAfter is how long the caller should wait before the same call; zero leaves it to the caller.
	RetryAfter time.Duration
	cause      error
}

// New returns an error with a code and a public detail; see Textf for the format and its arguments. An empty format is
// no detail.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: Textf(format, args...)}
}

// Wrap gives cause a code; the cause is kept for the log and for errors.Is and errors.As.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.cause = cause
	return e
}

// After returns a copy that asks the caller to wait d before trying again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Error is for logs: code, detail and cause.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += " (" + e.Detail.String() + ")"
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the hidden cause.
func (e *Error) Unwrap() error { return e.cause }

// Is lets errors.Is compare by code: errors.Is(err, fault.New(fault.NotFound, "")).
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code && t.cause == nil && t.Detail == ""
}

// Public is the sentence for a person, with the detail behind it. lang is "zh" or anything else for English.
func (e *Error) Public(lang string) string {
	s := e.Code.Sentence(lang)
	switch {
	case e.Detail == "" || e.Code == Internal:
		return s
	}
	return s + " (" + e.Detail.In(lang) + ")"
}

// CodeOf tells the code of err: Internal for an error that has none, Canceled and Timeout for a context's end,
// and "" for nil.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Internal
}

// As returns err as an *Error; an error without a code becomes Internal with err as its hidden cause.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(err, CodeOf(err), "")
}

// Retryable tells whether the same call may succeed later without anybody changing anything.
func Retryable(err error) bool {
	d, ok := registry[CodeOf(err)]
	return ok && d.Retryable
}
