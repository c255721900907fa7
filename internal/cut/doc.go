// Package cut is a network for tests: a TCP proxy that resets, stalls, half-delivers and refuses what goes through
// it, and a balancer that shares connections among servers that say they are ready. It knows nothing of what it
// carries.
package cut
