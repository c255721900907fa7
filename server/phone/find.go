package phone

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	kindTicket = fieldv1.EntityKind_ENTITY_KIND_TICKET
	kindVisit  = fieldv1.EntityKind_ENTITY_KIND_VISIT
	kindProof  = fieldv1.EntityKind_ENTITY_KIND_PROOF
	kindPool   = fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET
)

// job is a ticket with its newest visit.
type job struct {
	ticket *fieldv1.Ticket
	visit  *fieldv1.Visit
	// product is nil when the catalogue does not have it.
	product *fieldv1.Product
	// pending: something on it is not in the office's state yet.
	pending bool
}

// when is the span by which jobs are sorted.
func (j job) when() *typesv1.Window {
	for _, w := range []*typesv1.Window{j.visit.GetScheduled(), j.ticket.GetArrival(), j.ticket.GetWanted()} {
		if w.GetEarliest() != nil || w.GetLatest() != nil {
			return w
		}
	}
	return nil
}

func (j job) start() time.Time {
	w := j.when()
	switch {
	case w.GetEarliest() != nil:
		return w.GetEarliest().AsTime()
	case w.GetLatest() != nil:
		return w.GetLatest().AsTime()
	}
	return time.Time{}
}

func (j job) finished() bool {
	switch j.visit.GetState() {
	case fieldv1.VisitState_VISIT_STATE_DECLINED, fieldv1.VisitState_VISIT_STATE_COMPLETED,
		fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED,
		fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE, fieldv1.VisitState_VISIT_STATE_NO_SHOW,
		fieldv1.VisitState_VISIT_STATE_CANCELED:
		return true
	}
	return false
}

// jobs are all tickets of the phone with their newest visit, by time.
func jobs(v *offline.View) []job {
	newest := map[string]*fieldv1.Visit{}
	for _, one := range field.Visits.All(v) {
		if old := newest[string(one.GetTicketId())]; old.GetOrdinal() <= one.GetOrdinal() {
			newest[string(one.GetTicketId())] = one
		}
	}
	var out []job
	for _, t := range field.Tickets.All(v) {
		j := job{ticket: t, visit: newest[string(t.GetId())]}
		j.product = field.Products.Get(v, t.GetProductId())
		j.pending = field.Tickets.Pending(v, t.GetId()) || field.Visits.Pending(v, j.visit.GetId())
		out = append(out, j)
	}
	slices.SortStableFunc(out, func(a, b job) int {
		if c := a.start().Compare(b.start()); c != 0 {
			return c
		}
		return strings.Compare(a.ticket.GetNumber(), b.ticket.GetNumber())
	})
	return out
}

// The phone remembers, beside the store, what it listed last and which job is the current one: numbers that a
// person types mean what stood on the screen.
const (
	fileListed  = "listed.json"
	filePool    = "pool.json"
	fileCurrent = "current.json"
)

func (p *Phone) remember(name string, ids ...[]byte) error {
	b, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, name), b, 0o600); err != nil {
		return fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
	}
	return nil
}

func (p *Phone) recall(name string) (ids [][]byte) {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil || json.Unmarshal(b, &ids) != nil {
		return nil // nothing was listed yet
	}
	return ids
}

// listed is a list with the numbers under which its things were shown: a thing keeps its number for the day, whatever
// else comes, goes or is sorted anew. The number of one that has gone is nobody's.
type listed struct {
	Day string   `json:"day"`
	IDs [][]byte `json:"ids"`
}

func (p *Phone) listed(name string) (l listed) {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil || json.Unmarshal(b, &l) != nil {
		return listed{} // nothing was listed yet
	}
	return l
}

// number gives each id of a list that is shown now its number, counted from 1, and remembers them.
func (p *Phone) number(name string, ids [][]byte) ([]int, error) {
	l := p.listed(name)
	if day := p.Now().In(p.zone).Format(time.DateOnly); l.Day != day {
		l = listed{Day: day}
	}
	var numbers []int
	for _, id := range ids {
		n := slices.IndexFunc(l.IDs, func(one []byte) bool { return bytes.Equal(one, id) })
		if n < 0 {
			n = len(l.IDs)
			l.IDs = append(l.IDs, id)
		}
		numbers = append(numbers, n+1)
	}
	b, err := json.Marshal(l)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, name), b, 0o600)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.StoreUnusable, "%s", p.dir)
	}
	return numbers, nil
}

// named finds an id by what a person typed: a place in the list, or the end of the number.
func named(typed string, list [][]byte, numbers map[string][]byte) ([]byte, error) {
	if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(list) && len(typed) <= 3 {
		return list[n-1], nil
	}
	var found []byte
	for number, id := range numbers {
		if strings.EqualFold(number, typed) {
			return id, nil
		}
		if len(typed) >= 3 && strings.HasSuffix(strings.ToUpper(number), strings.ToUpper(typed)) {
			if found != nil {
				return nil, fault.New(fault.InvalidArgument, "%s: several", typed)
			}
			found = id
		}
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, "%s", typed)
	}
	return found, nil
}

