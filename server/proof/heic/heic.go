// Package heic turns the HEIC files of phones into JPEGs. The decoder is libheif with libde265 compiled to
// WebAssembly (see wasm/README.md for source and licence), run in a sandbox that reaches no file, no clock and no
// network, within a bound of memory and time: hostile bytes can spoil their own decoding and nothing else.
package heic

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed" // the decoder
	"errors"
	"fmt"
	"image"
	"io"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/server/proof/media"
)

//go:embed wasm/heif.wasm.gz
var program []byte

const (
	// memoryPages of 64 KiB are what the sandbox may use: 512 MiB. A 12-megapixel photo takes about 200 MiB.
	memoryPages = 8192
	// patience is how long one picture may take; a 12-megapixel photo takes about 3 s on two idle cores.
	patience = time.Minute
	// edge is the longer edge of the JPEG that is made.
	edge = 2560
)

var errBroken = errors.New("heic: not a picture that can be decoded")

// Decoder decodes one picture at a time. The zero value is ready; the program is compiled (half a second, once)
// when the first picture comes. It is safe for concurrent use.
type Decoder struct {
	turn    sync.Mutex
	once    sync.Once
	runtime wazero.Runtime
	code    wazero.CompiledModule
	failed  error
}

// JPEG decodes the primary picture of a HEIC file, turned the right way up, at most 2,560 pixels long, without
// metadata. An error of code Unavailable says that this process cannot decode HEIC, or not within its patience,
// which says nothing about the bytes; any other error, that these bytes cannot be decoded.
func (d *Decoder) JPEG(ctx context.Context, b []byte) ([]byte, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.once.Do(d.compile)
	if d.failed != nil {
		return nil, fault.Wrap(d.failed, fault.Unavailable, "")
	}
	b, err := d.sandboxed(ctx, b)
	if timeOver(err) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Wrap(err, fault.Unavailable, "")
	}
	return b, err
}

// timeOver tells that the runtime closed the program because its time was over.
func timeOver(err error) bool {
	var exit *sys.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == sys.ExitCodeDeadlineExceeded || exit.ExitCode() == sys.ExitCodeContextCanceled)
}

func (d *Decoder) sandboxed(ctx context.Context, b []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	module, err := d.runtime.InstantiateModule(ctx, d.code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, fmt.Errorf("heic: start: %w", err)
	}
	defer module.Close(context.WithoutCancel(ctx))
	m, err := decode(ctx, module, b)
	if err != nil {
		return nil, err
	}
	return media.Shrink(m, edge)
}

func (d *Decoder) compile() {
	ctx := context.Background()
	z, err := gzip.NewReader(bytes.NewReader(program))
	if err != nil {
		d.failed = err
		return
	}
	code, err := io.ReadAll(z)
	if err != nil {
		d.failed = err
		return
	}
	d.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithMemoryLimitPages(memoryPages).WithCloseOnContextDone(true))
	if _, d.failed = wasi_snapshot_preview1.Instantiate(ctx, d.runtime); d.failed != nil {
		return
	}
	d.code, d.failed = d.runtime.CompileModule(ctx, code)
}

// Close frees the compiled program; the decoder is not used after it.
func (d *Decoder) Close() error {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.runtime == nil {
		return nil
	}
	return d.runtime.Close(context.Background())
}

// sandbox calls the program's functions and remembers the first failure.
type sandbox struct {
	api.Module
	ctx context.Context
	err error
}

func (s *sandbox) call(name string, args ...uint64) uint32 {
	if s.err != nil {
		return 0
	}
	out, err := s.ExportedFunction(name).Call(s.ctx, args...)
	if err != nil {
		s.err = fmt.Errorf("heic: %s: %w", name, err)
		return 0
	}
	return uint32(out[0])
}

func (s *sandbox) alloc(n uint64) uint64 {
	at := s.call("malloc", n)
	if s.err == nil && at == 0 {
		s.err = fmt.Errorf("heic: out of memory: %w", errBroken)
	}
	return uint64(at)
}

func (s *sandbox) word(at uint64) int {
	v, ok := s.Memory().ReadUint32Le(uint32(at))
	if !ok && s.err == nil {
		s.err = errBroken
	}
	return int(v)
}

// decode gives a picture whose pixels lie in the sandbox's memory.
func decode(ctx context.Context, module api.Module, b []byte) (image.Image, error) {
	s := &sandbox{Module: module, ctx: ctx}
	in, info := s.alloc(uint64(len(b))), s.alloc(4*5)
	if s.err != nil {
		return nil, s.err
	}
	if !s.Memory().Write(uint32(in), b) {
		return nil, errBroken
	}
	run := func(headersOnly, out uint64) {
		if s.call("decode", in, uint64(len(b)), headersOnly, info, info+4, info+8, info+12, info+16, out) == 0 && s.err == nil {
			s.err = errBroken
		}
	}
	run(1, 0)
	if s.err != nil {
		return nil, s.err
	}
	m, planes, err := layout(s.word(info), s.word(info+4), s.word(info+8), s.word(info+12))
	if err != nil {
		return nil, err
	}
	out := s.alloc(uint64(planes))
	run(0, out)
	if s.err != nil {
		return nil, s.err
	}
	pixels, ok := s.Memory().Read(uint32(out), uint32(planes))
	if !ok {
		return nil, errBroken
	}
	return m(pixels), nil
}
