package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Bounds of the XML in a workbook.
const (
	// tokenLimit bounds one text, tag or comment, which the parser holds whole.
	tokenLimit = 1 << 20
	depthLimit = 64
	// smallLimit bounds the parts that are held whole: the list of sheets, relations, styles.
	smallLimit = 8 << 20
)

var (
	errToken = errors.New("a text or tag of more than 1 MiB")
	errDepth = errors.New("elements more than 64 deep")
	errSmall = errors.New("a part of more than 8 MiB")
)

// metered gives a parser no more bytes than one token may have.
type metered struct {
	r    io.Reader
	left int
}

func (m *metered) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errToken
	}
	n, err := m.r.Read(p)
	m.left -= n
	return n, err
}

// part reads the XML of one part of a workbook, token by token, in memory that does not grow with it.
type part struct {
	file  io.ReadCloser
	meter *metered
	xml   *xml.Decoder
	depth int
}

func openPart(f *zip.File) (*part, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	m := &metered{r: io.LimitReader(r, unpackedLimit)} // what the directory says of its size may be a lie
	return &part{file: r, meter: m, xml: xml.NewDecoder(m)}, nil
}

// next returns a start, an end or a text; io.EOF after the last.
func (p *part) next() (xml.Token, error) {
	p.meter.left = tokenLimit
	t, err := p.xml.RawToken() // which keeps no stack: what it would check is nobody's concern here
	switch t.(type) {
	case xml.StartElement:
		if p.depth++; p.depth > depthLimit {
			return nil, errDepth
		}
	case xml.EndElement:
		p.depth--
	}
	return t, err
}

// each calls fn with each element of a small part.
func each(f *zip.File, fn func(e xml.StartElement)) error {
	if f.UncompressedSize64 > smallLimit {
		return errSmall
	}
	p, err := openPart(f)
	if err != nil {
		return err
	}
	defer p.file.Close()
	for {
		t, err := p.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			fn(e)
		}
	}
}

// attribute is the value of the attribute of this name; a prefix, as of r:id, does not count.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// book is what a workbook says of its sheets.
type book struct {
	parts     map[string]*zip.File
	sheets    []sheetEntry
	texts     *zip.File // nil where there are none
	styles    *zip.File
	since1904 bool
}

type sheetEntry struct {
	name   string
	hidden bool
	file   *zip.File
}

func (b *book) part(name string) *zip.File {
	return b.parts[strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))]
}

// relations reads what a part refers to, by the relation's id, and by the last word of its kind.
func (b *book) relations(of string) (byID, byKind map[string]*zip.File, err error) {
	byID, byKind = map[string]*zip.File{}, map[string]*zip.File{}
	folder, name := path.Split(of)
	f := b.part(folder + "_rels/" + name + ".rels")
	if f == nil {
		return byID, byKind, nil
	}
	err = each(f, func(e xml.StartElement) {
		target := attribute(e, "Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(folder, target)
		}
		if to := b.part(target); e.Name.Local == "Relationship" && to != nil {
			byID[attribute(e, "Id")], byKind[path.Base(attribute(e, "Type"))] = to, to
		}
	})
	return byID, byKind, err
}

func readBook(z *zip.Reader) (*book, error) {
	b := &book{parts: map[string]*zip.File{}}
	for _, f := range z.File {
		b.parts[strings.ToLower(strings.ReplaceAll(f.Name, `\`, "/"))] = f
	}
	_, top, err := b.relations("")
	if err != nil {
		return nil, err
	}
	main := top["officeDocument"]
	if main == nil {
		main = b.part("xl/workbook.xml")
	}
	if main == nil {
		return nil, errors.New("no workbook part")
	}
	byID, byKind, err := b.relations(strings.ReplaceAll(main.Name, `\`, "/"))
	if err != nil {
		return nil, err
	}
	b.texts, b.styles = byKind["sharedStrings"], byKind["styles"]
	err = each(main, func(e xml.StartElement) {
		switch e.Name.Local {
		case "workbookPr":
			v := attribute(e, "date1904")
			b.since1904 = v == "1" || v == "true"
		case "sheet":
			// A chart is a sheet without a table; a relation to nothing is no sheet either.
			if f := byID[attribute(e, "id")]; f != nil && len(b.sheets) < partsLimit {
				b.sheets = append(b.sheets, sheetEntry{attribute(e, "name"), attribute(e, "state") != "" &&
					attribute(e, "state") != "visible", f})
			}
		}
	})
	return b, err
}

// choose finds the sheet of a name; without one, the first that a person sees when the file is opened, for hidden ones
// hold lists and leftovers.
func (b *book) choose(name string) (sheetEntry, error) {
	for _, s := range b.sheets {
		if name != "" && strings.EqualFold(s.name, name) || name == "" && !s.hidden {
			return s, nil
		}
	}
	if name == "" && len(b.sheets) > 0 {
		return b.sheets[0], nil
	}
	return sheetEntry{}, fault.New(FileRefused, "no sheet %q", name)
}
