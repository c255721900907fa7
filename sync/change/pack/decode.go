package pack

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// maxPlain bounds the columns of a pack once decompressed; they are never more than a little larger than the bodies.
const maxPlain = 2 * MaxBytes

// opener decompresses pack after pack into the same memory; entries keep none of it.
type opener struct {
	zstd  *zstd.Decoder
	plain []byte
}

var openers = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		panic("pack: the options are constant: " + err.Error())
	}
	return &opener{zstd: d}
}}

// reader takes columns off a pack. After the first error everything is empty.
type reader struct {
	plain, noise []byte
	// values counts what columns hold, so that a few bytes cannot claim billions.
	values int
	last   map[int][]uint64
	err    error
	from   *opener
}

// open begins to read a pack. The reader must be closed, after which what it gave out of plain is no more.
func open(b []byte) (*reader, error) {
	if len(b) < 2 || b[0] != Version {
		return nil, malformed("version")
	}
	size, n := uvarint(b[1:])
	if n == 0 || size > uint64(len(b)-1-n) {
		return nil, malformed("length")
	}
	b = b[1+n:]
	o := openers.Get().(*opener)
	r := &reader{noise: b[size:], from: o}
	var err error
	if o.plain, err = o.zstd.DecodeAll(b[:size], o.plain[:0]); err != nil {
		r.close()
		return nil, malformed("compression")
	}
	r.plain = o.plain
	return r, nil
}

// close gives the memory back for other packs, but for what is larger than packs mostly are.
func (r *reader) close() {
	if cap(r.from.plain) > keptBytes {
		r.from.plain = nil
	}
	openers.Put(r.from)
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = malformed(what)
	}
	r.plain, r.noise = nil, nil
}

