package load

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"connectrpc.com/connect"
	"github.com/klauspost/compress/zstd"
)

// transport gives a phone connections of its own, as phones have, whose bytes are counted as they are on the
// wire: heads, TLS and all.
func (r *run) transport() *http.Client {
	p := new(http.Protocols)
	switch {
	case r.config.HTTP1:
		p.SetHTTP1(true)
	case strings.HasPrefix(r.config.URL, "https:"):
		p.SetHTTP1(true)
		p.SetHTTP2(true)
	default:
		p.SetUnencryptedHTTP2(true)
	}
	dialer := &net.Dialer{}
	return &http.Client{Transport: &http.Transport{
		Protocols: p,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return counted{c, &r.tally.up, &r.tally.down}, nil
		},
	}}
}

type counted struct {
	net.Conn
	up, down *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.down.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.up.Add(int64(n))
	return n, err
}

// acceptZstd takes zstd before gzip. Thousands of phones share a few decoders: each would hold a window of its own.
func acceptZstd() connect.ClientOption {
	return connect.WithAcceptCompression("zstd", func() connect.Decompressor { return &zstdDecoder{} }, nil)
}

var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constant
	}
	return d
}}

// zstdDecoder is a decoder from its first byte to its Close.
type zstdDecoder struct {
	from io.Reader
	have *zstd.Decoder
}

// Reset implements connect.Decompressor.
func (d *zstdDecoder) Reset(from io.Reader) error {
	d.from = from
	return nil
}

// Read implements connect.Decompressor.
func (d *zstdDecoder) Read(b []byte) (int, error) {
	if d.have == nil {
		d.have = decoders.Get().(*zstd.Decoder)
		if err := d.have.Reset(d.from); err != nil {
			return 0, err
		}
	}
	return d.have.Read(b)
}

// Close implements connect.Decompressor.
func (d *zstdDecoder) Close() error {
	if d.have == nil {
		return nil
	}
	err := d.have.Reset(nil)
	decoders.Put(d.have)
	d.have = nil
	return err
}
