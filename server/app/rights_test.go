package app_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// twoRegions is a company with people and places in north and south.
type twoRegions struct {
	company
	southTeam, southShop account.Place
	southTech            account.User
	product              []byte
}

func openTwo(t *testing.T) twoRegions {
	t.Helper()
	w := twoRegions{company: open(t, generous)}
	r := w.Rooms.Account
	w.within(t, func(tx *postgres.Tx) (err error) {
		if w.southTeam, err = r.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeTeam, NameZH: "南山一组", Region: w.south.ID}); err != nil {
			return err
		}
		if w.southShop, err = r.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeStore, NameZH: "南山店", Region: w.south.ID}); err != nil {
			return err
		}
		w.southTech, err = r.PutUser(t.Context(), tx, account.User{
			Login: "southtech", NameZH: "陈师傅", Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
			Technician: &account.Technician{Region: w.south.ID, Teams: []uuid.UUID{w.southTeam.ID}, DailyCapacity: 5},
		}, "")
		if err != nil {
			return err
		}
		class, err := w.Rooms.Catalogue.PutClass(t.Context(), tx,
			&fieldv1.ProductClass{Key: "water_heater", Name: &typesv1.Label{Zh: "热水器"}})
		if err != nil {
			return err
		}
		p, err := w.Rooms.Catalogue.PutProduct(t.Context(), tx,
			&fieldv1.Product{Sku: "JR-60", Name: &typesv1.Label{Zh: "热水器"}, ClassId: class.GetId()})
		w.product = p.GetId()
		return err
	})
	return w
}

// holding makes a person of the office with these grants and signs them in.
func (w *twoRegions) holding(t *testing.T, login string, grants ...identity.Grant) (account.User, string) {
	t.Helper()
	u := account.User{Login: login, NameZH: login, Grants: grants}
	w.within(t, func(tx *postgres.Tx) (err error) {
		u, err = w.Rooms.Account.PutUser(t.Context(), tx, u, password)
		return err
	})
	return u, w.console(t, login)
}

func (w *twoRegions) call(t *testing.T, what, name, token string, m proto.Message, want fault.Code) []byte {
	t.Helper()
	code, answer := callRaw(t, w.URL(), name, token, m)
	if code != want {
		t.Errorf("%s: got %q, want %q: %.300s", what, code, want, answer)
	}
	return answer
}

// opened opens a ticket for a customer of a region.
func (w *twoRegions) opened(t *testing.T, region uuid.UUID, change ...func(*ticket.OpenRequest)) uuid.UUID {
	t.Helper()
	q := ticket.OpenRequest{
		Source: "test", SourceKey: uuid.NewString(), Actor: ticket.BySystem("test"), ProductName: "热水器", RegionID: region,
		Customer: ticket.Customer{Name: "王女士", Phone: "13812340001", Address: "文三路1号501"},
	}
	for _, f := range change {
		f(&q)
	}
	var o ticket.Opened
	w.within(t, func(tx *postgres.Tx) (err error) {
		o, err = w.Rooms.Ticket.Open(t.Context(), tx, q)
		return err
	})
	return o.TicketID
}

func over(role identity.Role, kind identity.ScopeKind, id uuid.UUID) identity.Grant {
	return identity.Grant{Role: role, Scope: kind, ID: id}
}

const accounts, tickets, orders = "account.v1.AccountService/", "office.v1.TicketService/", "office.v1.OrderService/"