func (r *reader) uvarint() uint64 {
	if len(r.plain) > 0 && r.plain[0] < 0x80 {
		v := r.plain[0]
		r.plain = r.plain[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.plain)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.plain = r.plain[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.plain)) {
		r.fail("length")
		return nil
	}
	b := r.plain[:n:n]
	r.plain = r.plain[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0xff
}

// room counts n more values.
func (r *reader) room(n int) bool {
	if r.values += n; r.values > MaxBytes {
		r.fail("too many values")
	}
	return r.err == nil
}

func (r *reader) ints(n int) []uint64 {
	mode := r.byte()
	beside := r.last[n]
	if mode > intsBeside || mode == intsBeside && beside == nil {
		r.fail("column")
	}
	if !r.room(n) || n > len(r.plain) {
		r.fail("column")
		return nil
	}
	out := make([]uint64, n)
	last := uint64(0)
	for i := range out {
		v := r.uvarint()
		switch mode {
		case intsDelta:
			v = last + unzigzag(v)
			last = v
		case intsBeside:
			v = beside[i] + unzigzag(v)
		}
		out[i] = v
	}
	if r.last == nil {
		r.last = map[int][]uint64{}
	}
	r.last[n] = out
	return out
}

// list is a column of byte strings: equal lengths lie side by side, others have their ends.
type list struct {
	data  []byte
	size  int      // when all are equally long
	ends  []uint32 // else; the i-th begins where the one before ends
	index []uint32 // of named ones
}

func (s *list) at(i int) []byte {
	if s.index != nil {
		i = int(s.index[i])
	}
	if s.ends == nil {
		return s.data[i*s.size : (i+1)*s.size]
	}
	if i == 0 {
		return s.data[:s.ends[0]]
	}
	return s.data[s.ends[i-1]:s.ends[i]]
}

func (r *reader) bytes(n int) *list {
	s := &list{}
	mode := r.byte()
	if !r.room(n) {
		return s
	}
	switch mode {
	case bytesPlain:
		r.all(s, n)
	case bytesEqual:
		r.planes(s, n)
	case bytesNamed:
		names := r.uvarint()
		if names > uint64(n) || n > len(r.plain) {
			r.fail("names")
			return s
		}
		r.all(s, int(names))
		s.index = make([]uint32, n)
		for i := range s.index {
			v := r.uvarint()
			if v >= names {
				r.fail("name")
				return s
			}
			s.index[i] = uint32(v)
		}
	default:
		r.fail("column")
	}
	return s
}

func (r *reader) all(s *list, n int) {
	if n > len(r.plain) {
		r.fail("column")
		return
	}
	s.ends = make([]uint32, n)
	end := uint64(0)
	for i := range s.ends {
		end += min(r.uvarint(), maxPlain)
		if end > maxPlain {
			r.fail("length")
			return
		}
		s.ends[i] = uint32(end)
	}
	s.data = r.take(end)
}

func (r *reader) planes(s *list, n int) {
	size := r.uvarint()
	if size == 0 || size > 64 {
		r.fail("length")
		return
	}
	noisy := r.take((size + 7) / 8)
	if r.err != nil || uint64(n)*size > uint64(len(r.plain)+len(r.noise)) {
		r.fail("length")
		return
	}
	s.size, s.data = int(size), make([]byte, n*int(size))
	for p := range s.size {
		plane := r.plane(n, noisy[p/8]&(1<<(p%8)) != 0)
		for i, b := range plane {
			s.data[i*s.size+p] = b
		}
	}
}

func (r *reader) plane(n int, noise bool) []byte {
	if !noise {
		return r.take(uint64(n))
	}
	if n > len(r.noise) {
		r.fail("length")
		return nil
	}
	b := r.noise[:n]
	r.noise = r.noise[n:]
	return b
}

// field is a place of length-delimited values, ready to be put together one after the other.
type field struct {
	leaf    *list
	next    int
	shapes  *list
	columns []*joint
}

// joint is a column of a message, being read.
type joint struct {
	tag   uint64
	count int
	ints  []uint64
	fixed *list
	field *field
	next  int
}

func (r *reader) field(n, depth int) *field {
	f := &field{}
	switch r.byte() {
	case leaf:
		f.leaf = r.bytes(n)
	case message:
		if depth >= maxDepth {
			r.fail("depth")
			return f
		}
		f.shapes = r.bytes(n)
		if r.err != nil {
			return f
		}
		f.count(r, n)
		for _, c := range f.columns {
			if r.err != nil {
				return f
			}
			switch c.tag & 7 {
			case wireVarint:
				c.ints = r.ints(c.count)
			case wireBytes:
				c.field = r.field(c.count, depth+1)
			case wireFixed64, wireFixed32:
				c.fixed = r.bytes(c.count)
				for i := 0; r.err == nil && i < c.count; i++ {
					if len(c.fixed.at(i)) != fixedLen(c.tag) {
						r.fail("fixed")
					}
				}
			default:
				r.fail("wire type")
			}
		}
	default:
		r.fail("field")
	}
	return f
}

// count finds the columns and how much each holds.
func (f *field) count(r *reader, n int) {
	for i := range n {
		next := 0
		for shape := f.shapes.at(i); len(shape) > 0; {
			tag, size := uvarint(shape)
			if size == 0 || tag>>3 == 0 || tag >= 1<<32 || !r.room(1) {
				r.fail("shape")
				return
			}
			shape = shape[size:]
			var c *joint
			if c, next = f.column(tag, next); c == nil {
				if len(f.columns) == maxColumns {
					r.fail("columns")
					return
				}
				c = &joint{tag: tag}
				f.columns, next = append(f.columns, c), len(f.columns)
			}
			c.count++
		}
	}
}

func (f *field) column(tag uint64, next int) (*joint, int) {
	for i := next; i < len(f.columns); i++ {
		if f.columns[i].tag == tag {
			return f.columns[i], i
		}
	}
	for i := range min(next, len(f.columns)) {
		if f.columns[i].tag == tag {
			return f.columns[i], i
		}
	}
	return nil, next
}

// fill puts the bodies of a kind together, at most left bytes.
func (f *field) fill(entries []change.Entry, kind change.Kind, left *int) error {
	const block = 256 << 10 // bodies lie side by side in blocks, so that no body of its own costs an allocation
	var buf []byte
	for i := range entries {
		if entries[i].Kind != kind || entries[i].Removed {
			continue
		}
		if cap(buf)-len(buf) < 4<<10 {
			buf = make([]byte, 0, block)
		}
		begin := len(buf)
		var ok bool
		if buf, ok = f.append(buf, begin+*left); !ok {
			return malformed("too large")
		}
		body := buf[begin:len(buf):len(buf)]
		*left -= len(body)
		entries[i].Body = body
	}
	return nil
}

// append puts the next value of the field at the end of buf, which may not pass max bytes.
func (f *field) append(buf []byte, limit int) ([]byte, bool) {
	i := f.next
	f.next++
	if f.leaf != nil {
		v := f.leaf.at(i)
		return append(buf, v...), len(buf)+len(v) <= limit
	}
	next := 0
	for shape := f.shapes.at(i); len(shape) > 0; {
		tag, size := uvarint(shape)
		buf = append(buf, shape[:size]...)
		shape = shape[size:]
		var c *joint
		c, next = f.column(tag, next)
		k := c.next
		c.next++
		switch {
		case c.ints != nil:
			buf = binary.AppendUvarint(buf, c.ints[k])
		case c.fixed != nil:
			buf = append(buf, c.fixed.at(k)...)
		default:
			var ok bool
			if buf, ok = c.field.sized(buf, limit); !ok {
				return buf, false
			}
		}
		if len(buf) > limit {
			return buf, false
		}
	}
	return buf, true
}

// sized appends the next value with its length in front.
func (f *field) sized(buf []byte, limit int) ([]byte, bool) {
	if f.leaf != nil {
		buf = binary.AppendUvarint(buf, uint64(len(f.leaf.at(f.next))))
		return f.append(buf, limit)
	}
	at := len(buf)
	buf, ok := f.append(append(buf, 0), limit)
	if !ok {
		return buf, false
	}
	n := uint64(len(buf) - at - 1)
	if n < 0x80 {
		buf[at] = byte(n)
		return buf, true
	}
	var head [binary.MaxVarintLen64]byte
	more := binary.PutUvarint(head[:], n) - 1
	buf = append(buf, head[:more]...)
	copy(buf[at+1+more:], buf[at+1:len(buf)-more])
	copy(buf[at:], head[:more+1])
	return buf, true
}
