package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// lookahead is how many lines a quoted cell may span.
const lookahead = 100

// csvReader reads records line by line. encoding/csv is not used because one quote that nobody closed would make
// it swallow the rest of the file into one cell, without a bound and without a word.
type csvReader struct {
	in       *bufio.Reader
	counted  *counter
	total    int64
	o        Options
	comma    rune
	newline  byte
	lineNo   int
	expect   int
	pushed   []line // lines that were read ahead and given back
	finished bool
}

type line struct {
	no   int
	text []byte
	long bool // cut at the record limit
}

type counter struct {
	r io.ReadSeeker
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) Seek(offset int64, whence int) (int64, error) {
	c.n = 0
	return c.r.Seek(offset, whence)
}

func newCSV(r io.ReadSeeker, size int64, o Options) (*csvReader, error) {
	c := &counter{r: r}
	text, err := decoded(c, o.Encoding)
	if err != nil {
		return nil, err
	}
	x := &csvReader{in: bufio.NewReaderSize(text, 64<<10), counted: c, total: size, o: o, comma: o.Comma, newline: '\n'}
	sample, err := x.in.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.Wrap(err, FileRefused, "the file cannot be read")
	}
	if bytes.IndexByte(sample, 0) >= 0 {
		return nil, fault.New(FileRefused, "neither CSV nor XLSX")
	}
	x.newline = lineEnd(sample)
	if told := separatorLine(sample); told != 0 {
		if _, err := x.line(); err != nil {
			return nil, err
		}
		if x.comma == 0 {
			x.comma = told
		}
	}
	if x.comma == 0 {
		x.comma = separator(sample, x.newline)
	}
	return x, nil
}

// lineEnd is what ends the first line outside of quotes: \r alone as spreadsheets on Macs write, whose line breaks
// within cells are \n; else \n, with or without a \r before it.
func lineEnd(sample []byte) byte {
	quoted := false
	for i, b := range sample {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '\n':
			return '\n'
		case b == '\r' && (i+1 == len(sample) || sample[i+1] != '\n'):
			return '\r'
		}
	}
	return '\n'
}

// separatorLine understands Excel's first line "sep=;".
func separatorLine(sample []byte) rune {
	if len(sample) > 5 && strings.EqualFold(string(sample[:4]), "sep=") && (sample[5] == '\r' || sample[5] == '\n') {
		return rune(sample[4])
	}
	return 0
}

// separator is the candidate that the first lines hold most, outside quotes; the comma when none is there.
func separator(sample []byte, newline byte) rune {
	var count [3]int
	quoted, lines := false, 0
	for _, b := range sample {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == ',':
			count[0]++
		case b == ';':
			count[1]++
		case b == '\t':
			count[2]++
		case b == newline:
			lines++
		}
		if lines == 10 {
			break
		}
	}
	best := 0
	for i := range count {
		if count[i] > count[best] {
			best = i
		}
	}
	return []rune{',', ';', '\t'}[best]
}

func (x *csvReader) Expect(n int)             { x.expect = n }
func (x *csvReader) Progress() (int64, int64) { return min(x.counted.n, x.total), x.total }
func (x *csvReader) Close() error             { return nil }

// Next reads one record: usually a line, more when a quoted cell holds line breaks. A quote that is not closed within
// the bounds, or only by giving the record a wrong width, is taken for an ordinary character of its line, so that
// the lines behind it are read for themselves.
func (x *csvReader) Next() (Row, error) {
	for {
		first, err := x.line()
		if err != nil {
			return Row{}, err
		}
		if first.long {
			return Row{Line: first.no, Cells: []string{string(first.text)}, Damage: refusal.LineTooLong}, nil
		}
		cells := x.record(first)
		if blank(cells) {
			continue
		}
		return judged(Row{Line: first.no, Cells: cells}, x.expect, x.o.Limits, true), nil
	}
}

func (x *csvReader) record(first line) []string {
	s := splitter{comma: x.comma, columns: x.o.Limits.Columns + 1}
	s.feed(first.text)
	if !s.open {
		return s.cells
	}
	var ahead []line
	size := len(first.text)
	for s.open && len(ahead) < lookahead && size <= x.o.Limits.Record {
		l, err := x.line()
		if err != nil { // the end: the error comes again at the next call
			break
		}
		ahead = append(ahead, l)
		if l.long {
			break
		}
		size += len(l.text) + 1
		s.newline()
		s.feed(l.text)
	}
	if !s.open && (x.expect == 0 || width(s.cells) <= x.expect && len(s.cells) >= x.expect) {
		return s.cells
	}
	x.pushed = append(ahead, x.pushed...)
	literal := splitter{comma: x.comma, columns: x.o.Limits.Columns + 1, literal: true}
	literal.feed(first.text)
	return literal.cells
}

// line returns the next physical line without its end.
func (x *csvReader) line() (line, error) {
	if len(x.pushed) > 0 {
		l := x.pushed[0]
		x.pushed = x.pushed[1:]
		return l, nil
	}
	if x.finished {
		return line{}, io.EOF
	}
	l := line{no: x.lineNo + 1}
	for {
		part, err := x.in.ReadSlice(x.newline)
		if room := x.o.Limits.Record - len(l.text); len(part) > room+2 {
			l.long = true
			l.text = append(l.text, part[:max(room, 0)]...)
		} else {
			l.text = append(l.text, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return line{}, fault.Wrap(err, FileRefused, "the file cannot be read")
		}
		if err != nil {
			x.finished = true
			if len(l.text) == 0 {
				return line{}, io.EOF
			}
		}
		break
	}
	x.lineNo++
	if x.lineNo > x.o.Limits.Rows {
		return line{}, fault.New(FileRefused, "more than %d lines", x.o.Limits.Rows)
	}
	l.text = bytes.TrimSuffix(l.text, []byte{x.newline})
	l.text = bytes.TrimSuffix(l.text, []byte{'\r'})
	return l, nil
}
