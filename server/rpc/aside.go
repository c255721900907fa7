package rpc

import (
	"fmt"
	"runtime/debug"
)

// Aside runs fn on a goroutine of its own and waits for it. A stream lives for an hour on its goroutine's stack, which
// never gets smaller than half of what it once needed: looking at a token or asking the database goes four times as
// deep as waiting does. A panic of fn goes on in the caller.
func Aside[T any](fn func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
		panic any
	}
	c := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.panic = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			c <- a
		}()
		a.value, a.err = fn()
	}()
	a := <-c
	if a.panic != nil {
		panic(a.panic)
	}
	return a.value, a.err
}
