// Package archtest keeps the shape of the source: who may import whom, how packages are named and described, how
// long a file may grow, and that no machine's own paths are in it. It is all tests.
package archtest
