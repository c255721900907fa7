package mapping

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
)

// Line is one order line as the file tells it, understood but not yet looked up in the catalogue.
type Line struct {
	No        int // line of the file
	Source    string
	Number    string // of the order
	Item      int    // 0 when the file does not number its lines
	OrderedAt time.Time

	CustomerRef  string
	CustomerName string
	Phone        string // in the form of parse.Phone; may be empty
	Address      string
	HasPoint     bool
	Latitude     float64
	Longitude    float64

	SKU, GTIN, Model, Class string
	Quantity                int
	Price                   int64 // minor units
	Currency                string

	Region, Shop string
	// WantedFrom and WantedTo are zero when the customer named no time.
	WantedFrom, WantedTo time.Time
	Rush, VIP            bool
}

// Key tells the lines of one order apart: the item number, else what was bought.
func (l *Line) Key() string {
	if l.Item > 0 {
		return fmt.Sprint(l.Item)
	}
	return strings.Join([]string{l.SKU, l.GTIN, l.Model, l.Class}, "|")
}

// Binder reads the lines of one file.
type Binder struct {
	m      *Mapping
	header []string
	at     map[string]int
	// seen are the numbers of the lines of orders whose lines have no numbers of their own, by the hash of what stands
	// on them: a large file's text would not fit in memory.
	seen map[[sha256.Size]byte]int
}

// Bind finds the mapping's columns in the file's header. A column without a default that is missing is an error.
func (m *Mapping) Bind(header []string) (*Binder, error) {
	b, twice := &Binder{m: m, at: map[string]int{}, seen: map[[sha256.Size]byte]int{}}, map[string]bool{}
	for i, h := range header {
		h = parse.Trim(h)
		b.header = append(b.header, h)
		if h == "" {
			continue
		}
		if _, there := b.at[fold(h)]; there {
			twice[fold(h)] = true
			continue
		}
		b.at[fold(h)] = i
	}
	var missing, doubled []string
	need := func(names ...string) {
		if !slices.ContainsFunc(names, b.has) {
			missing = append(missing, strings.Join(names, " / "))
		}
	}
	used := func(name string) {
		if twice[fold(name)] && !slices.Contains(doubled, name) {
			doubled = append(doubled, name)
		}
	}
	for _, c := range m.Columns {
		// Of several names the first that the file has is read.
		if i := slices.IndexFunc(c.From, b.has); i >= 0 {
			used(c.From[i])
		}
		for _, j := range c.Join {
			used(j)
		}
		if len(c.From) > 0 && c.Default == "" {
			need(c.From...)
		}
		for _, j := range c.Join {
			need(j)
		}
	}
	for _, f := range append(slices.Clone(m.Keep), m.Skip...) {
		need(f.Column)
		used(f.Column)
	}
	if len(doubled) > 0 {
		return nil, errDoubled(doubled)
	}
	if len(missing) > 0 {
		return nil, errMissing(missing, b.header)
	}
	return b, nil
}

func fold(s string) string { return strings.ToLower(parse.Clean(s)) }

func (b *Binder) has(name string) bool { _, ok := b.at[fold(name)]; return ok }

// Name is what the file calls the columns of some fields, for a report.
func (b *Binder) Name(fields ...Field) string {
	var out []string
	for _, f := range fields {
		c, ok := b.m.Columns[f]
		if !ok {
			continue
		}
		if len(c.Join) > 0 {
			out = append(out, strings.Join(c.Join, "+"))
		}
		for _, name := range c.From {
			if b.has(name) {
				out = append(out, name)
				break
			}
		}
	}
	return strings.Join(out, " / ")
}

// cell returns the value of a named column.
func (b *Binder) cell(row sheet.Row, name string) string {
	i, ok := b.at[fold(name)]
	if !ok || i >= len(row.Cells) {
		return ""
	}
	return row.Cells[i]
}

// value returns a field's text after defaults and translation, and the file's names and words for a report.
func (b *Binder) value(row sheet.Row, f Field) (value, column, raw string, err error) {
	c, ok := b.m.Columns[f]
	if !ok {
		return "", "", "", nil
	}
	switch {
	case len(c.Join) > 0:
		var parts []string
		for _, name := range c.Join {
			// 上海市 + 上海市 of a municipality is said once.
			v := parse.Unguard(parse.Trim(b.cell(row, name)))
			if isErrorCell(v) {
				return "", name, v, refusal.New(refusal.ErrorCell, "")
			}
			if v != "" && (len(parts) == 0 || parts[len(parts)-1] != v) {
				parts = append(parts, v)
			}
		}
		column, raw = strings.Join(c.Join, "+"), strings.Join(parts, joint(parts))
	default:
		for _, name := range c.From {
			if b.has(name) {
				column, raw = name, parse.Unguard(parse.Trim(b.cell(row, name)))
				break
			}
		}
	}
	if column == "" {
		column = string(f)
	}
	if isErrorCell(raw) {
		return "", column, raw, refusal.New(refusal.ErrorCell, "")
	}
	if cell := b.longNumber(row, f, c, column); cell != "" {
		return "", column, raw, refusal.New(refusal.NumberShortened, "%s", cell)
	}
	value = raw
	if c.Map != nil && value != "" {
		to, ok := c.Map[value]
		switch {
		case ok:
			value = to
		case c.Otherwise != nil:
			value = *c.Otherwise
		default:
			return "", column, raw, refusal.New(refusal.NotMapped, "")
		}
	}
	if value == "" {
		value = c.Default
	}
	if value != "" {
		value = c.Prefix + value
	}
	if limit := textLimit[f]; limit > 0 && utf8.RuneCountInString(value) > limit {
		return "", column, raw, refusal.New(refusal.TooLong, "%d", limit)
	}
	return value, column, raw, nil
}

