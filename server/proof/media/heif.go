package media

import (
	"encoding/binary"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// readHEIF reads the greatest announced size and the EXIF item from the container of a HEIC or AVIF file. The decoder
// turns the picture itself, by the container's own properties, so the EXIF orientation does not count.
func readHEIF(b []byte) (s size, exif []byte, err error) {
	meta, ok := findBox(b, "meta")
	if !ok || len(meta) < 4 {
		return s, nil, fault.New(PictureBroken, "no headers")
	}
	meta = meta[4:]
	if properties, ok := findBox(meta, "iprp"); ok {
		if container, ok := findBox(properties, "ipco"); ok {
			walkBoxes(container, func(kind string, data []byte) bool {
				if kind == "ispe" && len(data) >= 12 {
					w, h := binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:])
					if w <= 1<<20 && h <= 1<<20 && int(w)*int(h) > s.width*s.height {
						s.width, s.height = int(w), int(h)
					}
				}
				return true
			})
		}
	}
	// The picture itself is decoded in another process; what comes back is a JPEG of at most 2,560 pixels.
	s.bytesPerPixel = 1.5
	if s.width == 0 {
		return s, nil, fault.New(PictureBroken, "no width or height")
	}
	s.cut = cutHEIF(b, meta)
	return s, heifExif(b, meta), nil
}

// cutHEIF tells whether the file ends before something that its container tells of: a box, or the bytes of an item.
func cutHEIF(file, meta []byte) bool {
	if rest := walkBoxes(file, func(string, []byte) bool { return true }); len(rest) >= 8 {
		switch string(rest[4:8]) {
		case "mdat", "meta", "moov", "idat", "free", "uuid":
			return true
		}
	}
	cut := false
	locations, _ := findBox(meta, "iloc")
	heifExtents(locations, func(_ uint32, method, from, n uint64) {
		cut = cut || method == 0 && n > 0 && (from > uint64(len(file)) || n > uint64(len(file))-from)
	})
	return cut
}

// walkBoxes gives the boxes within b until see returns false or a box is broken, and returns what stands there then.
// Boxes are at least 8 bytes long, so the walk is bounded by b.
func walkBoxes(b []byte, see func(kind string, data []byte) bool) (rest []byte) {
	for len(b) >= 8 {
		n, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch {
		case n == 0:
			n = uint64(len(b))
		case n == 1 && len(b) >= 16:
			n, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if n < head || n > uint64(len(b)) || !see(string(b[4:8]), b[head:n]) {
			return b
		}
		b = b[n:]
	}
	return b
}

func findBox(b []byte, want string) (found []byte, ok bool) {
	walkBoxes(b, func(kind string, data []byte) bool {
		if kind == want {
			found, ok = data, true
		}
		return !ok
	})
	return found, ok
}

// heifExif finds the bytes of the item of type Exif; nil when there is none or it is stored in a way that
// cameras do not use.
func heifExif(file, meta []byte) []byte {
	id, ok := heifItem(meta, "Exif")
	if !ok {
		return nil
	}
	locations, _ := findBox(meta, "iloc")
	from, n, ok := heifLocation(locations, id)
	if !ok || n < 4 || from > uint64(len(file)) || n > uint64(len(file))-from {
		return nil
	}
	item := file[from : from+n]
	// Four bytes tell where the TIFF structure begins behind them.
	skip := uint64(binary.BigEndian.Uint32(item)) + 4
	if skip > uint64(len(item)) {
		return nil
	}
	return item[skip:]
}

func heifItem(meta []byte, want string) (id uint32, ok bool) {
	infos, _ := findBox(meta, "iinf")
	if len(infos) < 6 {
		return 0, false
	}
	at := 6
	if infos[0] != 0 {
		at = 8
	}
	if at > len(infos) {
		return 0, false
	}
	walkBoxes(infos[at:], func(kind string, d []byte) bool {
		switch {
		case kind != "infe" || len(d) < 12:
		case d[0] == 2 && string(d[8:12]) == want:
			id, ok = uint32(binary.BigEndian.Uint16(d[4:])), true
		case d[0] == 3 && len(d) >= 14 && string(d[10:14]) == want:
			id, ok = binary.BigEndian.Uint32(d[4:]), true
		}
		return !ok
	})
	return id, ok
}

// heifLocation reads where an item of one extent stands in the file.
func heifLocation(b []byte, want uint32) (from, n uint64, ok bool) {
	extents := 0
	heifExtents(b, func(id uint32, method, at, length uint64) {
		if id == want {
			extents++
			from, n, ok = at, length, method == 0 && extents == 1
		}
	})
	return from, n, ok
}

// heifExtents gives the parts of the items, in order: by which method from counts (0: from the file's beginning), and
// the length.
func heifExtents(b []byte, see func(id uint32, method, from, n uint64)) {
	r := reader{b: b}
	version := r.uint(1)
	r.uint(3)
	sizes := r.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := sizes>>12, sizes>>8&15, sizes>>4&15, sizes&15
	wide := uint64(2)
	if version == 2 {
		wide = 4
	}
	if version == 0 {
		indexSize = 0
	}
	for items := r.uint(wide); items > 0 && !r.broken; items-- {
		id := r.uint(wide)
		method := uint64(0)
		if version > 0 {
			method = r.uint(2) & 15
		}
		r.uint(2)
		base := r.uint(baseSize)
		extents := r.uint(2)
		if indexSize+offsetSize+lengthSize == 0 {
			extents = min(extents, 1) // they tell nothing and take no room: a short file could name billions
		}
		for i := extents; i > 0 && !r.broken; i-- {
			r.uint(indexSize)
			from, n := r.uint(offsetSize), r.uint(lengthSize)
			if sum := base + from; !r.broken && sum >= base {
				see(uint32(id), method, sum, n)
			}
		}
	}
}

// reader takes big-endian numbers of 0 to 8 bytes and remembers running over the end.
type reader struct {
	b      []byte
	broken bool
}

func (r *reader) uint(n uint64) (v uint64) {
	if n > 8 || n > uint64(len(r.b)) {
		r.broken = true
		return 0
	}
	for _, c := range r.b[:n] {
		v = v<<8 | uint64(c)
	}
	r.b = r.b[n:]
	return v
}
