package offline

import (
	"io"

	"connectrpc.com/connect"
	"github.com/klauspost/compress/zstd"
)

// answerBytes bounds one answer after decompression.
const answerBytes = 16 << 20

// acceptZstd takes answers compressed by zstd before gzip: fewer bytes, and packs, which are compressed already, cost
// nearly no time.
func acceptZstd() connect.ClientOption {
	return connect.WithAcceptCompression("zstd", func() connect.Decompressor {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(answerBytes), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return brokenZstd{err}
		}
		return zstdAnswer{d}
	}, nil)
}

// zstdAnswer keeps its decoder when closed: connect reuses it after Reset.
type zstdAnswer struct{ *zstd.Decoder }

// Close implements connect.Decompressor.
func (a zstdAnswer) Close() error { return a.Reset(nil) }

type brokenZstd struct{ err error }

// Read implements connect.Decompressor.
func (b brokenZstd) Read([]byte) (int, error) { return 0, b.err }

// Close implements connect.Decompressor.
func (b brokenZstd) Close() error { return nil }

// Reset implements connect.Decompressor.
func (b brokenZstd) Reset(io.Reader) error { return b.err }
