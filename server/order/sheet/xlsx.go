package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// A workbook is compressed: what it grows to is bounded too. It is read as a stream; only its table of texts is held.
const (
	packedLimit   = 64 << 20
	unpackedLimit = 256 << 20
	// stringsLimit bounds the table of texts, which is held in memory whole.
	stringsLimit = 48 << 20
	partsLimit   = 2000
	// The sizes of a sheet that spreadsheets have.
	sheetRows, sheetColumns = 1 << 20, 1 << 14
	// exactDigits is how many digits of a number a spreadsheet keeps.
	exactDigits = 15
)

type xlsxReader struct {
	o         Options
	sheet     *part
	texts     *texts
	paddings  map[int]padding
	since1904 bool

	row, cells int
	last       int64
	expect     int
}

func newXLSX(r io.ReadSeeker, size int64, o Options) (*xlsxReader, error) {
	if size > packedLimit {
		return nil, fault.New(FileRefused, "a workbook larger than %d MiB; save it as CSV", packedLimit>>20)
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		packed, err := io.ReadAll(io.LimitReader(r, packedLimit))
		if err != nil {
			return nil, fault.Wrap(err, FileRefused, "the file cannot be read")
		}
		at, size = bytes.NewReader(packed), int64(len(packed))
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return nil, fault.Wrap(err, FileRefused, "not a sound workbook")
	}
	if err := bounded(z); err != nil {
		return nil, err
	}
	x := &xlsxReader{o: o}
	if err := x.open(z); err != nil {
		return nil, unsound(err)
	}
	return x, nil
}

func (x *xlsxReader) open(z *zip.Reader) error {
	b, err := readBook(z)
	if err != nil {
		return err
	}
	s, err := b.choose(x.o.Sheet)
	if err != nil {
		return err
	}
	x.since1904 = b.since1904
	if b.texts != nil && b.texts.UncompressedSize64 > stringsLimit {
		return fault.New(FileRefused, "a workbook with more than %d MiB of texts; save it as CSV", stringsLimit>>20)
	}
	if x.texts, err = readTexts(b.texts, x.o.Limits.Field+1); err != nil {
		return err
	}
	if x.paddings, err = readPaddings(b.styles); err != nil {
		return err
	}
	x.sheet, err = openPart(s.file)
	return err
}

// unsound names a limit of the XML that is broken; of other faults the reader's words are for the log.
func unsound(err error) error {
	switch {
	case fault.CodeOf(err) == FileRefused:
		return err
	case errors.Is(err, errToken), errors.Is(err, errDepth), errors.Is(err, errSmall):
		return fault.Wrap(err, FileRefused, "a workbook with %v", err)
	}
	return fault.Wrap(err, FileRefused, "not a sound workbook")
}

// bounded refuses a workbook that would grow beyond all use, before anything of it is unpacked. What the parts say
// of their sizes is held against them while they are read.
func bounded(z *zip.Reader) error {
	if len(z.File) > partsLimit {
		return fault.New(FileRefused, "a workbook of more than %d parts", partsLimit)
	}
	var sum uint64
	for _, f := range z.File {
		sum += f.UncompressedSize64
		if f.UncompressedSize64 > unpackedLimit || sum > unpackedLimit {
			return fault.New(FileRefused, "the workbook unpacks to more than %d MiB", unpackedLimit>>20)
		}
	}
	return nil
}

func (x *xlsxReader) Expect(n int)             { x.expect = n }
func (x *xlsxReader) Progress() (int64, int64) { return int64(x.row), max(x.last, int64(x.row)) }
func (x *xlsxReader) Close() error             { return x.sheet.file.Close() }

