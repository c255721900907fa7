package pack

import (
	"bytes"
	"encoding/binary"
)

// Protobuf's wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// span is where a byte string lies in a writer's data. It is no slice, so that a million of them are nothing that the
// collector looks at.
type span struct{ from, to uint32 }

func (s span) len() int { return int(s.to - s.from) }

// column is what one field holds in all messages of a place, in their order.
type column struct {
	tag   uint64
	ints  []uint64
	spans []span
}

// parts is a list of messages taken apart: of each its shape, which are its tags in order, and by tag the columns, in
// the order in which the tags first come up.
type parts struct {
	shapes  *column
	columns []*column
}

// take gives an empty column, good until the pack is done.
func (w *writer) take(tag uint64) *column {
	if w.taken == len(w.columns) {
		w.columns = append(w.columns, &column{})
	}
	c := w.columns[w.taken]
	w.taken++
	c.tag, c.ints, c.spans = tag, c.ints[:0], c.spans[:0]
	return c
}

// split takes messages apart, if all are messages and written as protobuf writes them, so that they can be put together
// again byte for byte.
func (w *writer) split(values []span, depth int) (p parts, ok bool) {
	if depth >= maxDepth || len(values) == 0 {
		return parts{}, false
	}
	before, data := w.taken, w.data
	defer func() {
		if !ok {
			w.taken, w.data = before, w.data[:len(data)]
		}
	}()
	p.shapes = w.take(0)
	first := w.taken
	var last span // the shape before
	for _, s := range values {
		v := data[s.from:s.to]
		at := s.from // of v in data
		shape := w.shape[:0]
		next := 0 // fields mostly come in the same order
		for len(v) > 0 {
			tag, n := uvarint(v)
			if n == 0 || tag>>3 == 0 || tag >= 1<<32 {
				return parts{}, false
			}
			shape = append(shape, v[:n]...)
			v, at = v[n:], at+uint32(n)
			var c *column
			if columns := w.columns[first:w.taken]; next < len(columns) && columns[next].tag == tag {
				c = columns[next]
			} else if c, next = w.column(first, next, tag); c == nil {
				return parts{}, false
			}
			size := 0
			switch tag & 7 {
			case wireVarint:
				x, n := uvarint(v)
				if n == 0 {
					return parts{}, false
				}
				c.ints = append(c.ints, x)
				v, at = v[n:], at+uint32(n)
				continue
			case wireFixed64, wireFixed32:
				size = fixedLen(tag)
			case wireBytes:
				x, n := uvarint(v)
				if n == 0 || x > uint64(len(v)-n) {
					return parts{}, false
				}
				v, at, size = v[n:], at+uint32(n), int(x)
			default:
				return parts{}, false
			}
			if len(v) < size {
				return parts{}, false
			}
			c.spans = append(c.spans, span{at, at + uint32(size)})
			v, at = v[size:], at+uint32(size)
		}
		w.shape = shape
		if len(p.shapes.spans) == 0 || !bytes.Equal(shape, w.at(last)) {
			last = span{uint32(len(w.data)), uint32(len(w.data) + len(shape))}
			w.data = append(w.data, shape...)
		}
		p.shapes.spans = append(p.shapes.spans, last)
	}
	p.columns = w.columns[first:w.taken]
	return p, true
}

// maxColumns bounds how many fields a message may have.
const maxColumns = 256

// column finds the column of a tag among those since first, or takes a new one; nil when there are too many.
func (w *writer) column(first, next int, tag uint64) (*column, int) {
	columns := w.columns[first:w.taken]
	for i := next; i < len(columns); i++ {
		if columns[i].tag == tag {
			return columns[i], i
		}
	}
	for i := range min(next, len(columns)) {
		if columns[i].tag == tag {
			return columns[i], i
		}
	}
	if len(columns) == maxColumns {
		return nil, 0
	}
	return w.take(tag), len(columns)
}

func fixedLen(tag uint64) int {
	if tag&7 == wireFixed64 {
		return 8
	}
	return 4
}

// uvarint reads a varint in its shortest form; n is 0 for any other.
func uvarint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	v, n = binary.Uvarint(b)
	if n <= 0 || b[n-1] == 0 {
		return 0, 0
	}
	return v, n
}
