package app_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// idPaths are the fields of a request that can hold an id: bytes of 16, at every depth. Bytes without a rule count, so
// that nobody forgets one.
func idPaths(m protoreflect.MessageDescriptor, prefix string, above ...protoreflect.FullName) (out []string) {
	if slices.Contains(above, m.FullName()) {
		return nil
	}
	above = append(slices.Clone(above), m.FullName())
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		path := prefix + string(f.Name())
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				out = append(out, idPaths(f.MapValue().Message(), path+".", above...)...)
			}
		case f.Message() != nil:
			out = append(out, idPaths(f.Message(), path+".", above...)...)
		case f.Kind() == protoreflect.BytesKind && maySixteen(f):
			out = append(out, path)
		}
	}
	return out
}

// maySixteen tells whether the rules of a field leave room for an id and are not those of something longer.
func maySixteen(f protoreflect.FieldDescriptor) bool {
	rules, err := protovalidate.ResolveFieldRules(f)
	if err != nil {
		return true
	}
	b := rules.GetBytes()
	if items := rules.GetRepeated().GetItems(); items != nil {
		b = items.GetBytes()
	}
	return b == nil || b.GetLen() == 16 || b.GetLen() == 0 && (b.GetMaxLen() == 16 || b.GetMaxLen() == 0)
}

func TestEveryCallAndEveryIdOfARequestHasARowInTheMatrix(t *testing.T) {
	t.Parallel()
	all := procedures()
	for name, method := range all {
		rows, ok := matrixRows[name]
		if !ok || len(rows) == 0 {
			t.Errorf("%s has no row: say in matrixRows what its ids name", name)
			continue
		}
		said := map[string]bool{}
		for _, r := range rows {
			for _, f := range r.ids {
				said[f.path] = true
			}
		}
		for _, path := range idPaths(method.Input(), "") {
			if !said[path] {
				t.Errorf("%s: nobody said what the id %s names", name, path)
			}
		}
	}
	for name := range matrixRows {
		if all[name] == nil {
			t.Errorf("%s has a row and does not exist", name)
		}
	}
}

// thing is what an id names: where it stands, or whose rights it has.
type thing struct {
	id     uuid.UUID
	there  bool
	isA    names // place kinds only
	places []spot
	rights []held // of a person
	tech   uuid.UUID
}

const (
	partA, partB, elsewhere = "A", "B", "other company's"
	nobodys, wrongKind      = "nobody's", "a region's"
	theBoss                 = "the boss's"
	taken                   = "A, taken" // by a ticket of the own part
)

// thingOf finds the id that a field gets, and what the table's rules ask of it.
func (w *matrixWorld) thingOf(is names, whose string) thing {
	p := w.parts[whose]
	switch {
	case whose == nobodys, is == newTicket && whose == partA:
		return thing{id: uuid.New()}
	case whose == theBoss:
		if is == seenPhone || is == managedPhone {
			return thing{id: w.phone, there: true, rights: []held{{role: 'A'}}}
		}
		return thing{id: w.boss.ID, there: true, rights: []held{{role: 'A'}}}
	case whose == wrongKind:
		a := w.parts[partA]
		if is == farRegion || is == boardID {
			return thing{id: a.team.ID, there: is == farRegion, isA: farTeam, places: []spot{{a.team.ID, a.region.ID}}}
		}
		place := is == farShop || is == farTeam || is == putTeam
		return thing{id: a.region.ID, there: place, isA: farRegion, places: []spot{{a.region.ID, a.region.ID}}}
	}
	if whose == taken {
		p = w.parts[partA]
	}
	region, shop, team := spot{p.region.ID, p.region.ID}, spot{p.shop.ID, p.region.ID}, spot{p.team.ID, p.region.ID}
	there := whose != elsewhere
	home := []spot{region, team}
	person := []held{{'T', region}, {'T', team}}
	switch is {
	case ticketID, newTicket:
		return thing{id: p.ids[ticketID], there: there, places: []spot{region, shop, team}}
	case finishedID:
		return thing{id: p.ids[is], there: there, places: home}
	case ticketOfShop:
		return thing{id: p.ids[ticketID], there: there, places: []spot{shop}}
	case proofID:
		return thing{id: p.ids[is], there: there, places: []spot{region, shop, team}, tech: p.tech.ID}
	case shopID, farShop:
		return thing{id: shop.id, there: there, isA: farShop, places: []spot{shop}}
	case unitID, codeID:
		return thing{id: p.ids[is], there: there, places: []spot{shop}}
	case proposalID:
		return thing{id: p.ids[is], there: there, places: []spot{shop, region}}
	case parkedID, lineID:
		return thing{id: p.ids[is], there: there, places: home}
	case payeeID, farTechnician:
		return thing{id: p.tech.ID, there: there, isA: farTechnician, places: home, tech: p.tech.ID}
	case seenUser, managedUser, putUser:
		return thing{id: p.tech.ID, there: there, places: home, rights: person, tech: p.tech.ID}
	case seenPhone, managedPhone:
		return thing{id: p.phone, there: there, places: home, rights: person, tech: p.tech.ID}
	case farRegion, boardID:
		return thing{id: region.id, there: there, isA: farRegion, places: []spot{region}}
	case farTeam, putTeam:
		return thing{id: team.id, there: there, isA: farTeam, places: []spot{team}}
	case goods:
		return thing{id: p.ids[goods], there: there}
	default:
		return thing{id: p.ids[ticketID], there: there}
	}
}

