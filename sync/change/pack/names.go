package pack

import (
	"bytes"
	"hash/maphash"
)

// names finds the different values of a column.
type names struct {
	// list has them in the order in which they first come up, index for each value its place in list.
	list  []span
	index []uint32
	// table has places in list, counted from 1, by hash; 0 is free.
	table []uint32
}

var seed = maphash.MakeSeed()

// find tells whether the different values are few enough to be worth naming.
func (n *names) find(data []byte, values []span) bool {
	const first = 64
	n.list, n.index = n.list[:0], n.index[:0]
	size := 2 * first
	for size < 2*len(values) {
		size *= 2
	}
	if cap(n.table) < size {
		n.table = make([]uint32, size)
	}
	n.table = n.table[:size]
	clear(n.table)
	for i, s := range values {
		v := data[s.from:s.to]
		if i > 0 {
			if last := n.index[i-1]; bytes.Equal(v, data[n.list[last].from:n.list[last].to]) {
				n.index = append(n.index, last)
				continue
			}
		}
		h := int(maphash.Bytes(seed, v)) & (size - 1)
		for ; n.table[h] != 0; h = (h + 1) & (size - 1) {
			if k := n.list[n.table[h]-1]; bytes.Equal(v, data[k.from:k.to]) {
				break
			}
		}
		if n.table[h] == 0 {
			n.list = append(n.list, s)
			n.table[h] = uint32(len(n.list))
			if i < first && len(n.list) > 3*first/4 || i >= first && len(n.list) > i/2+first/2 {
				return false
			}
		}
		n.index = append(n.index, n.table[h]-1)
	}
	return len(n.list) < len(values) || len(values) == 0
}
