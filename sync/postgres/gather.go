package postgres

import "context"

// gathered is an item of a kind, and what writes all items of that kind.
type gathered struct {
	kind  string
	item  any
	write func(ctx context.Context, items []any) error
}

// Gather keeps an item until all else of the transaction is done. Then write is called once with all items of the kind,
// in the order in which they came: it can lock the rows of all of them in one order. What it was called with last
// counts. A savepoint that is rolled back takes its items with it.
func (t *Tx) Gather(kind string, item any, write func(ctx context.Context, items []any) error) {
	t.gathered = append(t.gathered, gathered{kind, item, write})
}

// writeGathered writes kind by kind, in the order in which they were first named.
func (t *Tx) writeGathered(ctx context.Context) error {
	all := t.gathered
	t.gathered = nil
	var kinds []string
	items, write := map[string][]any{}, map[string]func(context.Context, []any) error{}
	for _, g := range all {
		if write[g.kind] == nil {
			kinds = append(kinds, g.kind)
		}
		items[g.kind], write[g.kind] = append(items[g.kind], g.item), g.write
	}
	for _, kind := range kinds {
		if err := write[kind](ctx, items[kind]); err != nil {
			return err
		}
	}
	return nil
}
