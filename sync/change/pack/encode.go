package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// How a column of integers is written.
const (
	intsPlain  = 0 // each as it is
	intsDelta  = 1 // each as its difference from the one before, zigzag
	intsBeside = 2 // each as its difference from the same one in the last column of as many numbers, zigzag
)

// How a column of byte strings is written.
const (
	bytesPlain = 0 // lengths, then all bytes
	bytesEqual = 1 // one length for all, then the first byte of each, the second of each, …
	bytesNamed = 2 // the different ones once, then the number of each
)

// What a field is.
const (
	leaf    = 0 // a column of byte strings
	message = 1 // taken apart
)

// writer gathers columns: plain is to be compressed, noise is not worth trying. One is used for pack after pack, so
// that making a pack leaves no garbage behind but the pack.
type writer struct {
	// data has what is packed, and behind it the shapes of messages.
	data         []byte
	plain, noise []byte
	// last is the last column of numbers by length: the end of a window follows from its beginning.
	last map[int][]uint64
	// columns are those in use, up to taken, and those from packs before.
	columns []*column
	taken   int
	// cuts are where in plain a block ends.
	cuts []int
	// What one step uses and the next uses again.
	shape  []byte
	zipped bytes.Buffer
	names  names
	// short and long compress; each is made when it is first needed.
	short, long *zstd.Encoder
}

const (
	// keptBytes bounds what a writer may hold on to for the pack after the next.
	keptBytes = 4 << 20
	// blockBytes is what a block has at least: each says anew how often its bytes come up, in some fifty bytes.
	blockBytes = 4 << 10
	// longBytes is from where on columns are worth a longer search: a phone that begins waits for the radio.
	longBytes = 128 << 10
)

var writers = sync.Pool{New: func() any { return &writer{last: map[int][]uint64{}} }}

// reset makes a writer ready for another pack.
func (w *writer) reset() {
	w.data, w.plain, w.noise, w.cuts, w.taken = nil, w.plain[:0], w.noise[:0], w.cuts[:0], 0
	clear(w.last)
}

// compressor is the one for so much; its level is measured in docs/decisions/0019.
func (w *writer) compressor() *zstd.Encoder {
	e, level := &w.short, zstd.SpeedFastest
	if len(w.plain) >= longBytes {
		e, level = &w.long, zstd.SpeedBetterCompression
	}
	if *e == nil {
		fresh, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level),
			zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("pack: the options are constant: " + err.Error())
		}
		*e = fresh
	}
	return *e
}

// compress compresses plain, block by block: digits, text and times each have their own frequencies of bytes.
func (w *writer) compress() []byte {
	e := w.compressor()
	w.zipped.Reset()
	e.ResetContentSize(&w.zipped, int64(len(w.plain)))
	from := 0
	var err error
	for _, to := range w.cuts {
		_, werr := e.Write(w.plain[from:to])
		err = errors.Join(err, werr, e.Flush())
		from = to
	}
	_, werr := e.Write(w.plain[from:])
	if err = errors.Join(err, werr, e.Close()); err != nil {
		return e.EncodeAll(w.plain, nil) // memory does not fail; a pack without blocks is as good
	}
	return w.zipped.Bytes()
}

// cut begins another block with the column that follows, if the one before has enough.
func (w *writer) cut() {
	before := 0
	if n := len(w.cuts); n > 0 {
		before = w.cuts[n-1]
	}
	if len(w.plain)-before >= blockBytes {
		w.cuts = append(w.cuts, len(w.plain))
	}
}

// close gives version, length of the compressed part, that part, and the noise.
func (w *writer) close() []byte {
	z := w.compress()
	out := make([]byte, 0, 1+uvarintLen(uint64(len(z)))+len(z)+len(w.noise))
	out = append(out, Version)
	out = binary.AppendUvarint(out, uint64(len(z)))
	out = append(out, z...)
	return append(out, w.noise...)
}

func (w *writer) at(s span) []byte { return w.data[s.from:s.to] }

func (w *writer) uvarint(v uint64) { w.plain = binary.AppendUvarint(w.plain, v) }

