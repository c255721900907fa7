package sheet

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/doorstep-dev/doorstep/internal/fault"
)

// A workbook is compressed: what it grows to is bounded too. Sheets above memoryLimit are unpacked to the
// temporary folder and read from there.
const (
	packedLimit   = 64 << 20
	unpackedLimit = 256 << 20
	// stringsLimit bounds the table of texts, which is held in memory whole, at several times its size.
	stringsLimit = 48 << 20
	partsLimit   = 2000
	memoryLimit  = 16 << 20
)

type xlsxReader struct {
	book   *excelize.File
	rows   *excelize.Rows
	o      Options
	row    int
	last   int64
	expect int
	// since1904 is the workbook's date system.
	since1904 bool
}

func newXLSX(r io.ReadSeeker, size int64, o Options) (x *xlsxReader, err error) {
	if size > packedLimit {
		return nil, fault.New(fault.ImportFileRefused, "a workbook larger than %d MiB; save it as CSV", packedLimit>>20)
	}
	// The library is made for well-meant files; a malformed one may still panic within it.
	defer guard(&err)
	packed, err := io.ReadAll(io.LimitReader(r, packedLimit))
	if err != nil {
		return nil, fault.Wrap(err, fault.ImportFileRefused, "the file cannot be read")
	}
	if err := bounded(packed); err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(bytes.NewReader(packed), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: unpackedLimit, UnzipXMLSizeLimit: memoryLimit,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.ImportFileRefused, "not a sound workbook")
	}
	x = &xlsxReader{book: book, o: o}
	name := o.Sheet
	if name == "" {
		name = firstVisible(book)
	}
	if props, err := book.GetWorkbookProps(); err == nil && props.Date1904 != nil {
		x.since1904 = *props.Date1904
	}
	if x.rows, err = book.Rows(name); err != nil {
		_ = book.Close() // the first error counts
		return nil, fault.Wrap(err, fault.ImportFileRefused, "no sheet %q", name)
	}
	if d, err := book.GetSheetDimension(name); err == nil { // a hint for the progress bar only
		if _, end, ok := strings.Cut(d, ":"); ok {
			if _, n, err := excelize.CellNameToCoordinates(end); err == nil {
				x.last = int64(n)
			}
		}
	}
	return x, nil
}

// firstVisible is the first sheet that a person sees when the file is opened; hidden ones hold lists and leftovers.
func firstVisible(book *excelize.File) string {
	names := book.GetSheetList()
	for _, name := range names {
		if visible, err := book.GetSheetVisible(name); err == nil && visible {
			return name
		}
	}
	if len(names) > 0 {
		return names[0]
	}
	return ""
}

// bounded refuses a workbook that would grow beyond all use, before anything of it is unpacked. What the parts say
// of their sizes is held against them while they are read.
func bounded(packed []byte) error {
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return fault.Wrap(err, fault.ImportFileRefused, "not a sound workbook")
	}
	if len(z.File) > partsLimit {
		return fault.New(fault.ImportFileRefused, "a workbook of more than %d parts", partsLimit)
	}
	var sum uint64
	for _, f := range z.File {
		sum += f.UncompressedSize64
		if strings.HasSuffix(strings.ToLower(f.Name), "sharedstrings.xml") && f.UncompressedSize64 > stringsLimit {
			return fault.New(fault.ImportFileRefused, "a workbook with more than %d MiB of texts; save it as CSV", stringsLimit>>20)
		}
		if f.UncompressedSize64 > unpackedLimit || sum > unpackedLimit {
			return fault.New(fault.ImportFileRefused, "the workbook unpacks to more than %d MiB", unpackedLimit>>20)
		}
	}
	return nil
}

func guard(err *error) {
	if p := recover(); p != nil {
		*err = fault.Wrap(fmt.Errorf("workbook reader: %v", p), fault.ImportFileRefused, "not a sound workbook")
	}
}

func (x *xlsxReader) Expect(n int)             { x.expect = n }
func (x *xlsxReader) Progress() (int64, int64) { return int64(x.row), max(x.last, int64(x.row)) }

func (x *xlsxReader) Close() error {
	_ = x.rows.Close() // it tells again what Next told
	return x.book.Close()
}

func (x *xlsxReader) Next() (r Row, err error) {
	defer guard(&err)
	for x.rows.Next() {
		x.row++
		if x.row > x.o.Limits.Rows {
			return Row{}, fault.New(fault.ImportFileRefused, "more than %d rows", x.o.Limits.Rows)
		}
		cells, err := x.rows.Columns()
		if err != nil {
			return Row{}, fault.Wrap(err, fault.ImportFileRefused, "row %d cannot be read", x.row)
		}
		if blank(cells) {
			continue
		}
		if w := width(cells); w > x.o.Limits.Columns+1 {
			cells = cells[:x.o.Limits.Columns+1]
			cells[x.o.Limits.Columns] = "…" // counts as one too many
		} else {
			cells = cells[:w]
		}
		return judged(Row{Line: x.row, Cells: cells, Since1904: x.since1904}, x.expect, x.o.Limits, false), nil
	}
	if err := x.rows.Error(); err != nil {
		return Row{}, fault.Wrap(err, fault.ImportFileRefused, "the sheet cannot be read behind row %d", x.row)
	}
	return Row{}, io.EOF
}
