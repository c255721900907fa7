package pack

import (
	"encoding/binary"
	"math/bits"
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

// writer gathers columns: plain is to be compressed, noise is not worth trying.
type writer struct {
	plain, noise []byte
	// last is the last column of numbers by length: the end of a window follows from its beginning.
	last map[int][]uint64
}

var encoders = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("pack: the options are constant: " + err.Error())
	}
	return e
}}

// close gives version, length of the compressed part, that part, and the noise.
func (w *writer) close() []byte {
	e := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(e)
	z := e.EncodeAll(w.plain, make([]byte, 0, len(w.plain)/4+64))
	out := make([]byte, 0, len(z)+len(w.noise)+8)
	out = append(out, Version)
	out = binary.AppendUvarint(out, uint64(len(z)))
	out = append(out, z...)
	return append(out, w.noise...)
}

func (w *writer) uvarint(v uint64) { w.plain = binary.AppendUvarint(w.plain, v) }

func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// ints writes a column in whichever way is shortest.
func (w *writer) ints(values []uint64) {
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
func (w *writer) bytes(values [][]byte) {
	if names, index, ok := named(values); ok {
		w.plain = append(w.plain, bytesNamed)
		w.uvarint(uint64(len(names)))
		w.all(names)
		for _, i := range index {
			w.uvarint(uint64(i))
		}
		return
	}
	if size := len(values[0]); size > 0 && size <= 64 && equalLengths(values) {
		w.plain = append(w.plain, bytesEqual)
		w.uvarint(uint64(size))
		w.planes(values, size)
		return
	}
	w.plain = append(w.plain, bytesPlain)
	w.all(values)
}

func (w *writer) all(values [][]byte) {
	for _, v := range values {
		w.uvarint(uint64(len(v)))
	}
	for _, v := range values {
		w.plain = append(w.plain, v...)
	}
}

// planes writes values of one length byte by byte. A bit for each byte's place says which are noise.
func (w *writer) planes(values [][]byte, size int) {
	at := len(w.plain)
	for range (size + 7) / 8 {
		w.plain = append(w.plain, 0)
	}
	for p := range size {
		if noisy(values, p) {
			w.plain[at+p/8] |= 1 << (p % 8)
			for _, v := range values {
				w.noise = append(w.noise, v[p])
			}
			continue
		}
		for _, v := range values {
			w.plain = append(w.plain, v[p])
		}
	}
}

// noisy tells whether the p-th bytes look random: of so many draws, nearly as many differ as chance would have it.
func noisy(values [][]byte, p int) bool {
	const enough = 64
	if len(values) < enough {
		return false
	}
	var seen [4]uint64
	different := 0
	for _, v := range values[:enough] {
		b := v[p]
		if bit := uint64(1) << (b & 63); seen[b>>6]&bit == 0 {
			seen[b>>6] |= bit
			different++
		}
	}
	return different >= 48 // chance has 57 of 64
}

// named finds the different values, if they are few.
func named(values [][]byte) (names [][]byte, index []uint32, ok bool) {
	const first = 64
	known := make(map[string]uint32, 16)
	index = make([]uint32, len(values))
	for i, v := range values {
		n, again := known[string(v)]
		if !again {
			n = uint32(len(names))
			known[string(v)] = n
			names = append(names, v)
			if i < first && len(names) > 3*first/4 || i >= first && len(names) > i/2+first/2 {
				return nil, nil, false
			}
		}
		index[i] = n
	}
	return names, index, len(names) < len(values) || len(values) == 0
}

func equalLengths(values [][]byte) bool {
	for _, v := range values {
		if len(v) != len(values[0]) {
			return false
		}
	}
	return true
}

// field writes length-delimited values: taken apart if every one of them is a message as protobuf would write it.
func (w *writer) field(values [][]byte, depth int) {
	if m, ok := split(values, depth); ok {
		w.plain = append(w.plain, message)
		w.bytes(m.shapes)
		for _, c := range m.columns {
			switch c.tag & 7 {
			case wireVarint:
				w.ints(c.ints)
			case wireBytes:
				w.field(c.bytes, depth+1)
			default:
				w.bytes(c.bytes)
			}
		}
		return
	}
	w.plain = append(w.plain, leaf)
	w.bytes(values)
}
