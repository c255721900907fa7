// Package mapping says how a shop's table becomes order lines: which of its columns is which field, how values are
// written there, which lines are left out. A mapping is a YAML file that people write and keep; every mistake in it
// is told with its line.
package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Field is what a column can mean.
type Field string

// The fields. A line needs order_number, ordered_at, one of phone and customer, and one of sku, gtin, model and class.
const (
	OrderNumber  Field = "order_number"
	Item         Field = "item" // number of the line in its order, from 1
	OrderedAt    Field = "ordered_at"
	CustomerName Field = "customer_name"
	Customer     Field = "customer" // the shop's own number of the customer
	Phone        Field = "phone"
	Address      Field = "address"
	Region       Field = "region" // a region's name or id
	Latitude     Field = "latitude"
	Longitude    Field = "longitude"
	SKU          Field = "sku"
	GTIN         Field = "gtin"
	Model        Field = "model"
	Class        Field = "class" // key of a product class, for shops whose products are not in the catalogue
	Quantity     Field = "quantity"
	Price        Field = "price" // of the whole line
	Shop         Field = "shop"  // a shop's name or id
	WantedDate   Field = "wanted_date"
	WantedSlot   Field = "wanted_slot"
	Urgency      Field = "urgency" // normal or rush
	VIP          Field = "vip"     // yes or no
)

// limits of text fields, in characters; they are the wire's.
var textLimit = map[Field]int{
	OrderNumber: 64, Customer: 64, CustomerName: 100, Address: 300, Region: 100, Shop: 100,
	SKU: 64, Model: 64, Class: 64,
}

var fields = []Field{
	OrderNumber, Item, OrderedAt, CustomerName, Customer, Phone, Address, Region, Latitude, Longitude,
	SKU, GTIN, Model, Class, Quantity, Price, Shop, WantedDate, WantedSlot, Urgency, VIP,
}

// Column is where a field comes from.
type Column struct {
	// From are names of the file's column, the first that is there counts; Join are columns put together.
	From, Join []string
	// Default stands where the cell is empty or the column is missing.
	Default string
	// Map translates values; a value that is not in it becomes Otherwise, or is refused when there is none.
	Map       map[string]string
	Otherwise *string
	// Formats are time layouts to try first.
	Formats []string
	// Prefix is put before the value.
	Prefix string
	line   int
}

// Filter keeps or drops lines by a column's values.
type Filter struct {
	Column string
	Values []string
	line   int
}

// Mapping is a checked mapping file.
type Mapping struct {
	// Source names where the orders come from; with the order number it makes an order unique.
	Source   string
	Sheet    sheet.Options
	Header   int // line of the column names, from 1
	Zone     *time.Location
	Currency string
	// DecimalComma tells that 1.299,00 is meant by a price.
	DecimalComma bool
	Columns      map[Field]Column
	Keep, Skip   []Filter
}

// Load reads the mapping file at path.
func Load(path string) (*Mapping, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, Invalid, "the file cannot be opened")
	}
	return Parse(b)
}

const maxSize = 256 << 10

// Parse checks a mapping file. Its error names the line of every mistake, at most ten.
func Parse(b []byte) (*Mapping, error) {
	if len(b) > maxSize {
		return nil, fault.New(Invalid, "larger than %d KiB", maxSize>>10)
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&doc); err != nil {
		return nil, fault.Wrap(err, Invalid, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	r := &reader{m: &Mapping{Header: 1, Currency: "CNY", Columns: map[Field]Column{}}}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fault.New(Invalid, "line 1: keys and values are needed, for example source: shop")
	}
	r.top(doc.Content[0])
	if len(r.problems) > 0 {
		return nil, fault.New(Invalid, "%s", strings.Join(r.problems, "; "))
	}
	return r.m, nil
}

type reader struct {
	m        *Mapping
	problems []string
}

func (r *reader) say(n *yaml.Node, format string, args ...any) {
	if len(r.problems) < 10 {
		r.problems = append(r.problems, fmt.Sprintf("line %d: ", n.Line)+fmt.Sprintf(format, args...))
	}
}

// each walks keys and values, and tells keys that are not known or come twice.
func (r *reader) each(n *yaml.Node, known []string, fn func(key string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.say(n, "keys and values are needed here")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case known != nil && !slices.Contains(known, k.Value):
			r.say(k, "%q is not known here; known are %s", k.Value, strings.Join(known, ", "))
			continue
		case seen[k.Value]:
			r.say(k, "%q stands here twice", k.Value)
			continue
		}
		seen[k.Value] = true
		fn(k.Value, v)
	}
}

func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		r.say(n, "one value is needed here")
		return ""
	}
	if n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// texts reads one value or a list of values.
func (r *reader) texts(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode {
		return []string{r.text(n)}
	}
	if n.Kind != yaml.SequenceNode {
		r.say(n, "a value or a list of values is needed here")
		return nil
	}
	var out []string
	for _, c := range n.Content {
		out = append(out, r.text(c))
	}
	return out
}