// covers tells whether a right over one place reaches another.
func (s spot) covers(at spot) bool {
	return s.id == uuid.Nil || s.id == at.id || at.id != uuid.Nil && s.id == at.region
}

// over tells whether the caller holds one of the roles over one of the places.
func (c *caller) over(roles string, places ...spot) bool {
	return slices.ContainsFunc(c.grants, func(g held) bool {
		return strings.IndexByte(roles, g.role) >= 0 && slices.ContainsFunc(places, g.at.covers)
	})
}

// managedBy is docs/SECURITY.md, "Which role manages which".
var managedBy = map[byte]string{'T': "DSA", 'C': "DSA", 'D': "A", 'S': "A", 'F': "A", 'L': "A", 'A': "A"}

func (c *caller) sees(p thing) bool {
	if p.tech != uuid.Nil {
		return c.over("DSA", p.places...)
	}
	for _, r := range p.rights {
		if !c.over("DSA", r.at) {
			return false
		}
	}
	return true
}

func (c *caller) manages(p thing, admin bool) bool {
	for _, r := range p.rights {
		by := managedBy[r.role]
		if admin {
			by = "A"
		}
		if !c.over(by, r.at) {
			return false
		}
	}
	return true
}

// judged is the answer of the table for one id: "" when it holds nothing up.
func (c *caller) judged(r row, roles string, is names, o thing, theirs bool) fault.Code {
	switch is {
	case filter, goods, own, unread:
		return ""
	case newTicket:
		if o.there {
			return fault.NotFound // taken: by another ticket, whoever sees it
		}
		return ""
	case seenUser, seenPhone:
		if !o.there || !c.sees(o) && (o.tech == uuid.Nil || o.tech != c.user) {
			return fault.NotFound
		}
		return ""
	case managedUser, managedPhone:
		switch {
		case is == managedPhone && o.there && o.tech == c.user:
			return ""
		case !o.there, !c.sees(o):
			return fault.NotFound
		case !c.manages(o, false):
			return fault.Forbidden
		}
		return ""
	case putUser:
		switch {
		case !o.there, c.manages(o, true):
			return ""
		case c.sees(o):
			return fault.Forbidden
		}
		return fault.NotFound
	case putTeam:
		switch {
		case !o.there:
			return ""
		case !c.over(roles, o.places...):
			return fault.NotFound
		case o.isA != farTeam:
			return fault.InvalidArgument
		}
		return ""
	case farShop, farRegion, farTeam, farTechnician:
		switch {
		case !o.there, !c.over("CDSFLA", o.places...):
			return fault.NotFound
		case o.isA != is:
			return fault.InvalidArgument
		case !c.over(roles, o.places...):
			return fault.Forbidden
		}
		return ""
	}
	if (is == payeeID || is == boardID) && c.over(roles, spot{}) {
		return ""
	}
	if o.there && (c.over(roles, o.places...) || r.mine && o.tech != uuid.Nil && o.tech == c.user) || is == boardID &&
		theirs {
		return ""
	}
	return fault.NotFound
}

