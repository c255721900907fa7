// Package sheet reads tables that strangers made: CSV in the encodings and habits of Chinese and European shops,
// and XLSX. It streams: a file's size does not matter to memory. Every cell, row and file has a limit, and a line
// that breaks one is handed out as damaged, with its number, while the rest is read on.
package sheet

import (
	"bytes"
	"io"
	"os"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Limits bound what a file may hold.
type Limits struct {
	Bytes   int64 // of the file as it lies on disk
	Rows    int   // physical lines of CSV, rows of XLSX
	Cells   int   // of an XLSX sheet, the empty ones among them
	Columns int
	Field   int // bytes of one cell, decoded
	Record  int // bytes of one record, decoded
}

// DefaultLimits are generous for a shop's export and small for a machine.
var DefaultLimits = Limits{
	Bytes: 512 << 20, Rows: 5_000_000, Cells: 20_000_000, Columns: 300, Field: 16 << 10,
	Record: 64 << 10,
}

// Encoding names how a CSV file writes characters.
type Encoding string

// The encodings. Auto looks at the whole file first: a mark, else UTF-8 when the bytes are, else GB18030 (which
// holds GBK and GB2312).
const (
	Auto    Encoding = "auto"
	UTF8    Encoding = "utf-8"
	GB18030 Encoding = "gb18030"
	UTF16   Encoding = "utf-16"
	// Others are named as the WHATWG's Encoding Standard does, for example windows-1252; they are never guessed.
)

// Options says how to read a file. The zero value finds out by itself.
type Options struct {
	Encoding Encoding
	// Comma separates columns; 0 finds out: comma, semicolon or tab.
	Comma rune
	// Sheet is the name of the XLSX sheet; empty for the first.
	Sheet string
	// Limits that are zero are the default ones.
	Limits Limits
}

// Row is one record.
type Row struct {
	// Since1904: bare numbers that are dates count days from 1904, as workbooks of older Macs do.
	Since1904 bool
	// Line is the number of the record's first physical line in a CSV file, the row number in XLSX; from 1.
	Line  int
	Cells []string
	// Long are the cells, from 0, that hold a number of more than 15 digits: a spreadsheet has lost what is behind them.
	Long []int
	// Damage is why the record cannot be used; empty for a sound one. Cells is then what could be read, for show.
	Damage refusal.Code
}

// Reader hands out rows in the file's order.
type Reader interface {
	// Next returns the next row that is not blank; io.EOF after the last. Another error is the whole file's.
	Next() (Row, error)
	// Expect tells how many columns the header has: a record of another width is damaged from then on. Trailing
	// empty cells do not count.
	Expect(columns int)
	// Progress tells how many bytes of how many have been read, or rows of rows; total may be 0 when unknown.
	Progress() (done, total int64)
	Close() error
}

// Open opens the file at path. What it is, is told by its first bytes, not by its name.
func Open(path string, o Options) (Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, FileRefused, "the file cannot be opened")
	}
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return nil, fault.Wrap(err, FileRefused, "not a regular file")
	}
	r, err := New(f, st.Size(), o)
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return &closing{r, f}, nil
}

type closing struct {
	Reader
	file *os.File
}

func (c *closing) Close() error {
	err := c.Reader.Close()
	if e := c.file.Close(); err == nil {
		err = e
	}
	return err
}

// New reads a table of size bytes from r, which stays the caller's to close.
func New(r io.ReadSeeker, size int64, o Options) (Reader, error) {
	o.Limits = filled(o.Limits)
	if size > o.Limits.Bytes {
		return nil, fault.New(FileRefused, "larger than %d MiB", o.Limits.Bytes>>20)
	}
	var head [8]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && n == 0 {
		return nil, fault.New(FileRefused, "the file is empty")
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fault.Wrap(err, FileRefused, "the file cannot be read")
	}
	switch {
	case bytes.HasPrefix(head[:n], []byte("PK\x03\x04")):
		return newXLSX(r, size, o)
	case bytes.HasPrefix(head[:n], []byte("\xd0\xcf\x11\xe0")):
		return nil, fault.New(FileRefused, "an old .xls or protected workbook; save it as .xlsx or CSV")
	}
	return newCSV(r, size, o)
}

func filled(l Limits) Limits {
	d := DefaultLimits
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Rows == 0 {
		l.Rows = d.Rows
	}
	if l.Cells == 0 {
		l.Cells = d.Cells
	}
	if l.Columns == 0 {
		l.Columns = d.Columns
	}
	if l.Field == 0 {
		l.Field = d.Field
	}
	if l.Record == 0 {
		l.Record = d.Record
	}
	return l
}
