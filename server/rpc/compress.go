package rpc

import (
	"io"
	"runtime"

	"connectrpc.com/connect"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressFrom is the size below which compressing costs more than it saves.
const compressFrom = 300

const gzipLevel = 2

// withZstd offers zstd beside gzip. The decoder's memory is bounded, so that a few bytes cannot claim gigabytes.
func withZstd(maxBytes int) connect.HandlerOption {
	return connect.WithCompression("zstd",
		func() connect.Decompressor {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(uint64(max(maxBytes, 1<<20))), zstd.WithDecoderMaxWindow(8<<20))
			if err != nil {
				return brokenDecompressor{err}
			}
			return &zstdReader{d}
		},
		few(func() connect.Compressor {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
				zstd.WithWindowSize(512<<10), zstd.WithEncoderLevel(zstd.SpeedDefault))
			if err != nil {
				return brokenCompressor{err}
			}
			return e
		}))
}

// withGzip puts a faster gzip in place of connect's: half the time for a tenth more bytes, and a first sync
// waits for its compression (docs/decisions/0010).
func withGzip() connect.HandlerOption {
	return connect.WithCompression("gzip",
		func() connect.Decompressor { return &gzip.Reader{} },
		few(func() connect.Compressor {
			w, err := gzip.NewWriterLevel(nil, gzipLevel)
			if err != nil {
				return brokenCompressor{err}
			}
			return w
		}))
}

// few lends a bounded number of compressors out: one holds two megabytes, and in a storm hundreds of answers would
// be compressed at once, each a little, on as many cores as there are. What is compressed goes to memory first, so
// nobody waits here for a slow phone.
func few(fresh func() connect.Compressor) func() connect.Compressor {
	free := newShelf(compressors(), fresh)
	return func() connect.Compressor { return &borrowed{from: free} }
}

// compressors is how many are of use at once.
func compressors() int { return 2 * runtime.GOMAXPROCS(0) }

// shelf holds compressors that nobody uses; nil stands for one that was not made yet.
type shelf struct {
	free  chan connect.Compressor
	fresh func() connect.Compressor
}

func newShelf(n int, fresh func() connect.Compressor) *shelf {
	s := &shelf{free: make(chan connect.Compressor, n), fresh: fresh}
	for range n {
		s.free <- nil
	}
	return s
}

// borrowed is a compressor from its first byte to its Close, and nothing before and after.
type borrowed struct {
	from *shelf
	to   io.Writer
	have connect.Compressor
}

// Reset implements connect.Compressor.
func (b *borrowed) Reset(to io.Writer) { b.to = to }

func (b *borrowed) take() {
	if b.have != nil {
		return
	}
	if b.have = <-b.from.free; b.have == nil {
		b.have = b.from.fresh()
	}
	b.have.Reset(b.to)
}

// Write implements connect.Compressor.
func (b *borrowed) Write(p []byte) (int, error) {
	b.take()
	return b.have.Write(p)
}

// Close implements connect.Compressor.
func (b *borrowed) Close() error {
	b.take() // also what is empty has a frame
	err := b.have.Close()
	b.have.Reset(io.Discard)
	b.from.free <- b.have
	b.have = nil
	return err
}

// zstdReader keeps its decoder when closed: connect reuses it after Reset.
type zstdReader struct{ *zstd.Decoder }

func (r *zstdReader) Close() error { return r.Reset(nil) }

type brokenDecompressor struct{ err error }

func (b brokenDecompressor) Read([]byte) (int, error) { return 0, b.err }
func (b brokenDecompressor) Close() error             { return nil }
func (b brokenDecompressor) Reset(io.Reader) error    { return b.err }

type brokenCompressor struct{ err error }

func (b brokenCompressor) Write([]byte) (int, error) { return 0, b.err }
func (b brokenCompressor) Close() error              { return b.err }
func (b brokenCompressor) Reset(io.Writer)           {}
