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

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/doorstep-dev/doorstep/server/proof/media"
)

//go:embed wasm/heif.wasm.gz
var program []byte

const (
	// memoryPages of 64 KiB are what the sandbox may use: 512 MiB. A 12-megapixel photo takes about 200 MiB.
	memoryPages = 8192
	// edge is the longer edge of the JPEG that is made.
	edge = 2560
)

var errBroken = errors.New("heic: not a picture that can be decoded")

// convert decodes within the sandbox. It does not heed ctx while it decodes: asking at every loop makes decoding
// four times slower. Whoever calls it ends the process when it takes too long.
func convert(ctx context.Context, b []byte) ([]byte, error) {
	code, err := decoder()
	if err != nil {
		return nil, err
	}
	runtime, module, err := start(ctx, code)
	if err != nil {
		return nil, err
	}
	defer runtime.Close(ctx)
	m, err := decode(ctx, module, b)
	if err != nil {
		return nil, err
	}
	return media.Shrink(m, edge)
}

// decoder is the WebAssembly program.
func decoder() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// start makes the sandbox and loads the decoder into it. The module gets no file system, no clock, no environment and
// no source of randomness: these are off unless a ModuleConfig switches them on.
func start(ctx context.Context, code []byte) (wazero.Runtime, api.Module, error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(memoryPages))
	_, err := wasi_snapshot_preview1.Instantiate(ctx, runtime)
	if err != nil {
		return nil, nil, errors.Join(err, runtime.Close(ctx))
	}
	module, err := runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("heic: start: %w", err), runtime.Close(ctx))
	}
	return runtime, module, nil
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
		s.err = fmt.Errorf("%w: %s: %w", errBroken, name, err) // it trapped
		return 0
	}
	return uint32(out[0])
}

func (s *sandbox) alloc(n uint64) uint64 {
	at := s.call("malloc", n)
	if s.err == nil && at == 0 {
		s.err = fmt.Errorf("%w: out of memory", errBroken)
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
		if s.call("decode", in, uint64(len(b)), headersOnly, info, info+4, info+8, info+12, info+16, out) == 0 &&
			s.err == nil {
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
