package heic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// variable makes a process of this binary decode what comes on its standard input, within the time named, and
// do nothing else.
const variable = "DOORSTEP_HEIC_DECODE"

// exitBroken says that the bytes cannot be decoded; any other failure is none of theirs.
const exitBroken = 3

// Every binary that links this package can be the decoder's process, tests included, without a word in its main.
func init() {
	patience, err := time.ParseDuration(os.Getenv(variable))
	if err != nil {
		return
	}
	// Whatever becomes of the parent.
	time.AfterFunc(patience, func() { os.Exit(1) })
	os.Exit(process(os.Stdin, os.Stdout, os.Stderr))
}

func process(in io.Reader, out, said io.Writer) int {
	b, err := io.ReadAll(in)
	if err == nil {
		b, err = convert(context.Background(), b)
	}
	if err == nil {
		_, err = out.Write(b)
	}
	if err == nil {
		return 0
	}
	if _, failed := fmt.Fprint(said, err); failed != nil || !errors.Is(err, errBroken) {
		return 1
	}
	return exitBroken
}