// identities are the fields whose digits all count.
var identities = []Field{OrderNumber, Customer, SKU, GTIN, Model, Phone}

// longNumber names the cell of an identity that holds more digits than a spreadsheet keeps; "" for none.
func (b *Binder) longNumber(row sheet.Row, f Field, c Column, read string) string {
	if len(row.Long) == 0 || !slices.Contains(identities, f) {
		return ""
	}
	for _, name := range append(slices.Clone(c.Join), read) {
		if i, ok := b.at[fold(name)]; ok && slices.Contains(row.Long, i) {
			return sheet.CellName(i, row.Line)
		}
	}
	return ""
}

// isErrorCell tells what a spreadsheet shows where a formula failed.
func isErrorCell(s string) bool {
	switch s {
	case "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!":
		return true
	}
	return false
}

// joint is nothing between Chinese words and a comma between others.
func joint(parts []string) string {
	for _, p := range parts {
		if r, _ := utf8.DecodeLastRuneInString(p); r < 0x2e80 {
			return ", "
		}
	}
	return ""
}

// Line reads one row. It returns a line, or skip for a row that the mapping leaves out, or all reasons for
// which the row is refused, one a column.
func (b *Binder) Line(row sheet.Row) (line *Line, skip bool, refused []refusal.Refusal) {
	if row.Damage != "" {
		return nil, false, []refusal.Refusal{{
			Line: row.Line, Order: b.order(row), Value: refusal.Shorten(strings.Join(row.Cells, ",")), Code: row.Damage,
		}}
	}
	if b.skips(row) {
		return nil, true, nil
	}
	r := &lineReader{b: b, row: row}
	l := &Line{No: row.Line, Source: b.m.Source, Currency: b.m.Currency}
	r.need(OrderNumber)
	number(r, OrderNumber, &l.Number, parse.Identity)
	number(r, Item, &l.Item, parse.Item)
	number(r, OrderedAt, &l.OrderedAt, func(s string) (time.Time, error) {
		return r.time(s, OrderedAt)
	})
	if l.OrderedAt.IsZero() {
		r.need(OrderedAt)
	}
	number(r, Customer, &l.CustomerRef, parse.Identity)
	l.CustomerName = r.text(CustomerName)
	number(r, Phone, &l.Phone, parse.Phone)
	if l.Phone == "" && l.CustomerRef == "" && !r.refuses(Phone, Customer) {
		r.needFirst(Phone, Customer)
	}
	l.Address = r.need(Address)
	r.point(l)
	number(r, SKU, &l.SKU, parse.Identity)
	number(r, Model, &l.Model, parse.Identity)
	l.Class = r.text(Class)
	number(r, GTIN, &l.GTIN, parse.GTIN)
	if l.SKU == "" && l.Model == "" && l.Class == "" && l.GTIN == "" && !r.refuses(SKU, GTIN, Model, Class) {
		r.needFirst(SKU, GTIN, Model, Class)
	}
	l.Quantity = 1
	number(r, Quantity, &l.Quantity, parse.Quantity)
	number(r, Price,
		&l.Price, func(s string) (int64, error) { return parse.Money(s, decimals(b.m.Currency), b.m.DecimalComma) })
	l.Region, l.Shop = r.text(Region), r.text(Shop)
	r.window(l)
	number(r, Urgency, &l.Rush, choice("rush", "normal"))
	number(r, VIP, &l.VIP, choice("yes", "no"))
	if len(r.refused) == 0 && l.Item == 0 {
		// A second line that is the same would be taken for the first one, read again.
		key := sha256.Sum256([]byte(strings.Join(row.Cells, "\x00")))
		if first, there := b.seen[key]; there {
			_, column, raw, _ := b.value(row, OrderNumber) // read above
			r.refuse(column, raw, refusal.New(refusal.ArticleTwice, "%d", first))
		} else {
			b.seen[key] = row.Line
		}
	}
	if len(r.refused) > 0 {
		return nil, false, r.refused
	}
	return l, false, nil
}

// order is the order's number as the row writes it, for a report.
func (b *Binder) order(row sheet.Row) string {
	_, _, raw, _ := b.value(row, OrderNumber) // what is wrong with it is told by Line
	return refusal.Shorten(raw)
}

func (b *Binder) skips(row sheet.Row) bool {
	for _, f := range b.m.Keep {
		if !slices.Contains(f.Values, parse.Trim(b.cell(row, f.Column))) {
			return true
		}
	}
	for _, f := range b.m.Skip {
		if slices.Contains(f.Values, parse.Trim(b.cell(row, f.Column))) {
			return true
		}
	}
	return false
}

