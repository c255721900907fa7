// Package leak tests that a server which was stopped has left nothing running. Its tests look at all goroutines of the
// process, so they run one after the other and nothing else is tested here.
package leak
