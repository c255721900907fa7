// Package day drives the real binary through a technician's day, as its users would: the operator sets a company
// up from the command line, the office imports and assigns, two phones work offline, and meanwhile the server is
// killed, the database goes away, the object store goes away. In the end all must agree, to the fen.
package day
