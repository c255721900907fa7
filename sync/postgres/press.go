package postgres

import (
	"runtime"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

const (
	// packBytes is how much goes into a pack: enough that columns are long, little enough that packing begins while
	// the database still sends.
	packBytes = 1 << 20
	bodyBlock = 64 << 10
)

// pressing bounds how many packs are made at once in this process: more would only wait for each other.
var pressing = make(chan struct{}, runtime.GOMAXPROCS(0))

// press gathers entries and makes packs of them while more are read.
type press struct {
	entries []change.Entry
	size    int
	block   []byte
	packs   []chan []byte
}

// keep copies a body out of the connection's buffer, many into one block of memory.
func (p *press) keep(b []byte) []byte {
	if len(b) > bodyBlock/4 {
		return append([]byte(nil), b...)
	}
	if cap(p.block)-len(p.block) < len(b) {
		p.block = make([]byte, 0, bodyBlock)
	}
	begin := len(p.block)
	p.block = append(p.block, b...)
	return p.block[begin:len(p.block):len(p.block)]
}

func (p *press) add(e change.Entry, size int, packed bool) {
	if p.entries == nil {
		p.entries = make([]change.Entry, 0, 64)
	}
	p.entries = append(p.entries, e)
	if p.size += size; packed && p.size >= packBytes {
		p.press()
	}
}

func (p *press) press() {
	entries, out := p.entries, make(chan []byte, 1)
	p.entries, p.size, p.packs = nil, 0, append(p.packs, out)
	go func() {
		pressing <- struct{}{}
		defer func() { <-pressing }()
		out <- pack.Encode(entries)
	}()
}

// done returns what was added: as packs, or, if that is not worth it, as it is.
func (p *press) done(packed bool) ([]change.Entry, [][]byte) {
	if !packed {
		return p.entries, nil
	}
	if len(p.entries) > 0 {
		p.press()
	}
	packs := make([][]byte, len(p.packs))
	for i, c := range p.packs {
		packs[i] = <-c
	}
	p.packs = nil
	return nil, packs
}

// stop waits for what was begun and not asked for, because reading failed.
func (p *press) stop() {
	for _, c := range p.packs {
		<-c
	}
}
