package order

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/order/mapping"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/sheet"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// batchLines is how many rows one transaction takes in: large enough that commits do not dominate, small enough
// that phones and other importers never wait long for the locks it holds.
const batchLines = 100

// Import says what to import.
type Import struct {
	Org     change.Org
	File    string
	Mapping []byte // the mapping file's content
	Actor   string
	// DryRun reads and checks everything, and writes nothing.
	DryRun bool
	// Progress, if set, is told how far the file has been read, in bytes of CSV or rows of XLSX. It is called often.
	Progress func(done, total int64)
	// Refused, if set, is told each reason of each refused line of this reading, in order. Lines that an earlier,
	// interrupted reading of the same file refused come first.
	Refused func(refusal.Refusal) error
	// committed is for tests: it is called after each batch has been committed.
	committed func(position int)
}

// Outcome is what became of the lines of a file. Read is the sum of Added, Existing, Skipped and Refused.
type Outcome struct {
	Run      uuid.UUID
	Read     int
	Added    int // order lines that are new
	Existing int // were there already
	Skipped  int // left out by the mapping
	Refused  int
	Tickets  int // opened
	// Resumed is the line behind which an interrupted reading was taken up; 0 for a reading from the start.
	Resumed int
}

// Import reads a file and takes its lines in. Broken off at any point, also by kill -9, the next call with the same
// file and mapping goes on behind the last committed batch; a file that was read to its end is read again, and adds
// only what was refused before and is not any more. Several may import the same file at once: each line is taken in,
// and each refusal kept, once.
func (r *Orders) Import(ctx context.Context, im Import) (Outcome, error) {
	m, err := mapping.Parse(im.Mapping)
	if err != nil {
		return Outcome{}, err
	}
	f, err := os.Open(im.File)
	if err != nil {
		return Outcome{}, fault.Wrap(err, sheet.FileRefused, "the file cannot be opened")
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, sheet.DefaultLimits.Bytes+1)); err != nil {
		return Outcome{}, fault.Wrap(err, sheet.FileRefused, "the file cannot be read")
	}
	rows, err := sheet.Open(im.File, m.Sheet)
	if err != nil {
		return Outcome{}, err
	}
	defer rows.Close()
	binder, err := header(m, rows)
	if err != nil {
		return Outcome{}, err
	}
	i := &importer{orders: r, im: im, m: m, binder: binder, rows: rows, products: map[productKey]*fieldv1.Product{}}
	mappingHash := sha256.Sum256(im.Mapping)
	if err := i.begin(ctx, h.Sum(nil), mappingHash[:]); err != nil {
		return Outcome{}, err
	}
	return i.run(ctx)
}

// header reads up to the line of the column names and binds the mapping to it.
func header(m *mapping.Mapping, rows sheet.Reader) (*mapping.Binder, error) {
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(sheet.FileRefused, "no line %d with the names of the columns", m.Header)
		}
		if err != nil {
			return nil, err
		}
		if row.Line < m.Header {
			continue
		}
		b, err := m.Bind(row.Cells)
		if err != nil {
			return nil, err
		}
		n := len(row.Cells)
		for n > 0 && row.Cells[n-1] == "" {
			n--
		}
		rows.Expect(n)
		return b, nil
	}
}

type importer struct {
	orders *Orders
	im     Import
	m      *mapping.Mapping
	binder *mapping.Binder
	rows   sheet.Reader

	reading  run
	places   places
	products map[productKey]*fieldv1.Product
}

type productKey struct{ sku, gtin, model, class string }

// entry is one row of a batch after reading: a line, or a refusal, or neither for a row that is left out.
type entry struct {
	no      int
	line    *mapping.Line
	refused []refusal.Refusal
}

// begin finds the reading to go on with, or starts one, and loads what lines refer to.
func (i *importer) begin(ctx context.Context, fileHash, mappingHash []byte) error {
	fn := func(tx *postgres.Tx) error {
		all, err := i.orders.people.Places(ctx, tx)
		if err != nil {
			return err
		}
		i.places = newPlaces(all)
		if i.im.DryRun {
			return nil
		}
		i.reading, err = openRun(ctx, tx, i.m.Source, filepath.Base(i.im.File), fileHash, mappingHash)
		return err
	}
	if i.im.DryRun {
		return i.orders.Store.Read(ctx, i.im.Org, fn)
	}
	return i.orders.Store.Transact(ctx, i.im.Org, fn)
}

