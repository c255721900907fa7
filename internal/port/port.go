// Package port finds ports for servers that tests stop and start again at the same address.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Stable returns a port of 127.0.0.1 that is free and lies below the range from which systems take ports for
// outgoing connections and for port 0: nobody takes it while its server is stopped.
func Stable(t testing.TB) int {
	t.Helper()
	for range 200 {
		n := 20_000 + rand.IntN(12_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatalf("port: %v", err)
		}
		return n
	}
	t.Fatal("port: none is free between 20,000 and 32,000")
	return 0
}
