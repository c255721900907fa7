// Package load puts a running server under load from a process of its own, so that the server's own memory and
// CPU can be seen: many phones that pull, watch and push as the protocol says, and a summary of what they met.
//
// The phones are light. They speak the protocol in full (cursors, checkpoints, digests of a first sync, verdicts,
// tokens, Retry-After) over a connection of their own each, and understand refusals as the Go client does, but
// keep no database and no bodies that they do not need: two thousand SQLite files would eat the cores that the
// server is to be measured on. What a real phone does with what it got is not part of this measurement.
package load