func (i *importer) run(ctx context.Context) (Outcome, error) {
	start := i.reading.position
	if start > 0 && i.im.Refused != nil {
		if err := i.orders.refusals(ctx, i.im.Org, i.reading.id, 0, start, i.im.Refused); err != nil {
			return Outcome{}, err
		}
	}
	counts := i.reading.Counts
	told := start
	var batch []entry
	for end := false; !end; {
		if err := ctx.Err(); err != nil {
			return i.outcome(counts, start), err
		}
		row, err := i.rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			end = true
		case err != nil:
			return i.outcome(counts, start), err
		case row.Line > start:
			e := entry{no: row.Line}
			e.line, _, e.refused = i.binder.Line(row)
			batch = append(batch, e)
		}
		if i.im.Progress != nil {
			i.im.Progress(i.rows.Progress())
		}
		if len(batch) < batchLines && !end {
			continue
		}
		if counts, err = i.commit(ctx, batch, end); err != nil {
			return i.outcome(counts, start), err
		}
		if len(batch) > 0 {
			last := batch[len(batch)-1].no
			if err := i.tell(ctx, batch, told, last); err != nil {
				return i.outcome(counts, start), err
			}
			told = last
			if i.im.committed != nil {
				i.im.committed(last)
			}
		}
		batch = batch[:0]
	}
	return i.outcome(counts, start), nil
}

func (i *importer) outcome(c Counts, start int) Outcome {
	return Outcome{
		Run: i.reading.id, Read: c.Added + c.Existing + c.Skipped + c.Refused, Added: c.Added, Existing: c.Existing,
		Skipped: c.Skipped, Refused: c.Refused, Tickets: c.Tickets, Resumed: start,
	}
}

