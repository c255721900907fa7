package sheet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// drain reads a foreign file to its end and checks what every reader promises.
func drain(t *testing.T, in []byte) {
	l := Limits{Rows: 2000, Columns: 20, Field: 256, Record: 1024}
	r, err := New(bytes.NewReader(in), int64(len(in)), Options{Limits: l})
	if err != nil {
		if fault.CodeOf(err) == fault.Internal {
			t.Fatalf("a foreign file's fault has no code: %v", err)
		}
		return
	}
	last := 0
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if fault.CodeOf(err) != FileRefused {
				t.Fatalf("a foreign file's fault has no code: %v", err)
			}
			break
		}
		if row.Line <= last {
			t.Fatalf("line %d after %d", row.Line, last)
		}
		if last == 0 {
			r.Expect(width(row.Cells))
		}
		last = row.Line
		if row.Damage == "" {
			size := 0
			for _, c := range row.Cells {
				size += len(c)
			}
			if size > 1024 || width(row.Cells) > 20 {
				t.Fatalf("a sound row breaks the limits: %d bytes, %d cells", size, len(row.Cells))
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "\ufeffa;b\r\n1;\"x\ny\"\r\n", "a,b\n\"1,2\n3,4\n", "sep=\t\na\tb\n",
		"\xb6\xa9\xb5\xa5\xba\xc5,a\n1,2\n", "\xff\xfea\x00,\x00b\x00",
		"a,b\n" + strings.Repeat("\"", 600) + "\n1,2\n", "a\r1\r2", "\"\n\"\n\"\n", strings.Repeat(",", 40) + "\n1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.HasPrefix(in, []byte("PK\x03\x04")) {
			return // FuzzWorkbook's
		}
		drain(t, in)
	})
}
