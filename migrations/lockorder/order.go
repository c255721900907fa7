// Package lockorder is the one order in which transactions lock rows. docs/ARCHITECTURE.md shows it to people; the
// tests hold every statement of the program against it.
package lockorder

// Place is where a table, or an advisory lock, stands.
type Place struct {
	// Table is the table's name, or "advisory " and the lock's argument.
	Table string
	// Guard is the table whose row every transaction locks before rows of this one, for more than a reference. So two
	// transactions never meet here, and no order is asked of the rows. By names the column that says which row of the
	// guard it is, where it is always the same.
	Guard, By string
	// Behind is the table whose row most transactions lock before rows of this one; By names the column that says which. A
	// row that is locked so needs no order. Who locks a row without it, locks only what stands last afterwards.
	Behind string
	// Last begins what is locked last.
	Last bool
	// Fresh says why nobody waits for a row that is inserted: nobody else inserts one of the same key.
	Fresh string
	// Still says why a mere reference to a row, as by a foreign key, may be made at any time: such rows are never deleted,
	// nor is their key changed; or who does that waits for nothing afterwards.
	Still string
	// Alone says why several rows may be locked in one statement, or one after another, in no order.
	Alone string
	// Gap says why no order is asked of this table's rows, nor among the tables with a gap, which stand beside each other
	// in the list. Before and behind all others they have their place.
	Gap string
	// Rank is the table's place in the order; it is 0 in the list.
	Rank int
}

// Order is a list of places, by their names.
type Order struct {
	places map[string]Place
	last   int
}

// New makes an order of a list. Guarded tables have no rank of their own.
func New(list []Place) *Order {
	o := &Order{places: make(map[string]Place, len(list))}
	for i, p := range list {
		p.Rank = i + 1
		o.places[p.Table] = p
		if p.Last {
			o.last = p.Rank
		}
	}
	return o
}

// Place gives the place of a table.
func (o *Order) Place(table string) (Place, bool) {
	p, ok := o.places[table]
	return p, ok
}

// IsLast tells whether a place is among those that are locked last.
func (o *Order) IsLast(p Place) bool { return o.last > 0 && p.Rank >= o.last }