// find returns the job that a person means; "" is the current one, or the only one in work.
func (p *Phone) find(v *offline.View, typed string) (job, error) {
	all := jobs(v)
	var id []byte
	if typed == "" {
		if ids := p.recall(fileCurrent); len(ids) == 1 {
			id = ids[0]
		}
	} else {
		numbers := map[string][]byte{}
		for _, j := range all {
			numbers[j.ticket.GetNumber()] = j.ticket.GetId()
		}
		list := p.listed(fileListed).IDs
		if list == nil {
			for _, j := range all {
				list = append(list, j.ticket.GetId())
			}
		}
		var err error
		if id, err = named(typed, list, numbers); err != nil {
			return job{}, err
		}
	}
	var open []job
	for _, j := range all {
		if bytes.Equal(j.ticket.GetId(), id) {
			return j, nil
		}
		if !j.finished() {
			open = append(open, j)
		}
	}
	if typed == "" && len(open) == 1 {
		return open[0], nil
	}
	return job{}, fault.New(fault.NotFound, "%s", p.pick("请先用 ticket N 选择工单", "choose a job first: ticket N"))
}

// isFor tells whether a part or surcharge is for a class of products. One without classes is for every class; so is
// each for a ticket of which no class is known.
func isFor(i *fieldv1.PriceItem, class []byte) bool {
	return len(i.GetClassIds()) == 0 || len(class) == 0 ||
		slices.ContainsFunc(i.GetClassIds(), func(id []byte) bool { return bytes.Equal(id, class) })
}

// priceItem finds a part or surcharge for the job's class by SKU or name.
func (p *Phone) priceItem(
	v *offline.View, j job, kind fieldv1.PriceItemKind, typed string,
) (*fieldv1.PriceItem, error) {
	var found []*fieldv1.PriceItem
	var offered []string
	for _, i := range field.PriceItems.All(v) {
		if i.GetKind() != kind || !isFor(i, j.ticket.GetClassId()) {
			continue
		}
		offered = append(offered, i.GetSku()+" "+p.label(i.GetName()))
		if strings.EqualFold(i.GetSku(), typed) {
			return i, nil
		}
		if contains(i.GetName().GetZh(), typed) || contains(i.GetName().GetEn(), typed) {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		return nil, fault.New(fault.NotFound, "%s; %s", typed, strings.Join(offered, ", "))
	}
	return found[0], nil
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// reason finds a reason's key by key or words.
func (p *Phone) reason(v *offline.View, use, typed string) (string, error) {
	var offered []string
	for _, r := range field.Reasons.All(v) {
		if r.GetUse() != use {
			continue
		}
		if r.GetKey() == typed || contains(r.GetName().GetZh(), typed) || contains(r.GetName().GetEn(), typed) {
			return r.GetKey(), nil
		}
		offered = append(offered, r.GetKey()+" "+p.label(r.GetName()))
	}
	return "", fault.New(fault.InvalidArgument, "%s; %s", typed, strings.Join(offered, ", "))
}

// step finds a step of the job's checklist by its place or key.
func (p *Phone) step(v *offline.View, j job, typed string) (*fieldv1.Step, error) {
	t := field.Templates.Get(v, j.ticket.GetTemplateId())
	n, err := strconv.Atoi(typed)
	var keys []string
	for i, s := range t.GetSteps() {
		if s.GetKey() == typed || err == nil && n == i+1 {
			return s, nil
		}
		keys = append(keys, s.GetKey())
	}
	return nil, fault.New(fault.NotFound, "%s; %s", typed, strings.Join(keys, ", "))
}

// learnZone takes the company's time zone from the profile.
func (p *Phone) learnZone() error {
	if z, err := time.LoadLocation(p.me().GetTimeZone()); err == nil && p.me().GetTimeZone() != "" {
		p.zone = z // a clerk's phone holds no profile
	}
	return p.store.Read(p.ctx, func(v *offline.View) error {
		for _, one := range field.Profiles.All(v) {
			if z, err := time.LoadLocation(one.GetTimeZone()); err == nil && one.GetTimeZone() != "" {
				p.zone = z
			}
		}
		return nil
	})
}

// named is the name of a product or price item in the person's language: tickets carry it as it was written, which is
// Chinese. What the phone's catalogue does not have stays as it is.
func (p *Phone) named(v *offline.View, written string) string {
	if p.lang == "zh" {
		return written
	}
	for _, one := range field.Products.All(v) {
		if one.GetName().GetZh() == written && written != "" {
			return p.label(one.GetName())
		}
	}
	for _, one := range field.PriceItems.All(v) {
		if one.GetName().GetZh() == written && written != "" {
			return p.label(one.GetName())
		}
	}
	return written
}

// translate is named, for who has no view open.
func (p *Phone) translate(written string) string {
	name := written
	if err := p.store.Read(p.ctx, func(v *offline.View) error { name = p.named(v, written); return nil }); err != nil {
		return written
	}
	return name
}

func newID() ([]byte, error) {
	id, err := uuid.NewV7()
	return id[:], err
}
