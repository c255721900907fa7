package pack

import "encoding/binary"

// Protobuf's wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// column is what one field holds in all messages of a place, in their order.
type column struct {
	tag   uint64
	ints  []uint64
	bytes [][]byte
}

// parts is a list of messages taken apart: of each its shape, which are its tags in order, and by tag the columns, in
// the order in which the tags first come up.
type parts struct {
	shapes  [][]byte
	columns []*column
}

// split takes messages apart, if all are messages and written as protobuf writes them, so that they can be put together
// again byte for byte.
func split(values [][]byte, depth int) (parts, bool) {
	if depth >= maxDepth || len(values) == 0 {
		return parts{}, false
	}
	p := parts{shapes: make([][]byte, len(values))}
	var shapes []byte
	for i, v := range values {
		begin := len(shapes)
		next := 0 // fields mostly come in the same order
		for len(v) > 0 {
			tag, n := uvarint(v)
			if n == 0 || tag>>3 == 0 || tag >= 1<<32 {
				return parts{}, false
			}
			shapes = append(shapes, v[:n]...)
			v = v[n:]
			var c *column
			if c, next = p.column(tag, next, len(values)); c == nil {
				return parts{}, false
			}
			switch tag & 7 {
			case wireVarint:
				x, n := uvarint(v)
				if n == 0 {
					return parts{}, false
				}
				c.ints, v = append(c.ints, x), v[n:]
			case wireFixed64, wireFixed32:
				size := fixedLen(tag)
				if len(v) < size {
					return parts{}, false
				}
				c.bytes, v = append(c.bytes, v[:size:size]), v[size:]
			case wireBytes:
				size, n := uvarint(v)
				if n == 0 || size > uint64(len(v)-n) {
					return parts{}, false
				}
				v = v[n:]
				c.bytes, v = append(c.bytes, v[:size:size]), v[size:]
			default:
				return parts{}, false
			}
		}
		p.shapes[i] = shapes[begin:]
		p.shapes[i] = p.shapes[i][:len(p.shapes[i]):len(p.shapes[i])]
	}
	return p, true
}

// maxColumns bounds how many fields a message may have.
const maxColumns = 256

func (p *parts) column(tag uint64, next, room int) (*column, int) {
	for i := next; i < len(p.columns); i++ {
		if p.columns[i].tag == tag {
			return p.columns[i], i
		}
	}
	for i := range min(next, len(p.columns)) {
		if p.columns[i].tag == tag {
			return p.columns[i], i
		}
	}
	if len(p.columns) == maxColumns {
		return nil, 0
	}
	c := &column{tag: tag}
	if tag&7 == wireVarint {
		c.ints = make([]uint64, 0, room)
	} else {
		c.bytes = make([][]byte, 0, room)
	}
	p.columns = append(p.columns, c)
	return c, len(p.columns) - 1
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
