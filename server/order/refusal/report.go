package refusal

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// Report writes refusals as a CSV file that a spreadsheet opens: UTF-8 with a mark, one reason each, those of a line
// together.
type Report struct{ w *csv.Writer }

// NewReport begins a report on w.
func NewReport(w io.Writer) (*Report, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	c := csv.NewWriter(w)
	return &Report{c}, c.Write([]string{"行号 line", "订单号 order", "列 column", "值 value", "代码 code", "原因", "reason"})
}

// Add writes one refusal.
func (r *Report) Add(x Refusal) error {
	return r.w.Write([]string{
		strconv.Itoa(x.Line), inert(x.Order), inert(x.Column), inert(x.Value), string(x.Code),
		inert(x.Chinese()), inert(x.English()),
	})
}

// Flush writes what is buffered and tells the first error of all writes.
func (r *Report) Flush() error {
	r.w.Flush()
	return r.w.Error()
}

// inert keeps a spreadsheet from running a foreign value as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
