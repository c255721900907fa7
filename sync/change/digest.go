package change

import "encoding/binary"

// Digest sums up what a feed holds: the sum modulo 2^64 of the digests of its live entries. Being a sum, it
// is kept up to date entry by entry on both sides, in any order. It finds faults, not forgers.
type Digest uint64

// DigestOf is the digest of one live entry: FNV-1a (64 bit) over kind (4 bytes, big endian), id (16 bytes) and
// sequence (8 bytes, big endian), then the finaliser of splitmix64 (Steele, Lea, Flood 2014), for FNV alone
// spreads the last bytes badly.
func DigestOf(e Entity, seq Seq) Digest {
	var b [28]byte
	binary.BigEndian.PutUint32(b[0:], uint32(e.Kind))
	copy(b[4:], e.ID[:])
	binary.BigEndian.PutUint64(b[20:], uint64(seq))
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return Digest(h ^ h>>31)
}
