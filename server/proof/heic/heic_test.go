package heic

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestHostileBytesSpoilOnlyTheirOwnDecoding(t *testing.T) {
	t.Parallel()
	// The headers of a HEIC whose picture is missing.
	headers := append([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic\x00\x00\x07\xd0meta"),
		make([]byte, 1972)...)
	spoiled(t, headers)
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		b, err := os.ReadFile(shared.Path(t, "photos", "mobile_iphone_13_pro_max.HEIC"))
		if err != nil {
			t.Fatal(err)
		}
		spoiled(t, b)
		d := New()
		d.Patience = 50 * time.Millisecond
		if _, err := d.JPEG(t.Context(), b); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("out of patience: %v", err)
		}
	})
}

func spoiled(t *testing.T, b []byte) {
	t.Helper()
	d := New()
	d.Patience = 10 * time.Minute // the race detector makes it slow
	for name, bad := range map[string][]byte{
		"nothing":      {},
		"only headers": b[:2000],
	} {
		if out, err := d.JPEG(t.Context(), bad); err == nil || fault.CodeOf(err) == fault.Unavailable {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.JPEG(gone, b); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

func TestTheSandboxGetsNoMoreMemoryThanItsBound(t *testing.T) {
	t.Parallel()
	code, err := decoder()
	if err != nil {
		t.Fatal(err)
	}
	runtime, module, err := start(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close(t.Context())
	memory := module.Memory()
	room := memoryPages - memory.Size()>>16
	if before, ok := memory.Grow(room + 1); ok {
		t.Errorf("grown from %d by %d pages, over the bound of %d", before, room+1, memoryPages)
	}
	if _, err := module.ExportedFunction("malloc").Call(t.Context(), 1<<30); err != nil {
		t.Fatal(err)
	}
	if got := memory.Size() >> 16; got > memoryPages {
		t.Errorf("%d pages after a large malloc", got)
	}
}

func TestLayoutsFitTheirPlanes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ w, h, space, chroma, want int }{
		{33, 17, spaceYCbCr, chroma420, 48*17 + 2*32*9},
		{33, 17, spaceYCbCr, chroma422, 48*17 + 2*32*17},
		{33, 17, spaceYCbCr, chroma444, 3 * 48 * 17},
		{33, 17, spaceGrey, 0, 48 * 17},
		{33, 17, spaceRGB, 0, 144 * 17},
	} {
		see, n, err := layout(c.w, c.h, c.space, c.chroma)
		if err != nil || n != c.want {
			t.Errorf("%+v: %d bytes, %v", c, n, err)
			continue
		}
		m := see(make([]byte, n))
		if m.Bounds() != image.Rect(0, 0, c.w, c.h) || jpeg.Encode(new(bytes.Buffer), m, nil) != nil {
			t.Errorf("%+v: cannot be seen", c)
		}
	}
	for _, c := range [][4]int{{0, 1, 0, 1}, {1 << 20, 1, 0, 1}, {1, 1, 7, 1}, {1, 1, 0, 9}} {
		if _, _, err := layout(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%v is believed", c)
		}
	}
}
