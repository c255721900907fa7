package postgres

import (
	"runtime"
	"sync"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

const (
	// packBytes is how much goes into a pack: enough that columns are long, little enough that packing begins while
	// the database still sends.
	packBytes = 1 << 20
	bodyBlock = 64 << 10
)

// packing bounds how many packs are made at once in this process: more would only wait for each other.
var packing = make(chan struct{}, runtime.GOMAXPROCS(0))

// builders keep the memory in which packs are gathered for the next ones: in a storm it would be most of the garbage.
var builders = sync.Pool{New: func() any { return new(pack.Builder) }}

// packer gathers entries and, if packs are asked for, makes them while more are read.
type packer struct {
	packed bool

	build *pack.Builder
	size  int
	packs []chan []byte

	entries []change.Entry
	block   []byte
}

// keep copies a body out of the connection's buffer, many into one block of memory.
func (p *packer) keep(b []byte) []byte {
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

// add takes an entry whose body is good until it returns.
func (p *packer) add(e change.Entry, size int) {
	if !p.packed {
		if !e.Removed {
			e.Body = p.keep(e.Body)
		}
		p.entries = append(p.entries, e)
		return
	}
	if p.build == nil {
		p.build = builders.Get().(*pack.Builder)
	}
	p.build.Add(e)
	if p.size += size; p.size >= packBytes {
		p.packer()
	}
}

func (p *packer) packer() {
	b, out := p.build, make(chan []byte, 1)
	p.build, p.size, p.packs = nil, 0, append(p.packs, out)
	go func() {
		packing <- struct{}{}
		defer func() { <-packing }()
		out <- b.Pack()
		giveBack(b)
	}()
}

// giveBack keeps a builder for another pack.
func giveBack(b *pack.Builder) {
	b.Reset()
	builders.Put(b)
}

// done returns what was added: as packs, or, if that is not worth it, as it is.
func (p *packer) done(worth bool) ([]change.Entry, [][]byte) {
	if !p.packed {
		return p.entries, nil
	}
	if !worth {
		if p.build == nil {
			return nil, nil
		}
		return p.build.Entries(), nil
	}
	if p.build != nil {
		p.packer()
	}
	packs := make([][]byte, len(p.packs))
	for i, c := range p.packs {
		packs[i] = <-c
	}
	p.packs = nil
	return nil, packs
}

// stop waits for what was begun and not asked for, because reading failed, and gives back what is held.
func (p *packer) stop() {
	for _, c := range p.packs {
		<-c
	}
	if p.build != nil {
		giveBack(p.build)
	}
}
