package rpc

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/klauspost/compress/gzip"
)

func TestManyAnswersAreCompressedByFewCompressors(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	made := 0
	lend := few(func() connect.Compressor {
		mu.Lock()
		defer mu.Unlock()
		made++
		return gzip.NewWriter(io.Discard)
	})
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(n)}, 1000+n)
			var out bytes.Buffer
			c := lend()
			for range 3 { // connect uses one again after its Close
				out.Reset()
				c.Reset(&out)
				if _, err := c.Write(want[:500]); err != nil {
					t.Error(err)
				}
				if _, err := c.Write(want[500:]); err != nil {
					t.Error(err)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				r, err := gzip.NewReader(&out)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
				}
			}
		})
	}
	wg.Wait()
	if made > compressors() {
		t.Errorf("%d compressors were made, at most %d may be", made, compressors())
	}
}

func TestWhatIsEmptyIsCompressedToAFrame(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := few(func() connect.Compressor { return gzip.NewWriter(io.Discard) })()
	c.Reset(&out)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := gzip.NewReader(&out); err != nil {
		t.Error(err)
	}
}
