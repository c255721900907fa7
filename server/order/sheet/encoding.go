package sheet

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// decoded returns r's characters as UTF-8. Bytes that mean nothing become U+FFFD, by which the row is refused.
func decoded(r io.ReadSeeker, e Encoding) (io.Reader, error) {
	if e == "" || e == Auto {
		var err error
		if e, err = detect(r); err != nil {
			return nil, err
		}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fault.Wrap(err, FileRefused, "the file cannot be read")
	}
	switch e {
	case UTF8:
		return transform.NewReader(r, unicode.UTF8BOM.NewDecoder()), nil
	case UTF16:
		return transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), nil
	case GB18030:
		return transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder()), nil
	}
	other, err := htmlindex.Get(string(e))
	if err != nil {
		return nil, fault.New(FileRefused, "unknown encoding %q", string(e))
	}
	return transform.NewReader(r, other.NewDecoder()), nil
}

// Known tells whether a mapping may name the encoding.
func (e Encoding) Known() bool {
	if slices.Contains([]Encoding{"", Auto, UTF8, GB18030, UTF16}, e) {
		return true
	}
	_, err := htmlindex.Get(string(e))
	return err == nil
}

// detect reads the whole file: its first kilobytes are often plain ASCII in either encoding. A few broken bytes in
// a file that is else UTF-8 do not make it GB18030: its multi-byte characters are counted against its broken bytes.
func detect(r io.ReadSeeker) (Encoding, error) {
	buf := make([]byte, 64<<10)
	kept, first := 0, true
	// Chinese comes in pairs of high bytes. In a European encoding a high byte stands between plain letters: there
	// the file is taken for broken UTF-8, whose lines are refused until the mapping names the encoding.
	var sound, broken, pairs, single int64
	for {
		n, err := r.Read(buf[kept:])
		b := buf[:kept+n]
		if first && len(b) >= 2 {
			first = false
			if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
				return UTF16, nil
			}
			if bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}) {
				return UTF8, nil
			}
		}
		end := err != nil
		for len(b) > 0 && (end || utf8.FullRune(b)) {
			if b[0] < utf8.RuneSelf {
				b = b[1:]
				continue
			}
			c, size := utf8.DecodeRune(b)
			if c == utf8.RuneError && size == 1 {
				broken++
				if len(b) > 1 && b[1] >= 0xa1 {
					pairs++
					size = 2
				} else {
					single++
				}
			} else {
				sound++
			}
			b = b[size:]
		}
		kept = copy(buf, b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fault.Wrap(err, FileRefused, "the file cannot be read")
		}
	}
	if broken > 0 && broken >= sound && pairs >= 4*single {
		return GB18030, nil
	}
	return UTF8, nil
}
