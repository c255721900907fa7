// Package heic turns the HEIC files of phones into JPEGs. The decoder is libheif with libde265 compiled to
// WebAssembly (see wasm/README.md for source and licence). It runs in a sandbox that reaches no file, no clock and
// no network and has a bound of memory, and that in a process of its own: the same binary, without its
// environment, which is killed when it takes too long and whose memory goes with it. Hostile bytes can spoil
// their own decoding and nothing else.
package heic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/doorstep-dev/doorstep/internal/outside"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Decoder decodes one picture at a time. Make it with New; it is safe for concurrent use.
type Decoder struct {
	// Patience is how long one picture may take. Default a minute; a 12-megapixel photo takes about 4 s on two
	// idle cores.
	Patience time.Duration
	turn     chan struct{}
}

// New makes a decoder. It holds nothing that must be given back.
func New() *Decoder { return &Decoder{Patience: time.Minute, turn: make(chan struct{}, 1)} }

// JPEG decodes the primary picture of a HEIC file, turned the right way up, at most 2,560 pixels long, without
// metadata. An error of code Unavailable says that HEIC cannot be decoded here, or not within the patience, which
// says nothing about the bytes; any other error, that these bytes cannot be decoded, or that ctx has ended.
func (d *Decoder) JPEG(ctx context.Context, b []byte) ([]byte, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	binary, err := self()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "")
	}
	limited, cancel := context.WithTimeout(ctx, d.Patience)
	defer cancel()
	var out, said bytes.Buffer
	outside.Call("HEIC decoder")
	c := exec.CommandContext(limited, binary)
	c.Env = []string{variable + "=" + d.Patience.String()}
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(b), &out, &said
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() == exitBroken:
		return nil, fmt.Errorf("%w: %s", errBroken, said.Bytes())
	}
	return nil, fault.Wrap(fmt.Errorf("%w: %s", err, said.Bytes()), fault.Unavailable, "")
}

// self is this binary, also when its file was replaced by an upgrade meanwhile.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