func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// ints writes a column in whichever way is shortest.
func (w *writer) ints(values []uint64) {
	w.cut()
	beside := w.last[len(values)]
	var size [3]int
	var before uint64
	for i, v := range values {
		size[intsPlain] += uvarintLen(v)
		size[intsDelta] += uvarintLen(zigzag(v - before))
		if before = v; beside != nil {
			size[intsBeside] += uvarintLen(zigzag(v - beside[i]))
		}
	}
	mode := intsPlain
	if size[intsDelta] < size[mode] {
		mode = intsDelta
	}
	if beside != nil && size[intsBeside] < size[mode] {
		mode = intsBeside
	}
	w.plain = append(w.plain, byte(mode))
	before = 0
	for i, v := range values {
		switch mode {
		case intsPlain:
			w.uvarint(v)
		case intsDelta:
			w.uvarint(zigzag(v - before))
			before = v
		case intsBeside:
			w.uvarint(zigzag(v - beside[i]))
		}
	}
	w.last[len(values)] = values
}

// bytes writes a column of byte strings.
func (w *writer) bytes(values []span) {
	w.cut()
	if w.names.find(w.data, values) {
		w.plain = append(w.plain, bytesNamed)
		w.uvarint(uint64(len(w.names.list)))
		w.all(w.names.list)
		for _, i := range w.names.index {
			w.uvarint(uint64(i))
		}
		return
	}
	if size := values[0].len(); size > 0 && size <= 64 && equalLengths(values) {
		w.plain = append(w.plain, bytesEqual)
		w.uvarint(uint64(size))
		w.planes(values, size)
		return
	}
	w.plain = append(w.plain, bytesPlain)
	w.all(values)
}

func (w *writer) all(values []span) {
	for _, v := range values {
		w.uvarint(uint64(v.len()))
	}
	for _, v := range values {
		w.plain = append(w.plain, w.at(v)...)
	}
}

// planes writes values of one length byte by byte. A bit for each byte's place says which are noise.
func (w *writer) planes(values []span, size int) {
	at := len(w.plain)
	for range (size + 7) / 8 {
		w.plain = append(w.plain, 0)
	}
	for p := range size {
		if w.noisy(values, p) {
			w.plain[at+p/8] |= 1 << (p % 8)
			w.noise = w.plane(w.noise, values, p)
			continue
		}
		w.plain = w.plane(w.plain, values, p)
	}
}

// plane appends the p-th byte of each value.
func (w *writer) plane(to []byte, values []span, p int) []byte {
	begin := len(to)
	to = slices.Grow(to, len(values))[:begin+len(values)]
	for i, v := range values {
		to[begin+i] = w.data[int(v.from)+p]
	}
	return to
}

// noisy tells whether the p-th bytes look random: of so many draws, nearly as many differ as chance would have it.
func (w *writer) noisy(values []span, p int) bool {
	const enough = 64
	if len(values) < enough {
		return false
	}
	var seen [4]uint64
	different := 0
	for _, v := range values[:enough] {
		b := w.data[int(v.from)+p]
		if bit := uint64(1) << (b & 63); seen[b>>6]&bit == 0 {
			seen[b>>6] |= bit
			different++
		}
	}
	return different >= 48 // chance has 57 of 64
}

func equalLengths(values []span) bool {
	for _, v := range values {
		if v.len() != values[0].len() {
			return false
		}
	}
	return true
}

// field writes length-delimited values: taken apart if every one of them is a message as protobuf would write it.
func (w *writer) field(values []span, depth int) {
	if m, ok := w.split(values, depth); ok {
		w.plain = append(w.plain, message)
		w.bytes(m.shapes.spans)
		for _, c := range m.columns {
			switch c.tag & 7 {
			case wireVarint:
				w.ints(c.ints)
			case wireBytes:
				w.field(c.spans, depth+1)
			default:
				w.bytes(c.spans)
			}
		}
		return
	}
	w.plain = append(w.plain, leaf)
	w.bytes(values)
}