// H2: the widest scope of one role says nothing about another role.
func TestARoleOfOneScopeAndTheScopeOfAnotherRoleMakeNoRight(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, mixed := w.holding(t, "mixed", over(identity.Admin, identity.ScopeRegion, w.north.ID),
		over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	code := func(u account.User) *accountv1.CreateEnrolmentCodeRequest {
		return &accountv1.CreateEnrolmentCodeRequest{UserId: u.ID[:]}
	}
	w.call(t, "a code for the admin of the org", accounts+"CreateEnrolmentCode", mixed, code(w.admin), fault.Forbidden)
	southSuper, _ := w.holding(t, "southsuper", over(identity.Supervisor, identity.ScopeRegion, w.south.ID))
	w.call(t, "a code for the south's supervisor", accounts+"CreateEnrolmentCode", mixed, code(southSuper),
		fault.Forbidden)
	w.call(t, "a code for the south's technician, as the org's dispatcher", accounts+"CreateEnrolmentCode", mixed,
		code(w.southTech), "")
	w.call(t, "a code for the north's dispatcher, as the north's admin", accounts+"CreateEnrolmentCode", mixed,
		code(w.dispatcher), "")
	w.call(t, "a right over the south", accounts+"PutUser", mixed, &accountv1.PutUserRequest{User: &accountv1.User{
		Login: "new", Name: &typesv1.Label{Zh: "新"},
		Grants: []*accountv1.Grant{{Role: "clerk", Scope: "store", ScopeId: w.southShop.ID[:]}},
	}}, fault.Forbidden)

	// Approving is the supervisor's, where the supervisor is one.
	job := w.opened(t, w.south.ID)
	_, super := w.holding(t, "northsuper", over(identity.Supervisor, identity.ScopeRegion, w.north.ID),
		over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	w.call(t, "approving in the south", tickets+"ApproveTicket", super, &officev1.ApproveTicketRequest{Id: job[:]},
		fault.NotFound)
	w.call(t, "holding in the south", tickets+"HoldTicket", super, &officev1.HoldTicketRequest{Id: job[:], Reason: "x"},
		"")

	// The phone number is for who arranges this ticket's visits.
	_, reader := w.holding(t, "reader", over(identity.Dispatcher, identity.ScopeRegion, w.north.ID),
		over(identity.Finance, identity.ScopeOrg, uuid.Nil))
	if a := w.call(t, "reading in the south", tickets+"GetTicket", reader, &officev1.GetTicketRequest{Id: job[:]},
		""); bytes.Contains(a, []byte("13812340001")) {
		t.Error("finance of the org, who dispatches elsewhere, sees the phone number")
	}
}

func TestNobodyRevokesOrLetsInWhoMayDoMore(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, dispatcher := w.holding(t, "orgdispatch", over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	boss, tech := w.phone(t, w.admin), w.phone(t, w.tech)
	w.call(t, "the admin's phone", accounts+"RevokeDevice", dispatcher,
		&accountv1.RevokeDeviceRequest{DeviceId: boss.GetDeviceId()}, fault.Forbidden)
	w.call(t, "the admin's code", accounts+"CreateEnrolmentCode", dispatcher,
		&accountv1.CreateEnrolmentCodeRequest{UserId: w.admin.ID[:]}, fault.Forbidden)
	w.call(t, "no phone", accounts+"RevokeDevice", dispatcher, &accountv1.RevokeDeviceRequest{DeviceId: tech.GetUserId()},
		fault.NotFound)
	w.call(t, "a technician's phone", accounts+"RevokeDevice", dispatcher,
		&accountv1.RevokeDeviceRequest{DeviceId: tech.GetDeviceId()}, "")
	if _, err := w.accounts().GetMe(t.Context(), with(&accountv1.GetMeRequest{}, boss.GetTokens().GetAccess())); err !=
		nil {
		t.Errorf("the admin's phone: %v", err)
	}
}

func TestNobodyGivesThemselvesARight(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	me, token := w.holding(t, "northadmin", over(identity.Admin, identity.ScopeRegion, w.north.ID))
	put := func(grants ...*accountv1.Grant) *accountv1.PutUserRequest {
		return &accountv1.PutUserRequest{User: &accountv1.User{
			Id: me.ID[:], Login: "northadmin",
			Name: &typesv1.Label{Zh: "我"}, Grants: grants,
		}}
	}
	own := &accountv1.Grant{Role: "admin", Scope: "region", ScopeId: w.north.ID[:]}
	w.call(t, "money",
		accounts+"PutUser", token, put(own, &accountv1.Grant{Role: "finance", Scope: "region", ScopeId: w.north.ID[:]}),
		fault.Forbidden)
	w.call(t, "a new name", accounts+"PutUser", token, put(own), "")
}

// H1: a technician's region and every team are scopes.
func TestATechniciansRegionAndAllTeamsLieWithinReach(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, admin := w.holding(t, "northadmin", over(identity.Admin, identity.ScopeRegion, w.north.ID))
	put := func(region uuid.UUID, teams ...uuid.UUID) *accountv1.PutUserRequest {
		tech := &accountv1.Technician{RegionId: region[:], DailyCapacity: 5}
		for _, id := range teams {
			tech.TeamIds = append(tech.TeamIds, id[:])
		}
		return &accountv1.PutUserRequest{User: &accountv1.User{
			Login: "t" + uuid.NewString(), Name: &typesv1.Label{Zh: "新"},
			Grants: []*accountv1.Grant{{Role: "technician", Scope: "self"}}, Technician: tech,
		}}
	}
	w.call(t, "all in the north", accounts+"PutUser", admin, put(w.north.ID, w.team.ID), "")
	w.call(t, "the south's region", accounts+"PutUser", admin, put(w.south.ID, w.team.ID), fault.NotFound)
	w.call(t, "a team of the south", accounts+"PutUser", admin, put(w.north.ID, w.team.ID, w.southTeam.ID), fault.NotFound)
	w.call(t, "a region's id as a team", accounts+"PutUser", admin, put(w.north.ID, w.north.ID), fault.InvalidArgument)
	w.call(t, "a team of nobody", accounts+"PutUser", admin, put(w.north.ID, uuid.New()), fault.NotFound)

	// Who works in both regions shows in both, and is let in and changed by who reaches both.
	both := account.User{
		Login: "both", NameZH: "两地", Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
		Technician: &account.Technician{Region: w.south.ID, Teams: []uuid.UUID{w.team.ID, w.southTeam.ID}, DailyCapacity: 5},
	}
	w.within(t, func(tx *postgres.Tx) (err error) {
		both, err = w.Rooms.Account.PutUser(t.Context(), tx, both, "")
		return err
	})
	if list := w.call(t, "listing", accounts+"ListUsers", admin, &accountv1.ListUsersRequest{}, ""); !bytes.Contains(list,
		[]byte("两地")) || bytes.Contains(list, []byte("陈师傅")) {
		t.Errorf("the north's admin lists %s", list)
	}
	change := put(w.north.ID, w.team.ID)
	change.User.Id = both.ID[:]
	w.call(t, "drawing them over", accounts+"PutUser", admin, change, fault.Forbidden)
	w.call(t, "letting them in", accounts+"CreateEnrolmentCode", admin,
		&accountv1.CreateEnrolmentCodeRequest{UserId: both.ID[:]}, fault.Forbidden)
	w.call(t, "letting in the south's", accounts+"CreateEnrolmentCode", admin,
		&accountv1.CreateEnrolmentCodeRequest{UserId: w.southTech.ID[:]}, fault.NotFound)
	_, wide := w.holding(t, "wide", over(identity.Admin, identity.ScopeRegion, w.north.ID),
		over(identity.Dispatcher, identity.ScopeRegion, w.south.ID))
	w.call(t, "by who reaches both", accounts+"CreateEnrolmentCode", wide,
		&accountv1.CreateEnrolmentCodeRequest{UserId: both.ID[:]}, "")
}

// M3: the far ends of relations.
func TestBothEndsOfARelationLieWithinReach(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	elsewhere := w.company
	elsewhere.fill(t, "other")
	_, dispatcher := w.holding(t, "norther", over(identity.Dispatcher, identity.ScopeRegion, w.north.ID))
	_, org := w.holding(t, "wide", over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	_, mixed := w.holding(t, "mixed", over(identity.Dispatcher, identity.ScopeRegion, w.north.ID),
		over(identity.Finance, identity.ScopeOrg, uuid.Nil))
	job := w.opened(t, w.north.ID)
	none := uuid.New()
	open := func(store, region uuid.UUID) *officev1.OpenTicketRequest {
		id := uuid.New()
		m := &officev1.OpenTicketRequest{
			Id: id[:], ProductId: w.product, CustomerName: "王", CustomerPhone: "13812340001",
			Address: "文三路1号",
		}
		if store != uuid.Nil {
			m.StoreId = store[:]
		}
		if region != uuid.Nil {
			m.RegionId = region[:]
		}
		return m
	}
	for name, c := range map[string]struct {
		call string
		m    proto.Message
		want fault.Code // for the north's dispatcher
		all  fault.Code // for the org's dispatcher
		half fault.Code // for the north's dispatcher who is the org's finance
	}{
		"a shop of the south": {"OpenTicket", open(w.southShop.ID, w.north.ID), fault.NotFound, "", fault.Forbidden},
		"a shop of another company": {
			"OpenTicket", open(elsewhere.shop.ID, w.north.ID), fault.NotFound, fault.NotFound,
			fault.NotFound,
		},
		"a region as a shop": {
			"OpenTicket", open(w.north.ID, uuid.Nil), fault.InvalidArgument, fault.InvalidArgument,
			fault.InvalidArgument,
		},
		"the south":          {"OpenTicket", open(uuid.Nil, w.south.ID), fault.NotFound, "", fault.Forbidden},
		"a region of nobody": {"OpenTicket", open(uuid.Nil, none), fault.NotFound, fault.NotFound, fault.NotFound},
		"nowhere":            {"OpenTicket", open(uuid.Nil, uuid.Nil), fault.Forbidden, "", fault.Forbidden},
		"its own shop":       {"OpenTicket", open(w.shop.ID, w.north.ID), "", "", ""},
		"a technician of the south": {
			"AssignTicket",
			&officev1.AssignTicketRequest{Id: job[:], TechnicianId: w.southTech.ID[:]}, fault.NotFound, "", fault.Forbidden,
		},
		"a clerk as technician": {
			"AssignTicket", &officev1.AssignTicketRequest{Id: job[:], TechnicianId: w.clerk.ID[:]},
			fault.NotFound, fault.NotFound, fault.NotFound,
		},
		"a team of the south": {
			"PoolTicket", &officev1.PoolTicketRequest{Id: job[:], TeamId: w.southTeam.ID[:]},
			fault.NotFound, "", fault.Forbidden,
		},
		"a team of another company": {
			"PoolTicket", &officev1.PoolTicketRequest{Id: job[:], TeamId: elsewhere.team.ID[:]},
			fault.NotFound, fault.NotFound, fault.NotFound,
		},
		"a team of nobody": {
			"PoolTicket", &officev1.PoolTicketRequest{Id: job[:], TeamId: none[:]}, fault.NotFound,
			fault.NotFound, fault.NotFound,
		},
		"a region as a team": {
			"PoolTicket", &officev1.PoolTicketRequest{Id: job[:], TeamId: w.north.ID[:]},
			fault.InvalidArgument, fault.InvalidArgument, fault.InvalidArgument,
		},
		"the south's waiting ones": {
			"AutoAssign", &officev1.AutoAssignRequest{RegionId: w.south.ID[:]}, fault.NotFound, "",
			fault.Forbidden,
		},
		"a team's id as a region": {
			"AutoAssign", &officev1.AutoAssignRequest{RegionId: w.team.ID[:]},
			fault.InvalidArgument, fault.InvalidArgument, fault.InvalidArgument,
		},
		"its own team": {
			"PoolTicket", &officev1.PoolTicketRequest{Id: job[:], TeamId: w.team.ID[:]}, "", "",
			"",
		},
		"its own technician at last": {
			"AssignTicket", &officev1.AssignTicketRequest{Id: job[:], TechnicianId: w.tech.ID[:]},
			"", "", "",
		},
	} {
		w.call(t, name, tickets+c.call, dispatcher, c.m, c.want)
		w.call(t, name+", by halves", tickets+c.call, mixed, c.m, c.half)
		w.call(t, name+", for the org", tickets+c.call, org, c.m, c.all)
	}

	_, admin := w.holding(t, "northadmin", over(identity.Admin, identity.ScopeRegion, w.north.ID))
	place := func(id uuid.UUID, kind string, region uuid.UUID) *accountv1.PutPlaceRequest {
		p := &accountv1.Place{Kind: kind, Name: &typesv1.Label{Zh: "新"}, RegionId: region[:]}
		if id != uuid.Nil {
			p.Id = id[:]
		}
		return &accountv1.PutPlaceRequest{Place: p}
	}
	w.call(t, "a team in the south", accounts+"PutPlace", admin, place(uuid.Nil, "team", w.south.ID), fault.NotFound)
	w.call(t, "a shop in a team", accounts+"PutPlace", admin, place(uuid.Nil, "store", w.team.ID), fault.InvalidArgument)
	w.call(t, "the id of the south's team", accounts+"PutPlace", admin, place(w.southTeam.ID, "team", w.north.ID),
		fault.NotFound)
	w.call(t, "the id of the south", accounts+"PutPlace", admin, place(w.south.ID, "team", w.north.ID), fault.NotFound)
	w.call(t, "the id of an own shop as a team", accounts+"PutPlace", admin, place(w.shop.ID, "team", w.north.ID),
		fault.InvalidArgument)
	w.call(t, "an own one", accounts+"PutPlace", admin, place(w.team.ID, "team", w.north.ID), "")
}

// H4: an id that is taken shows its ticket to nobody who could not see it anyway.
func TestAnIdOfAForeignTicketShowsNothing(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, north := w.holding(t, "norther", over(identity.Supervisor, identity.ScopeRegion, w.north.ID))
	_, south := w.holding(t, "souther", over(identity.Supervisor, identity.ScopeRegion, w.south.ID))
	id := uuid.New()
	open := func(region uuid.UUID, id uuid.UUID) *officev1.OpenTicketRequest {
		return &officev1.OpenTicketRequest{
			Id: id[:], ProductId: w.product, CustomerName: "王女士", CustomerPhone: "13812340001",
			Address: "文三路1号", RegionId: region[:],
		}
	}
	w.call(t, "the south opens", tickets+"OpenTicket", south, open(w.south.ID, id), "")
	if again := w.call(t, "again", tickets+"OpenTicket", south, open(w.south.ID, id), ""); !bytes.Contains(again,
		[]byte(`"existing":true`)) {
		t.Errorf("the same call again: %s", again)
	}
	imported := w.opened(t, w.south.ID)
	for what, taken := range map[string]uuid.UUID{
		"the south's": id, "an imported one of the south's": imported,
		"an imported one of the own": w.opened(t, w.north.ID),
	} {
		if a := w.call(t, what, tickets+"OpenTicket", north, open(w.north.ID, taken), fault.NotFound); bytes.Contains(a,
			[]byte("王女士")) || bytes.Contains(a, []byte("T-")) {
			t.Errorf("%s: %s", what, a)
		}
	}

	mine := w.finished(t)
	rework := func(of, as uuid.UUID) *officev1.ReworkTicketRequest {
		return &officev1.ReworkTicketRequest{Id: of[:], ReworkId: as[:], Reason: "漏水"}
	}
	w.call(t, "rework as the south's", tickets+"ReworkTicket", north, rework(mine, id), fault.NotFound)
	fresh := uuid.New()
	w.call(t, "rework", tickets+"ReworkTicket", north, rework(mine, fresh), "")
	w.call(t, "rework again", tickets+"ReworkTicket", north, rework(mine, fresh), "")
	w.call(t, "rework of another as the same", tickets+"ReworkTicket", north, rework(w.finished(t), fresh), fault.NotFound)
}

// finished is a ticket of the north whose work is done.
func (w *twoRegions) finished(t *testing.T) uuid.UUID {
	t.Helper()
	id := w.opened(t, w.north.ID)
	if _, err := w.db.Owner.Exec(t.Context(), `UPDATE ticket SET state = 6, closed_at = now()
		WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	return id
}

// M1: the number of another shop's order tells nothing and takes nothing.
func TestAForeignOrdersNumberIsFreeToUse(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, north := w.holding(t, "northclerk", over(identity.Clerk, identity.ScopeStore, w.shop.ID))
	_, south := w.holding(t, "southclerk", over(identity.Clerk, identity.ScopeStore, w.southShop.ID))
	order := func(shop uuid.UUID, item uint32, address string) *officev1.CreateOrderRequest {
		return &officev1.CreateOrderRequest{Order: &officev1.Order{
			Source: "pos", Number: "A-17", StoreId: shop[:],
			Customer: &fieldv1.Customer{
				Name: "王女士", Phone: "13812340001", Address: address,
				Position: &typesv1.Position{Latitude: 22.5, Longitude: 113.9},
			},
			Lines: []*officev1.OrderLine{{Item: item, ProductId: w.product, Quantity: 1}},
		}}
	}
	w.call(t, "the south's order", orders+"CreateOrder", south, order(w.southShop.ID, 1, "科技园1号"), "")
	taken := order(w.shop.ID, 77, "文三路1号")
	taken.Order.Customer.Position = nil
	mine := w.call(t, "the north's of the same number", orders+"CreateOrder", north, taken, "")
	if bytes.Contains(mine, []byte("科技园")) || bytes.Contains(mine, []byte("113.9")) ||
		bytes.Contains(mine, []byte(`"existing":true`)) || !bytes.Contains(mine, []byte(`"A-17"`)) {
		t.Errorf("the north's clerk is told %s", mine)
	}
	if again := w.call(t, "again", orders+"CreateOrder", north, taken, ""); !bytes.Contains(again,
		[]byte(`"existing":true`)) {
		t.Errorf("the same call again: %s", again)
	}
	if theirs := w.call(t, "the south lists", orders+"ListOrders", south, &officev1.ListOrdersRequest{},
		""); bytes.Contains(theirs, []byte("77")) || strings.Count(string(theirs), `"A-17"`) != 1 {
		t.Errorf("the south has %s", theirs)
	}
}

func TestWhyAnswersTheSameForForeignAndForNobody(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	_, north := w.holding(t, "norther", over(identity.Dispatcher, identity.ScopeRegion, w.north.ID))
	job, mine := w.opened(t, w.south.ID), w.opened(t, w.north.ID)
	var number string
	if err := w.db.Owner.QueryRow(t.Context(), `SELECT number FROM ticket WHERE id = $1`, job).Scan(&number); err != nil {
		t.Fatal(err)
	}
	// Another person of the south of the same name: that there are two is told to nobody who sees neither.
	w.holding(t, "another", over(identity.Dispatcher, identity.ScopeRegion, w.south.ID))
	if _, err := w.db.Owner.Exec(t.Context(), `UPDATE app_user SET name_zh = '陈师傅' WHERE login = 'another'`); err != nil {
		t.Fatal(err)
	}
	why := func(who, what string) string {
		t.Helper()
		a := w.call(t, who+", "+what, "office.v1.ExplainService/Why", north, &officev1.WhyRequest{Who: who, Ticket: what},
			fault.NotFound)
		return strings.NewReplacer(who, "WHO", what, "WHAT").Replace(string(a))
	}
	nobody := strings.Split(why("nobodyhere", mine.String()), "details")[0]
	for _, who := range []string{"southtech", "陈师傅", w.southTech.ID.String(), uuid.NewString()} {
		if a := strings.Split(why(who, mine.String()), "details")[0]; a != nobody {
			t.Errorf("%s: %s, of nobody: %s", who, a, nobody)
		}
	}
	nothing := strings.Split(why("li", uuid.NewString()), "details")[0]
	for _, what := range []string{job.String(), number, strings.ToLower(number), "T-99010100001"} {
		if a := strings.Split(why("li", what), "details")[0]; a != nothing {
			t.Errorf("%s: %s, of nothing: %s", what, a, nothing)
		}
	}
}

func TestAClaimOfAForeignTicketIsAnsweredLikeThatOfNone(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	phone := w.phone(t, w.tech).GetTokens().GetAccess()
	offered, held := w.opened(t, w.south.ID), w.opened(t, w.south.ID)
	w.within(t, func(tx *postgres.Tx) error {
		if err := w.Rooms.Ticket.Offer(t.Context(), tx, offered, w.southTeam.ID, ticket.BySystem("test")); err != nil {
			return err
		}
		return w.Rooms.Ticket.Assign(t.Context(), tx,
			ticket.AssignRequest{TicketID: held, TechnicianID: w.southTech.ID, Actor: ticket.BySystem("test"), Way: "office"})
	})
	var answers []string
	for n, id := range []uuid.UUID{uuid.New(), offered, held, w.opened(t, w.south.ID)} {
		args, err := proto.Marshal(&fieldv1.ClaimPoolTicket{TicketId: id[:]})
		if err != nil {
			t.Fatal(err)
		}
		push := mutation(uint64(n+1), "pool.claim")
		push.Mutations[0].Args = args
		res, err := w.sync().Push(t.Context(), with(push, phone))
		if err != nil {
			t.Fatal(err)
		}
		v := res.Msg.GetVerdicts()[0]
		answers = append(answers, v.GetOutcome().String()+" "+v.GetCode()+" "+v.GetEnglish())
	}
	if len(slices.Compact(slices.Clone(answers))) != 1 ||
		!strings.HasPrefix(answers[0], syncv1.Outcome_OUTCOME_PARKED.String()) {
		t.Errorf("none, offered to others, held by another, waiting: %q", answers)
	}
}
