// Package sheet prints labels on paper: A4 sheets of self-adhesive labels as PDF, by a layout that anybody can
// edit.
package sheet

import (
	"embed"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Layout says where labels are on a sheet. All lengths are millimetres.
type Layout struct {
	// Name is for people: the maker's number of the sheet.
	Name       string  `json:"name"`
	PageWidth  float64 `json:"page_width"`
	PageHeight float64 `json:"page_height"`
	Rows       int     `json:"rows"`
	Columns    int     `json:"columns"`
	MarginTop  float64 `json:"margin_top"`
	MarginLeft float64 `json:"margin_left"`
	Width      float64 `json:"label_width"`
	Height     float64 `json:"label_height"`
	GapX       float64 `json:"gap_x"`
	GapY       float64 `json:"gap_y"`
	// Padding is kept free inside of each label.
	Padding float64 `json:"padding"`
	// Symbol is the side of the QR code with its quiet zone.
	Symbol float64 `json:"symbol"`
	// Title and Text are heights of type; Human that of the human code.
	Title float64 `json:"title_size"`
	Text  float64 `json:"text_size"`
	Human float64 `json:"human_size"`
	// Outline draws thin cutting lines, for plain paper.
	Outline bool `json:"outline"`
}

//go:embed layouts/*.json
var layouts embed.FS

// Default is the layout used when none is named: 24 labels of 70 × 37 mm without margins at the sides.
const Default = "a4-3x8"

// Named returns a built-in layout.
func Named(name string) (Layout, error) {
	if name == "" {
		name = Default
	}
	raw, err := layouts.ReadFile("layouts/" + name + ".json")
	if err != nil {
		return Layout{}, fault.New(fault.InvalidArgument, "no layout %s; there are %s", name, strings.Join(Names(), ", "))
	}
	return ParseLayout(raw)
}

// Names lists the built-in layouts.
func Names() []string {
	files, _ := fs.Glob(layouts, "layouts/*.json")
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "layouts/"), ".json")
	}
	slices.Sort(files)
	return files
}

// ParseLayout reads a layout from JSON and checks that the labels fit the page and the symbol fits the label.
func ParseLayout(raw []byte) (Layout, error) {
	var l Layout
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Layout{}, fault.Wrap(err, fault.InvalidArgument, "the layout cannot be read: %v", err)
	}
	return l, l.check()
}

func (l Layout) check() error {
	wrong := func(what string) error { return fault.New(fault.InvalidArgument, "layout %s: %s", l.Name, what) }
	const slack = 0.01
	switch {
	case l.Rows < 1 || l.Columns < 1 || l.Rows*l.Columns > 500:
		return wrong("rows and columns must be 1 or more, and 500 labels at most")
	case l.PageWidth < 20 || l.PageWidth > 1000 || l.PageHeight < 20 || l.PageHeight > 1000:
		return wrong("the page must be 20 to 1000 mm wide and high")
	case l.Width <= 0 || l.Height <= 0 || l.MarginTop < 0 || l.MarginLeft < 0 || l.GapX < 0 || l.GapY < 0 || l.Padding < 0:
		return wrong("lengths must not be negative")
	case l.MarginLeft+float64(l.Columns)*l.Width+float64(l.Columns-1)*l.GapX > l.PageWidth+slack:
		return wrong("the columns are wider than the page")
	case l.MarginTop+float64(l.Rows)*l.Height+float64(l.Rows-1)*l.GapY > l.PageHeight+slack:
		return wrong("the rows are higher than the page")
	case l.Symbol < 10 || l.Symbol > l.Height-2*l.Padding+slack || l.Symbol > l.Width-2*l.Padding+slack:
		return wrong("the symbol must be 10 mm or more and fit into the label")
	case l.Title <= 0 || l.Text <= 0 || l.Human <= 0:
		return wrong("sizes of type must be above zero")
	}
	return nil
}