// say sets an id in a request; lists get one element.
func say(m protoreflect.Message, path string, id uuid.UUID) {
	name, rest, deeper := strings.Cut(path, ".")
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	switch {
	case deeper && f.IsList():
		l := m.Mutable(f).List()
		if l.Len() == 0 {
			l.Append(l.NewElement())
		}
		for i := range l.Len() {
			say(l.Get(i).Message(), rest, id)
		}
	case deeper:
		say(m.Mutable(f).Message(), rest, id)
	case f.IsList():
		m.Mutable(f).List().Append(protoreflect.ValueOfBytes(id[:]))
	case f.Kind() == protoreflect.StringKind:
		m.Set(f, protoreflect.ValueOfString(id.String()))
	default:
		m.Set(f, protoreflect.ValueOfBytes(id[:]))
	}
}

// whoses are the ids with which one call is made: all of one part, and each id in turn of somebody else.
func whoses(r row) (out [][]string) {
	all := func(whose string) []string { return slices.Repeat([]string{whose}, len(r.ids)) }
	out = append(out, all(partA))
	if len(r.ids) == 0 {
		return out
	}
	out = append(out, all(partB), all(elsewhere))
	for i, f := range r.ids {
		others := []string{partB, elsewhere, nobodys, wrongKind}
		switch f.is {
		case seenUser, managedUser, seenPhone, managedPhone:
			others = append(others, theBoss)
		case putUser:
			others = []string{partB, elsewhere, nobodys, theBoss}
		case newTicket:
			others = []string{taken, partB, elsewhere}
		case unread, own, filter, goods:
			others = []string{partB, elsewhere, nobodys}
		}
		for _, whose := range others {
			one := all(partA)
			one[i] = whose
			out = append(out, one)
		}
	}
	return out
}

// refusals mean that a caller was not let to a thing.
var refusals = []fault.Code{fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.DeviceRevoked, fault.Internal}

func TestTheMatrixOfRights(t *testing.T) {
	t.Parallel()
	w := openMatrix(t)
	callers := w.callers(t)
	for name, method := range procedures() {
		t.Run(strings.ReplaceAll(name, "/", "."), func(t *testing.T) {
			t.Parallel()
			for _, c := range callers {
				for i, r := range matrixRows[name] {
					w.walk(t, name, i, r, method, c)
				}
			}
		})
	}
}

