// Package rpc is the border between the wire and the rooms. Everything that crosses it passes one Border: a
// request id, an access log without secrets, metrics, who calls and whether they may, limits, validation,
// recovery from panics. It is the only place that builds wire errors: rooms return faults, and what is no
// fault is an internal error whose text goes to the log and nowhere else.
package rpc