// tell passes the refusals of a committed batch on. They are read back, for another importer of the same file may
// have committed this stretch, and for a line may have been refused within the transaction.
func (i *importer) tell(ctx context.Context, batch []entry, from, to int) error {
	if i.im.Refused == nil {
		return nil
	}
	if !i.im.DryRun {
		return i.orders.refusals(ctx, i.im.Org, i.reading.id, from, to, i.im.Refused)
	}
	for _, e := range batch {
		for _, x := range e.refused {
			if err := i.im.Refused(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// errDryRun ends the transaction of a dry run, whose writes nobody shall see.
var errDryRun = errors.New("dry run")

// commit takes a batch in. A line that the database or another room refuses undoes only its own writes.
func (i *importer) commit(ctx context.Context, batch []entry, end bool) (Counts, error) {
	var after Counts
	given := slices.Clone(batch)
	err := i.orders.Store.Transact(ctx, i.im.Org, func(tx *postgres.Tx) error {
		copy(batch, given) // what an earlier try refused
		now := i.reading
		if !i.im.DryRun {
			var err error
			if now, err = lockRun(ctx, tx, i.reading.id); err != nil {
				return err
			}
		}
		for n := range batch {
			e := &batch[n]
			if e.no <= now.position {
				continue // somebody else was here
			}
			if err := i.one(ctx, tx, e, &now.Counts); err != nil {
				return err
			}
			now.position = e.no
			if e.refused != nil {
				now.Refused++
				if !i.im.DryRun {
					if err := saveRefusals(ctx, tx, now.id, e.refused); err != nil {
						return err
					}
				}
			}
		}
		after = now.Counts
		if i.im.DryRun {
			return errDryRun
		}
		return saveRun(ctx, tx, now, end)
	})
	if errors.Is(err, errDryRun) {
		err = nil
		i.reading.Counts = after
		clear(i.products) // products of the rolled-back transaction are not there
	}
	return after, err
}

// one takes one line in and counts it, or makes it a refusal.
func (i *importer) one(ctx context.Context, tx *postgres.Tx, e *entry, c *Counts) error {
	if e.refused != nil {
		return nil
	}
	if e.line == nil {
		c.Skipped++
		return nil
	}
	var t Taken
	err := tx.Savepoint(ctx, func() (err error) {
		t, err = i.take(ctx, tx, e.line)
		return err
	})
	if err != nil {
		var lost bool
		if e.refused, lost = refused(e.line, err); lost {
			return err
		}
		return nil
	}
	for _, l := range t.Lines {
		if l.Existing {
			c.Existing++
		} else {
			c.Added++
			c.Tickets += len(l.Tickets)
		}
	}
	return nil
}

// refused makes an error a refusal of the line; lost is true for an error that says nothing about the line.
func refused(l *mapping.Line, err error) (r []refusal.Refusal, lost bool) {
	if x, ok := refusal.FromError(l.No, "", l.Number, err); ok {
		var column *columnError
		if errors.As(err, &column) {
			x.Column, x.Value = column.column, refusal.Shorten(column.value)
		}
		x.Order = refusal.Shorten(l.Number)
		return []refusal.Refusal{x}, false
	}
	switch fault.CodeOf(err).Kind() {
	case fault.KindInvalid, fault.KindNotFound, fault.KindConflict:
		number, why := refusal.Shorten(l.Number), fault.As(err)
		return []refusal.Refusal{{
			Line: l.No, Order: number, Value: number, Code: refusal.TicketRefused,
			Detail: refusal.Shorten(why.Public("zh")) + " / " + refusal.Shorten(why.Public("en")),
		}}, false
	default:
		return nil, true
	}
}

// columnError says which field could not be found in the catalogue or among the places.
type columnError struct {
	column, value string
	err           error
}

func (e *columnError) Error() string { return e.column + ": " + e.err.Error() }
func (e *columnError) Unwrap() error { return e.err }

func (i *importer) take(ctx context.Context, tx *postgres.Tx, l *mapping.Line) (Taken, error) {
	product, err := i.product(ctx, tx, l)
	if err != nil {
		return Taken{}, err
	}
	var at *Point
	if l.HasPoint {
		at = &Point{l.Latitude, l.Longitude}
	}
	store, region, err := i.places.find(l.Shop, l.Region, at)
	if err != nil {
		return Taken{}, &columnError{i.binder.Name(mapping.Shop, mapping.Region), words(l.Shop, l.Region), err}
	}
	return i.orders.Take(ctx, tx, Purchase{
		Source: l.Source, Number: l.Number, OrderedAt: l.OrderedAt,
		Customer: Customer{Name: l.CustomerName, Phone: l.Phone, Ref: l.CustomerRef, Address: l.Address, At: at, VIP: l.VIP},
		Store:    store, Region: region, WantedFrom: l.WantedFrom, WantedTo: l.WantedTo, Rush: l.Rush, Actor: i.im.Actor,
		By: Office(), Bulk: true,
		Lines: []Line{{
			Item: l.Item, Key: l.Key(), Product: product, Quantity: l.Quantity, Minor: l.Price,
			Currency: l.Currency,
		}},
	})
}

// product finds what was bought: by SKU, barcode, model, and last by its class alone.
func (i *importer) product(ctx context.Context, tx *postgres.Tx, l *mapping.Line) (*fieldv1.Product, error) {
	key := productKey{l.SKU, l.GTIN, l.Model, l.Class}
	if p, ok := i.products[key]; ok {
		return p, nil
	}
	goods := i.orders.goods
	for _, by := range []struct {
		value string
		find  func(context.Context, *postgres.Tx, string) (*fieldv1.Product, bool, error)
	}{{l.SKU, goods.ProductBySKU}, {l.GTIN, goods.ProductByGTIN}, {l.Model, goods.ProductByModel}} {
		if by.value == "" {
			continue
		}
		p, ok, err := by.find(ctx, tx, by.value)
		if err != nil {
			return nil, err
		}
		if ok {
			i.products[key] = p
			return p, nil
		}
	}
	if l.Class != "" {
		class, ok, err := goods.ClassByKey(ctx, tx, l.Class)
		if err != nil {
			return nil, err
		}
		if ok {
			// Not remembered: the product may be made in this very transaction, which may yet be undone.
			return goods.UnnamedProduct(ctx, tx, class)
		}
	}
	return nil, &columnError{
		i.binder.Name(mapping.SKU, mapping.GTIN, mapping.Model, mapping.Class), words(l.SKU, l.GTIN, l.Model, l.Class),
		refusal.New(refusal.ProductUnknown, ""),
	}
}

// words joins what is not empty.
func words(s ...string) string {
	return strings.Join(slices.DeleteFunc(s, func(w string) bool { return w == "" }), " ")
}
