package sheet

import (
	"strings"
	"unicode/utf8"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

// splitter cuts lines into cells. It keeps its state from line to line, so that a quoted cell may go on.
type splitter struct {
	comma   rune
	columns int  // cells beyond this many are joined to the last, to bound memory
	literal bool // a quoted cell must end within its line, else its quote is an ordinary character

	cells []string
	cell  []byte
	open  bool // within a quoted cell
}

func (s *splitter) newline() { s.cell = append(s.cell, '\n') }

func (s *splitter) feed(text []byte) {
	comma := byte(s.comma) // all separators are ASCII
	i := 0
	for {
		if !s.open {
			// At a cell's begin.
			j := i
			for j < len(text) && text[j] == ' ' {
				j++
			}
			if j < len(text) && text[j] == '"' && !(s.literal && !closes(text[j+1:], comma)) {
				s.open, i = true, j+1
			} else {
				end := i
				for end < len(text) && text[end] != comma {
					end++
				}
				s.cell = append(s.cell, text[i:end]...)
				s.endCell()
				if end == len(text) {
					return
				}
				i = end + 1
				continue
			}
		}
		// Within quotes.
		for i < len(text) {
			if text[i] != '"' {
				s.cell = append(s.cell, text[i])
				i++
				continue
			}
			if i+1 < len(text) && text[i+1] == '"' {
				s.cell = append(s.cell, '"')
				i += 2
				continue
			}
			j := i + 1
			for j < len(text) && text[j] == ' ' {
				j++
			}
			if j == len(text) || text[j] == comma {
				s.open = false
				s.endCell()
				if j == len(text) {
					return
				}
				i = j + 1
				break
			}
			s.cell = append(s.cell, '"') // a lone quote in the middle
			i++
		}
		if s.open {
			return
		}
		// After a separator: an empty last cell, or the next one.
	}
}

func (s *splitter) endCell() {
	if len(s.cells) == s.columns {
		s.cell = s.cell[:0]
		return
	}
	s.cells = append(s.cells, string(s.cell))
	s.cell = s.cell[:0]
}

// closes tells whether a quoted cell that has just begun ends within text.
func closes(text []byte, comma byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			i++
			continue
		}
		j := i + 1
		for j < len(text) && text[j] == ' ' {
			j++
		}
		if j == len(text) || text[j] == comma {
			return true
		}
	}
	return false
}

// width is the number of cells up to the last that holds something.
func width(cells []string) int {
	n := len(cells)
	for n > 0 && strings.TrimSpace(cells[n-1]) == "" {
		n--
	}
	return n
}

func blank(cells []string) bool { return width(cells) == 0 }

// judged finds what is wrong with a row as such. Short rows are torn ones in CSV; XLSX leaves trailing blanks out.
func judged(r Row, expect int, l Limits, torn bool) Row {
	size := 0
	for _, c := range r.Cells {
		size += len(c)
		if len(c) > l.Field {
			r.Damage = refusal.FieldTooLong
		}
		if !utf8.ValidString(c) || strings.ContainsRune(c, utf8.RuneError) || strings.IndexByte(c, 0) >= 0 {
			r.Damage = refusal.BadCharacters
		}
	}
	switch w := width(r.Cells); {
	case r.Damage != "":
	case size > l.Record:
		r.Damage = refusal.LineTooLong
	case w > l.Columns || expect > 0 && w > expect:
		r.Damage = refusal.TooManyColumns
	case torn && expect > 0 && len(r.Cells) < expect:
		r.Damage = refusal.TooFewColumns
	}
	for expect > len(r.Cells) {
		r.Cells = append(r.Cells, "")
	}
	return r
}
