// Package mutant holds the simulator and the suite against an engine that is broken on purpose: each mutant is one
// line of the real engine made wrong, and a check that lets it pass proves nothing. See docs/SIMULATOR.md.
package mutant
