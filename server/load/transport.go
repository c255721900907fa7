package load

import (
	"context"
	"net"
	"net/http"
	"strings"
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

// acceptZstd takes zstd before gzip. The decoders are small: there may be thousands of phones.
func acceptZstd() connect.ClientOption {
	return connect.WithAcceptCompression("zstd", func() connect.Decompressor {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err) // the options are constant
		}
		return zstdDecoder{d}
	}, nil)
}

type zstdDecoder struct{ *zstd.Decoder }

// Close keeps the decoder for its next use.
func (d zstdDecoder) Close() error { return d.Reset(nil) }