func (r *reader) top(n *yaml.Node) {
	zone := "Asia/Shanghai"
	zoneNode := n
	r.each(n, []string{"source", "file", "zone", "currency", "decimal_comma", "columns", "keep", "skip"},
		func(key string, v *yaml.Node) {
			switch key {
			case "source":
				r.m.Source = r.text(v)
				if len(r.m.Source) > 40 {
					r.say(v, "source is longer than 40 bytes")
				}
			case "file":
				r.file(v)
			case "zone":
				zone, zoneNode = r.text(v), v
			case "currency":
				if r.m.Currency = r.text(v); len(r.m.Currency) != 3 || strings.ToUpper(r.m.Currency) != r.m.Currency {
					r.say(v, "currency is three capital letters, for example CNY")
				}
			case "decimal_comma":
				if err := v.Decode(&r.m.DecimalComma); err != nil {
					r.say(v, "decimal_comma is true or false")
				}
			case "columns":
				r.columns(v)
			case "keep":
				r.m.Keep = r.filters(v)
			case "skip":
				r.m.Skip = r.filters(v)
			}
		})
	var err error
	if r.m.Zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		r.say(zoneNode, "zone is a name like Asia/Shanghai")
	}
	if r.m.Source == "" {
		r.say(n, "source is missing: name where the orders come from")
	}
	r.enough(n)
}

func (r *reader) file(n *yaml.Node) {
	r.each(n, []string{"encoding", "delimiter", "sheet", "header"}, func(key string, v *yaml.Node) {
		switch key {
		case "encoding":
			e := sheet.Encoding(strings.ToLower(r.text(v)))
			if e == "gbk" || e == "gb2312" {
				e = sheet.GB18030
			}
			if !e.Known() {
				r.say(v, "encoding is auto, utf-8, gb18030, utf-16 or another name of the WHATWG list, such as windows-1252")
			}
			r.m.Sheet.Encoding = e
		case "delimiter":
			d, ok := map[string]rune{"auto": 0, ",": ',', ";": ';', "tab": '\t', "\t": '\t', "|": '|'}[r.text(v)]
			if !ok {
				r.say(v, `delimiter is auto, ",", ";", "|" or tab`)
			}
			r.m.Sheet.Comma = d
		case "sheet":
			r.m.Sheet.Sheet = r.text(v)
		case "header":
			if err := v.Decode(&r.m.Header); err != nil || r.m.Header < 1 || r.m.Header > 100 {
				r.say(v, "header is the number of the line with the column names, from 1 to 100")
			}
		}
	})
}

func (r *reader) columns(n *yaml.Node) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = string(f)
	}
	r.each(n, known, func(key string, v *yaml.Node) {
		c := Column{line: v.Line}
		if v.Kind == yaml.MappingNode {
			r.column(Field(key), v, &c)
		} else {
			c.From = r.texts(v)
		}
		for _, name := range append(slices.Clone(c.From), c.Join...) {
			if strings.TrimSpace(name) == "" {
				r.say(v, "the name of a column is empty")
			}
		}
		if len(c.From) > 0 && len(c.Join) > 0 {
			r.say(v, "either from or join")
		}
		if len(c.From)+len(c.Join) == 0 && c.Default == "" {
			r.say(v, "%s needs from, join or default", key)
		}
		r.m.Columns[Field(key)] = c
	})
}

func (r *reader) column(f Field, n *yaml.Node, c *Column) {
	r.each(n, []string{"from", "join", "default", "prefix", "map", "otherwise", "format"}, func(key string, v *yaml.Node) {
		switch key {
		case "from":
			c.From = r.texts(v)
		case "join":
			c.Join = r.texts(v)
		case "default":
			c.Default = r.text(v)
		case "prefix":
			c.Prefix = r.text(v)
		case "map":
			c.Map = map[string]string{}
			r.each(v, nil, func(from string, to *yaml.Node) { c.Map[from] = r.text(to) })
		case "otherwise":
			s := r.text(v)
			c.Otherwise = &s
		case "format":
			if f != OrderedAt && f != WantedDate {
				r.say(v, "format is for %s and %s", OrderedAt, WantedDate)
			}
			for _, p := range r.texts(v) {
				l, ok := parse.Layout(p)
				if !ok {
					r.say(v, "format is like yyyy-MM-dd HH:mm:ss, not %q", p)
				}
				c.Formats = append(c.Formats, l)
			}
		}
	})
}

func (r *reader) filters(n *yaml.Node) []Filter {
	var out []Filter
	r.each(n, nil, func(column string, v *yaml.Node) {
		out = append(out, Filter{Column: column, Values: r.texts(v), line: v.Line})
	})
	return out
}

// enough checks that lines by this mapping can become orders at all.
func (r *reader) enough(n *yaml.Node) {
	has := func(fs ...Field) bool {
		return slices.ContainsFunc(fs, func(f Field) bool { _, ok := r.m.Columns[f]; return ok })
	}
	for _, need := range [][]Field{{OrderNumber}, {OrderedAt}, {Phone, Customer}, {SKU, GTIN, Model, Class}, {Address}} {
		if !has(need...) {
			r.say(n, "columns need %s", anyOf(need))
		}
	}
	if has(Latitude) != has(Longitude) {
		r.say(n, "latitude and longitude go together")
	}
	if has(WantedSlot) && !has(WantedDate) {
		r.say(n, "wanted_slot needs wanted_date")
	}
}

func anyOf(fs []Field) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = string(f)
	}
	return strings.Join(s, " or ")
}

// errDoubled names columns that a mapping uses and a file has more than once: which one is meant is not guessed.
func errDoubled(names []string) error {
	sort.Strings(names)
	return fault.Wrap(errors.New("columns twice"), Invalid,
		"the file has column %s twice; rename one of them", strings.Join(names, ", "))
}

// errMissing lists columns that a mapping needs and a file does not have.
func errMissing(missing, header []string) error {
	sort.Strings(missing)
	return fault.Wrap(errors.New("columns missing"), Invalid, "the file has no column %s; it has %s",
		strings.Join(missing, ", "), strings.Join(header, ", "))
}