func (w *matrixWorld) walk(t *testing.T, name string, n int, r row, method protoreflect.MethodDescriptor, c *caller) {
	t.Helper()
	may := mayCall[name]
	allowed := c.token == "" && strings.Contains(may, "-") ||
		slices.ContainsFunc(c.grants, func(g held) bool { return strings.IndexByte(may, g.role) >= 0 })
	roles := r.by
	if roles == "" {
		roles = may
	}
	reads := method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel() ==
		descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	for _, whose := range whoses(r) {
		want, things := fault.Code(""), make([]thing, len(r.ids))
		for i, f := range r.ids {
			things[i] = w.thingOf(f.is, whose[i])
			theirs := f.is == boardID && c.over("T", things[i].places...) && whose[i] != wrongKind
			by := roles
			if i > 0 && r.then != "" {
				by = r.then
				if want == "" && !c.over(by, things[0].places...) {
					want = fault.Forbidden
				}
			}
			if want == "" {
				want = c.judged(r, by, f.is, things[i], theirs && things[i].there)
			}
		}
		if c.company != w.org.ID {
			want = w.ofTheOther(r, c, whose, things, roles)
		}
		switch {
		case !allowed && c.token == "":
			want = fault.Unauthenticated
		case !allowed:
			want = fault.Forbidden
		case r.whole && c.token != "" && !c.over(roles, spot{}):
			want = fault.Forbidden
		}
		if want == "" && slices.Contains(whose, theBoss) && !reads {
			continue // the company's administrator may; the boss stays as he is
		}
		if want == "" && allowed && !reads {
			w.freshen(t, c, r, whose, things)
		}
		body := strings.ReplaceAll(r.body, "NEW", "n"+strings.ReplaceAll(uuid.NewString(), "-", "")[:20])
		m := w.message(t, method, body)
		for i, f := range r.ids {
			say(m.ProtoReflect(), f.path, things[i].id)
		}
		code, answer := callRaw(t, w.URL(), name, c.token, m)
		what := fmt.Sprintf("%s[%d] as %s with ids %q", name, n, c.name, whose)
		open := c.token == "" || strings.Contains(may, "-") // a stranger's call is judged by its code
		switch {
		case want != "" && code != want:
			t.Errorf("%s: got %q, want %q: %.200s", what, code, want, answer)
		case code == fault.Internal:
			t.Errorf("%s: broke: %.200s", what, answer)
		case want == "" && !open && slices.Contains(refusals, code) && !loose(r, code):
			t.Errorf("%s: refused with %q: %.200s", what, code, answer)
		}
		for part, p := range w.parts {
			if p.in.org.ID == c.company && code == "" && w.mayRead(c, may, p) {
				continue
			}
			for _, mark := range p.marks {
				if bytes.Contains(answer, []byte(mark)) && !strings.Contains(body, mark) {
					t.Errorf("%s: the answer shows %s of %s: %.300s", what, mark, part, answer)
				}
			}
		}
		if !allowed {
			return // refused before a byte of it is read
		}
	}
}

// mayRead tells whether what stands in a part may be shown to a caller.
func (w *matrixWorld) mayRead(c *caller, may string, p *part) bool {
	if c.company != w.org.ID {
		return c.over(may, spot{})
	}
	return c.over(may, spot{p.region.ID, p.region.ID}, spot{p.shop.ID, p.region.ID}, spot{p.team.ID, p.region.ID})
}

// loose tells whether a row's ids are of the catalogue, where an id of nothing is told to everybody.
func loose(r row, code fault.Code) bool {
	return code == fault.NotFound &&
		slices.ContainsFunc(r.ids, func(f id) bool { return f.is == goods || f.is == own || f.is == unread })
}

// ofTheOther is the answer to somebody of the other company, whose own things are the "other company's".
func (w *matrixWorld) ofTheOther(r row, c *caller, whose []string, things []thing, roles string) fault.Code {
	for i, f := range r.ids {
		o := things[i]
		o.there = whose[i] == elsewhere && f.is != newTicket || f.is == newTicket && whose[i] == elsewhere
		if want := c.judged(r, roles, f.is, o, false); want != "" {
			return want
		}
	}
	return ""
}

// freshen gives a call that will succeed things of its own, so that it takes nothing from the calls beside it.
func (w *matrixWorld) freshen(t *testing.T, c *caller, r row, whose []string, things []thing) {
	t.Helper()
	for i, f := range r.ids {
		p := w.parts[whose[i]]
		if p == nil {
			continue
		}
		switch f.is {
		case ticketID, ticketOfShop:
			things[i].id = p.newTicket(t)
		case finishedID:
			things[i].id = p.newFinished(t)
		case newTicket:
			if whose[i] == elsewhere {
				things[i].id = p.newTicket(t)
			}
		case codeID:
			_, things[i].id = p.newCode(t)
		case putTeam:
			things[i].id = p.newTeam(t).ID
		case putUser:
			things[i].id = p.newTech(t).ID
		case managedPhone:
			u := p.tech
			if u.ID != c.user {
				u = p.newTech(t)
			}
			things[i].id = uuid.UUID(p.in.phone(t, u).GetDeviceId())
		}
	}
}

func (w *matrixWorld) message(t *testing.T, method protoreflect.MethodDescriptor, body string) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	must(t, err)
	m := kind.New().Interface()
	if body != "" {
		must(t, protojson.Unmarshal([]byte(body), m))
	}
	return m
}
