package offline

import (
	"context"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Message is a pointer to a generated message T.
type Message[T any] interface {
	*T
	proto.Message
}

// Table reads the entities of one kind as their messages. Generated clients have one for each kind.
type Table[T any, M Message[T]] struct{ Kind Kind }

func (t Table[T, M]) entity(id []byte) Entity {
	u, err := uuid.FromBytes(id)
	if err != nil {
		return Entity{Kind: t.Kind} // the zero id names nothing
	}
	return Entity{Kind: t.Kind, ID: u}
}

// Get reads one entity; nil when the device does not hold it or cannot read it.
func (t Table[T, M]) Get(v *View, id []byte) M {
	body, ok := v.Get(t.entity(id))
	if !ok {
		return nil
	}
	return decode[T, M](body)
}

// All reads all entities of the kind, by id; what cannot be read is left out.
func (t Table[T, M]) All(v *View) []M { return t.Where(v, func(M) bool { return true }) }

// Where reads the entities for which the test holds, by id.
func (t Table[T, M]) Where(v *View, test func(M) bool) (out []M) {
	for _, item := range v.List(t.Kind) {
		if m := decode[T, M](item.Body); m != nil && test(m) {
			out = append(out, m)
		}
	}
	return out
}

// Pending tells whether something that is not yet in the server's state shows on the entity.
func (t Table[T, M]) Pending(v *View, id []byte) bool { return v.Pending(t.entity(id)) }

func decode[T any, M Message[T]](body []byte) M {
	m := M(new(T))
	if proto.Unmarshal(body, m) != nil {
		return nil
	}
	return m
}

// Draft collects what an effect changes. What the view gives stays as it was before the effect.
type Draft struct {
	view  *View
	order []Entity
	next  map[Entity]proto.Message // nil for what goes
}

func (d *Draft) put(e Entity, m proto.Message) {
	if d.next == nil {
		d.next = map[Entity]proto.Message{}
	}
	if _, ok := d.next[e]; !ok {
		d.order = append(d.order, e)
	}
	d.next[e] = m
}

// Edit gives the entity to be changed in place; nil when the device does not hold it. Without a change it shows as
// pending.
func (t Table[T, M]) Edit(d *Draft, id []byte) M {
	e := t.entity(id)
	if m, ok := d.next[e]; ok {
		edited, _ := m.(M)
		return edited
	}
	m := t.Get(d.view, id)
	if m != nil {
		d.put(e, m)
	}
	return m
}

// Create gives a new entity to be filled in; nil when there is one of that id.
func (t Table[T, M]) Create(d *Draft, id []byte) M {
	e := t.entity(id)
	if _, ok := d.next[e]; ok || t.Get(d.view, id) != nil {
		return nil
	}
	m := M(new(T))
	d.put(e, m)
	return m
}

// Delete makes the entity go.
func (t Table[T, M]) Delete(d *Draft, id []byte) {
	if t.Get(d.view, id) != nil {
		d.put(t.entity(id), nil)
	}
}

// changes are what was drafted, in the order in which it was begun.
func (d *Draft) changes() (out []Change) {
	for _, e := range d.order {
		m := d.next[e]
		if m == nil {
			out = append(out, Change{Entity: e, Removed: true})
			continue
		}
		// A message that was just read, or is made of parts that were, can be written.
		if body, err := (proto.MarshalOptions{Deterministic: true}).Marshal(m); err == nil {
			out = append(out, Change{Entity: e, Body: body})
		}
	}
	return out
}

// Mutator is one kind of mutation with its arguments. Generated clients have one for each kind.
type Mutator[T any, M Message[T]] struct {
	Kind string
	// May says whether an application should offer it now; nil means always.
	May func(v *View, args M) bool
}

// Offered tells whether an application should offer it now. The server has the last word.
func (m Mutator[T, M]) Offered(v *View, args M) bool { return m.May == nil || m.May(v, args) }

// Do writes it to disk with the files that belong to it, and returns when it is safe there; see Store.Do. What the
// server would not take by the message's rules is not saved: InvalidArgument names the field and what it must be, while
// the person can still put it right.
func (m Mutator[T, M]) Do(ctx context.Context, s *Store, args M, files ...Kept) (Mutation, error) {
	if err := protovalidate.Validate(args); err != nil {
		return Mutation{}, fault.Wrap(err, fault.InvalidArgument, "%s: %s",
			m.Kind, strings.TrimSpace(strings.TrimPrefix(err.Error(), "validation error:")))
	}
	if err := change.Readable(args); err != nil {
		return Mutation{}, err
	}
	b, err := proto.Marshal(args)
	if err != nil {
		return Mutation{}, err
	}
	return s.Do(ctx, m.Kind, b, files...)
}

// EffectBy makes the effect of the kind out of a function on its arguments. Where the mutation is not offered it
// shows nothing.
func (m Mutator[T, M]) EffectBy(fn func(v *View, args M, at time.Time, d *Draft)) Effect {
	return func(v *View, done Mutation) []Change {
		args := decode[T, M](done.Args)
		if args == nil || !m.Offered(v, args) {
			return nil
		}
		d := Draft{view: v}
		fn(v, args, done.DeviceTime, &d)
		return d.changes()
	}
}
