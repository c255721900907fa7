package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// textsLimit is how many shared texts a workbook may have.
const textsLimit = 2_000_000

// texts are a workbook's shared texts, one behind the other: a small file may hold millions of short ones.
type texts struct {
	all  []byte
	ends []uint32
}

func (t *texts) at(i int) (string, bool) {
	if i < 0 || i >= len(t.ends) {
		return "", false
	}
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return string(t.all[from:t.ends[i]]), true
}

// readTexts reads the table; a text keeps at most clip bytes, which is enough to be refused as too long.
func readTexts(f *zip.File, clip int) (*texts, error) {
	t := &texts{}
	if f == nil {
		return t, nil
	}
	p, err := openPart(f)
	if err != nil {
		return nil, err
	}
	defer p.file.Close()
	var c collector
	for {
		token, err := p.next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "si" {
			c.reset(clip)
		}
		c.see(token)
		if e, ok := token.(xml.EndElement); ok && e.Name.Local == "si" {
			if len(t.ends) == textsLimit {
				return nil, fault.New(FileRefused, "more than %d texts; save it as CSV", textsLimit)
			}
			t.all = append(t.all, unescaped(c.text.String())...)
			t.ends = append(t.ends, uint32(len(t.all))) // below stringsLimit
		}
	}
}

// collector puts the runs of a rich text together; how Japanese words are read aloud (rPh) is no part of it.
type collector struct {
	text      strings.Builder
	clip      int
	in, aloud bool
}

func (c *collector) reset(clip int) {
	c.text.Reset()
	c.clip, c.in, c.aloud = clip, false, false
}

func (c *collector) see(token xml.Token) {
	switch e := token.(type) {
	case xml.StartElement:
		c.in = c.in || e.Name.Local == "t" || e.Name.Local == "v"
		c.aloud = c.aloud || e.Name.Local == "rPh"
	case xml.EndElement:
		c.in = c.in && e.Name.Local != "t" && e.Name.Local != "v"
		c.aloud = c.aloud && e.Name.Local != "rPh"
	case xml.CharData:
		if c.in && !c.aloud {
			c.text.Write(e[:min(len(e), c.clip-min(c.clip, c.text.Len()))])
		}
	}
}

var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescaped undoes _x000D_, as spreadsheets write characters that XML does not have.
func unescaped(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escape.ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.ParseUint(m[2:6], 16, 32)
		if err != nil {
			return m
		}
		return string(rune(n))
	})
}

// readPaddings finds which styles of cells show zeros in front of a number: by the style, what stands in front and to
// how many digits it is filled.
func readPaddings(f *zip.File) (map[int]padding, error) {
	out := map[int]padding{}
	if f == nil {
		return out, nil
	}
	formats := map[string]padding{}
	style, within := 0, ""
	err := each(f, func(e xml.StartElement) {
		switch e.Name.Local {
		case "cellStyleXfs", "cellXfs", "dxfs":
			within = e.Name.Local
		case "numFmt":
			if m := zeros.FindStringSubmatch(attribute(e, "formatCode")); m != nil {
				formats[attribute(e, "numFmtId")] = padding{m[1], len(m[2])}
			}
		case "xf":
			if within == "cellXfs" {
				if p, ok := formats[attribute(e, "numFmtId")]; ok {
					out[style] = p
				}
				style++
			}
		}
	})
	return out, err
}

type padding struct {
	before string
	digits int
}

var zeros = regexp.MustCompile(`^(?:"([^"]{1,20})")?(0{2,40})(?:;.*)?$`)

// shown is the number as the cell shows it; what is no whole number stays as it is.
func (p padding) shown(v string) string {
	if p.digits == 0 || v == "" || strings.Trim(v, "0123456789") != "" {
		return v
	}
	return p.before + strings.Repeat("0", max(0, p.digits-len(v))) + v
}