func (x *xlsxReader) Next() (Row, error) {
	for {
		t, err := x.sheet.next()
		if errors.Is(err, io.EOF) {
			return Row{}, io.EOF
		}
		if err != nil {
			return Row{}, unsound(err)
		}
		switch e := t.(type) {
		case xml.EndElement:
			if e.Name.Local == "sheetData" {
				return Row{}, io.EOF
			}
		case xml.StartElement:
			switch e.Name.Local {
			case "dimension": // a hint for the progress bar only
				if _, end, ok := strings.Cut(attribute(e, "ref"), ":"); ok {
					n, _ := strconv.Atoi(strings.TrimLeft(end, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) // 0 is no hint
					x.last = int64(min(max(n, 0), sheetRows))
				}
			case "row":
				r, err := x.readRow(e)
				if err != nil {
					return Row{}, unsound(err)
				}
				if !blank(r.Cells) {
					r.Cells = r.Cells[:width(r.Cells)]
					return judged(r, x.expect, x.o.Limits, false), nil
				}
			}
		}
	}
}

func (x *xlsxReader) readRow(start xml.StartElement) (Row, error) {
	no := x.row + 1
	if s := attribute(start, "r"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < no || n > sheetRows {
			return Row{}, fault.New(FileRefused, "row %d is out of order or beyond %d", no, sheetRows)
		}
		no = n
	}
	if x.row = no; no > x.o.Limits.Rows {
		return Row{}, fault.New(FileRefused, "more than %d rows", x.o.Limits.Rows)
	}
	r := Row{Line: no, Since1904: x.since1904}
	size, column := 0, 0
	for {
		t, err := x.sheet.next()
		if err != nil {
			return Row{}, noEnd(err)
		}
		switch e := t.(type) {
		case xml.EndElement:
			if e.Name.Local == "row" {
				return r, nil
			}
		case xml.StartElement:
			if e.Name.Local != "c" {
				continue
			}
			if x.cells++; x.cells > x.o.Limits.Cells {
				return Row{}, fault.New(FileRefused, "more than %d cells; save it as CSV", x.o.Limits.Cells)
			}
			if column, err = columnOf(attribute(e, "r"), column); err != nil {
				return Row{}, err
			}
			text, long, err := x.readCell(e)
			if err != nil {
				return Row{}, err
			}
			if text == "" {
				continue
			}
			at := column - 1
			if at >= x.o.Limits.Columns {
				at, text = x.o.Limits.Columns, "…" // counts as one too many
			}
			if size > x.o.Limits.Record {
				text = "" // enough is held to refuse the row
			}
			size += len(text)
			for len(r.Cells) <= at {
				r.Cells = append(r.Cells, "")
			}
			r.Cells[at] = text
			if long {
				r.Long = append(r.Long, at)
			}
		}
	}
}

// noEnd is the error of a part that ends within something.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// columnOf is the column of a cell such as AB12, from 1; without a name the one behind the last.
func columnOf(cell string, last int) (int, error) {
	n := 0
	for i := 0; i < len(cell) && cell[i] >= 'A' && cell[i] <= 'Z' && n <= sheetColumns; i++ {
		n = n*26 + int(cell[i]-'A') + 1
	}
	if cell == "" {
		n = last + 1
	}
	if n < 1 || n > sheetColumns {
		return 0, fault.New(FileRefused, "cell %.20q is beyond %d columns", cell, sheetColumns)
	}
	return n, nil
}

// readCell reads what stands behind the start of a cell, up to its end. long tells a number of more digits than a
// spreadsheet keeps.
func (x *xlsxReader) readCell(start xml.StartElement) (text string, long bool, err error) {
	var c collector
	c.reset(x.o.Limits.Field + 1)
	formula := false
	for {
		t, err := x.sheet.next()
		if err != nil {
			return "", false, noEnd(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			formula = formula || e.Name.Local == "f"
		case xml.EndElement:
			switch e.Name.Local {
			case "f":
				formula = false
			case "c":
				return x.valueOf(start, c.text.String())
			}
		}
		if !formula {
			c.see(t)
		}
	}
}

func (x *xlsxReader) valueOf(cell xml.StartElement, v string) (text string, long bool, err error) {
	switch attribute(cell, "t") {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return "", false, nil //nolint:nilerr // an empty cell of this type
		}
		text, _ = x.texts.at(i) // a text that is not there is none
		return text, false, nil
	case "", "n":
		v = strings.TrimSpace(v)
		style, err := strconv.Atoi(attribute(cell, "s"))
		if err != nil {
			style = 0
		}
		whole, _, _ := strings.Cut(strings.TrimPrefix(v, "-"), ".")
		long = len(strings.TrimLeft(whole, "0")) > exactDigits && strings.Trim(whole, "0123456789") == ""
		return x.paddings[style].shown(v), long, nil
	default:
		return unescaped(v), false, nil
	}
}

// CellName is the name of a cell in a spreadsheet, such as AB12; column counts from 0.
func CellName(column, line int) string {
	name := ""
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name + strconv.Itoa(line)
}