func decimals(currency string) int {
	switch currency {
	case "JPY", "KRW", "VND":
		return 0
	}
	return 2
}

func choice(yes, no string) func(string) (bool, error) {
	return func(s string) (bool, error) {
		switch strings.ToLower(s) {
		case yes, "是", "true", "1", "加急", "vip":
			return true, nil
		case no, "否", "false", "0", "普通":
			return false, nil
		}
		return false, refusal.New(refusal.NotMapped, "%s / %s", yes, no)
	}
}

// lineReader keeps the refusals of a row, the first of each column: another one only follows from it.
type lineReader struct {
	b       *Binder
	row     sheet.Row
	refused []refusal.Refusal
	fields  map[Field]bool // with a refusal
}

func (r *lineReader) refuse(column, raw string, err error) {
	if slices.ContainsFunc(r.refused, func(x refusal.Refusal) bool { return x.Column == column }) {
		return
	}
	if x, ok := refusal.FromError(r.row.Line, column, raw, err); ok {
		x.Order = r.b.order(r.row)
		r.refused = append(r.refused, x)
	}
}

// refuses tells whether one of the fields has been refused.
func (r *lineReader) refuses(fields ...Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return r.fields[f] })
}

func (r *lineReader) refuseField(f Field, column, raw string, err error) {
	if r.fields == nil {
		r.fields = map[Field]bool{}
	}
	r.fields[f] = true
	r.refuse(column, raw, err)
}

// needFirst refuses a row that has none of some fields, by the first of them that the mapping names.
func (r *lineReader) needFirst(fields ...Field) {
	for _, f := range fields {
		if _, ok := r.b.m.Columns[f]; ok {
			r.need(f)
			return
		}
	}
}

func (r *lineReader) text(f Field) string {
	v, column, raw, err := r.b.value(r.row, f)
	if err != nil {
		r.refuseField(f, column, raw, err)
	}
	return v
}

func (r *lineReader) need(f Field) string {
	v := r.text(f)
	if v == "" {
		_, column, raw, _ := r.b.value(r.row, f) // its error was told by text
		r.refuseField(f, column, raw, refusal.New(refusal.Missing, ""))
	}
	return v
}

// number reads a field that is not text; an empty one leaves *to as it is.
func number[T any](r *lineReader, f Field, to *T, read func(string) (T, error)) {
	v, column, raw, err := r.b.value(r.row, f)
	if err == nil && v == "" {
		return
	}
	var x T
	if err == nil {
		x, err = read(v)
	}
	if err != nil {
		r.refuseField(f, column, raw, err)
		return
	}
	*to = x
}

func (r *lineReader) point(l *Line) {
	lat, latColumn, rawLat, _ := r.b.value(r.row, Latitude) // coordinates have no map
	lng, lngColumn, rawLng, _ := r.b.value(r.row, Longitude)
	if lat == "" && lng == "" {
		return
	}
	if lat == "" || lng == "" {
		r.refuse(latColumn+"/"+lngColumn, rawLat+rawLng, refusal.New(refusal.CoordinateHalf, ""))
		return
	}
	number(r, Latitude, &l.Latitude, func(s string) (float64, error) { return parse.Coordinate(s, 90) })
	number(r, Longitude, &l.Longitude, func(s string) (float64, error) { return parse.Coordinate(s, 180) })
	if !r.refuses(Latitude, Longitude) && l.Latitude == 0 && l.Longitude == 0 {
		r.refuse(latColumn, rawLat, refusal.New(refusal.CoordinateZero, ""))
	}
	l.HasPoint = true // of a row that is refused nobody asks
}

func (r *lineReader) time(s string, f Field) (time.Time, error) {
	if r.row.Since1904 {
		s = parse.From1904(s)
	}
	return parse.Time(s, r.b.m.Zone, r.b.m.Columns[f].Formats)
}

func (r *lineReader) window(l *Line) {
	var day time.Time
	number(r, WantedDate, &day, func(s string) (time.Time, error) {
		return r.time(s, WantedDate)
	})
	if day.IsZero() {
		return
	}
	slot := parse.Slot{From: 9 * 60, To: 18 * 60}
	// A column that holds day and time in one cell says when it begins. Midnight is how a day without a time is written.
	if at := day.In(r.b.m.Zone); at.Hour() != 0 || at.Minute() != 0 {
		slot.From = at.Hour()*60 + at.Minute()
		slot.To = min(slot.From+2*60, 24*60-1)
	}
	number(r, WantedSlot, &slot, parse.DaySlot)
	l.WantedFrom, l.WantedTo = slot.On(day.In(r.b.m.Zone))
	if !l.OrderedAt.IsZero() && l.WantedTo.Before(l.OrderedAt.AddDate(0, 0, -1)) {
		_, column, raw, _ := r.b.value(r.row, WantedDate) // read above
		r.refuse(column, raw, refusal.New(refusal.WindowBackwards, ""))
	}
}
