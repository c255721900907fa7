package app_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Who may call, as letters: Technician and Clerk on their phones; Dispatcher, Supervisor, Finance, deaLer and Admin
// at the console; - is a stranger; r is the revoked device of a technician. This table repeats app.Access on
// purpose: whoever widens a right says so twice.
var mayCall = map[string]string{
	"account.v1.AuthService/EnrolDevice":  "TCDSFLA-r",
	"account.v1.AuthService/RefreshToken": "TCDSFLA-r",
	"account.v1.AuthService/LogIn":        "TCDSFLA-r",

	"account.v1.AccountService/GetMe":               "TCDSFLA",
	"account.v1.AccountService/ListDevices":         "TCDSFLA",
	"account.v1.AccountService/RevokeDevice":        "TCDSFLA",
	"account.v1.AccountService/CreateEnrolmentCode": "DSA",
	"account.v1.AccountService/ListUsers":           "DSA",
	"account.v1.AccountService/PutUser":             "A",
	"account.v1.AccountService/ListPlaces":          "TCDSFLA",
	"account.v1.AccountService/PutPlace":            "A",

	"sync.v1.SyncService/Pull":            "TC",
	"sync.v1.SyncService/Push":            "TCr",
	"sync.v1.SyncService/Watch":           "TC",
	"sync.v1.ParkedService/ListParked":    "DSA",
	"sync.v1.ParkedService/EditParked":    "DSA",
	"sync.v1.ParkedService/ReplayParked":  "DSA",
	"sync.v1.ParkedService/DismissParked": "DSA",
	"field.v1.ProofService/StartUpload":   "TCDSFLAr",
	"field.v1.ProofService/FinishUpload":  "TCDSFLAr",
	"field.v1.ProofService/ViewProof":     "TCDSFLA",
	"store.v1.CodeService/IssueCode":      "CDSA",
	"store.v1.CodeService/RevokeCode":     "DSA",
	"store.v1.CodeService/ResolveCode":    "TCDSFLA",
	"store.v1.CodeService/RenderCodes":    "CDSA",
	"office.v1.OrderService/CreateOrder":  "CDSA",
	"office.v1.OrderService/ListOrders":   "CDSA",
	"office.v1.OrderService/FindCustomer": "CDSA",

	"office.v1.OrderService/ListCustomerProposals":   "TCDSA",
	"office.v1.OrderService/AcceptCustomerProposal":  "TDSA",
	"office.v1.OrderService/DismissCustomerProposal": "TDSA",

	"pay.v1.EarningService/GetEarnings":      "TSFLA",
	"pay.v1.EarningService/AdjustEarning":    "FA",
	"pay.v1.PlanService/PublishPlan":         "FA",
	"pay.v1.PlanService/ListPlans":           "FA",
	"pay.v1.RankService/GetBoard":            "TSFLA",
	"track.v1.TrackService/GetProgress":      "TCDSFLA-r",
	"track.v1.TrackService/Cancel":           "TCDSFLA-r",
	"track.v1.TrackService/Reschedule":       "TCDSFLA-r",
	"track.v1.TrackService/Rate":             "TCDSFLA-r",
	"track.v1.TrackService/Book":             "TCDSFLA-r",
	"pay.v1.EarningService/ListEarningLines": "TSFLA",

	"office.v1.ExplainService/Why":       "DSA",
	"office.v1.ExplainService/GetDevice": "DSA",

	"office.v1.CatalogueService/ListCatalogue":   "TCDSFLA",
	"office.v1.CatalogueService/PutProduct":      "A",
	"office.v1.CatalogueService/PutProductClass": "A",
	"office.v1.CatalogueService/PutPriceItem":    "A",
	"office.v1.CatalogueService/PutReason":       "A",
	"office.v1.CatalogueService/PutTemplate":     "A",

	"office.v1.TicketService/ListTickets":       "DSFLA",
	"office.v1.TicketService/GetTicket":         "DSFLA",
	"office.v1.TicketService/OpenTicket":        "DSA",
	"office.v1.TicketService/ProposeAssignment": "DSA",
	"office.v1.TicketService/AssignTicket":      "DSA",
	"office.v1.TicketService/AutoAssign":        "DSA",
	"office.v1.TicketService/PoolTicket":        "DSA",
	"office.v1.TicketService/RescheduleTicket":  "DSA",
	"office.v1.TicketService/CancelTicket":      "DSA",
	"office.v1.TicketService/SetTicketContact":  "CDSA",
	"office.v1.TicketService/MarkNoShow":        "DSA",
	"office.v1.TicketService/HoldTicket":        "DSA",
	"office.v1.TicketService/ResumeTicket":      "DSA",
	"office.v1.TicketService/ApproveTicket":     "SA",
	"office.v1.TicketService/ReworkTicket":      "SA",
}

// procedures lists every procedure that the wire knows.
func procedures() map[string]protoreflect.MethodDescriptor {
	out := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				if name, ok := strings.CutPrefix(string(s.FullName())+"/"+string(s.Methods().Get(j).Name()), "doorstep."); ok {
					out[name] = s.Methods().Get(j)
				}
			}
		}
		return true
	})
	return out
}

func TestEveryProcedureHasARule(t *testing.T) {
	t.Parallel()
	all, access := procedures(), app.Access()
	if len(all) < 50 {
		t.Fatalf("only %d procedures found", len(all))
	}
	for name := range all {
		if _, ok := access["/doorstep."+name]; !ok {
			t.Errorf("%s has no rule in app.Access", name)
		}
		if _, ok := mayCall[name]; !ok {
			t.Errorf("%s is not in this test's table", name)
		}
	}
	for name := range access {
		if _, ok := all[strings.TrimPrefix(name, "/doorstep.")]; !ok {
			t.Errorf("%s has a rule and does not exist", name)
		}
	}
}

// callRaw calls a procedure with JSON and returns the code of the problem, "" when there is none, and the answer.
func callRaw(t *testing.T, url, name, token string, message proto.Message) (fault.Code, []byte) {
	t.Helper()
	body := []byte("{}")
	if message != nil {
		var err error
		if body, err = protojson.Marshal(message); err != nil {
			t.Fatal(err)
		}
	}
	kind := "application/json"
	if strings.HasSuffix(name, "/Watch") {
		kind = "application/connect+json"
		body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/doorstep."+name, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind != "application/json" {
		head := make([]byte, 5)
		if _, err := io.ReadFull(res.Body, head); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(res.Body, answer); err != nil {
			t.Fatal(err)
		}
		return problemIn(t, answer), answer // what follows is cut by closing
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		return "", answer
	}
	return problemIn(t, answer), answer
}

// problemIn finds the problem in an error's JSON: at the top for a call, below "error" for a stream.
func problemIn(t *testing.T, answer []byte) fault.Code {
	t.Helper()
	type wireError struct {
		Code    string `json:"code"`
		Details []struct {
			Type, Value string
		} `json:"details"`
	}
	var e struct {
		wireError
		Error *wireError `json:"error"`
	}
	if err := json.Unmarshal(answer, &e); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	if e.Error != nil {
		e.wireError = *e.Error
	}
	if len(e.Details) > 0 {
		raw, err := base64.RawStdEncoding.DecodeString(e.Details[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		var p typesv1.Problem
		if err := proto.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		return fault.Code(p.GetCode())
	}
	if e.Code != "" {
		t.Fatalf("an error without a problem: %s", answer)
	}
	return ""
}

var generous = func(c *app.Config) {
	c.Limits = rpc.Limits{PerAddress: rpc.Rate{PerSecond: -1}, PerCaller: rpc.Rate{PerSecond: -1}}
}

// cast is one caller of each role, in one region; wide gives those who can the whole org.
func (c *company) cast(t *testing.T, region account.Place, wide bool) map[byte]string {
	t.Helper()
	r := c.Rooms.Account
	tokens := map[byte]string{'-': ""}
	var shop account.Place
	c.within(t, func(tx *postgres.Tx) (err error) {
		shop, err = r.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeStore, NameZH: "店" + region.NameZH, Region: region.ID})
		return err
	})
	for letter, g := range map[byte]identity.Grant{
		'T': {Role: identity.Technician, Scope: identity.ScopeSelf},
		'r': {Role: identity.Technician, Scope: identity.ScopeSelf},
		'C': {Role: identity.Clerk, Scope: identity.ScopeStore, ID: shop.ID},
		'D': {Role: identity.Dispatcher, Scope: identity.ScopeRegion, ID: region.ID},
		'S': {Role: identity.Supervisor, Scope: identity.ScopeRegion, ID: region.ID},
		'F': {Role: identity.Finance, Scope: identity.ScopeRegion, ID: region.ID},
		'L': {Role: identity.Dealer, Scope: identity.ScopeRegion, ID: region.ID},
		'A': {Role: identity.Admin, Scope: identity.ScopeRegion, ID: region.ID},
	} {
		if wide && strings.ContainsRune("DSFA", rune(letter)) {
			g.Scope, g.ID = identity.ScopeOrg, uuid.Nil
		}
		u := account.User{
			Login: string(letter) + region.ID.String(), NameZH: "甲" + string(letter),
			Grants: []identity.Grant{g},
		}
		if g.Role == identity.Technician {
			u.Technician = &account.Technician{Region: region.ID, DailyCapacity: 5}
		}
		c.within(t, func(tx *postgres.Tx) (err error) {
			u, err = r.PutUser(t.Context(), tx, u, password)
			return err
		})
		if strings.ContainsRune("TCr", rune(letter)) {
			p := c.phone(t, u)
			tokens[letter] = p.GetTokens().GetAccess()
			if letter == 'r' {
				if err := r.RevokeDevice(t.Context(), c.org.ID, uuid.UUID(p.GetDeviceId()), nil); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		tokens[letter] = c.console(t, u.Login)
	}
	return tokens
}

func TestEveryProcedureForEveryRole(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	tokens := c.cast(t, c.north, true)
	for name := range procedures() {
		for letter, token := range tokens {
			code, answer := callRaw(t, c.URL(), name, token, nil)
			allowed := strings.IndexByte(mayCall[name], letter) >= 0
			refused := map[byte]fault.Code{'-': fault.Unauthenticated, 'r': fault.DeviceRevoked}[letter]
			if refused == "" {
				refused = fault.Forbidden
			}
			if !allowed && code != refused {
				t.Errorf("%s as %c: got %q, want %q: %.200s", name, letter, code, refused, answer)
			}
			// Allowed means that the request itself is looked at; an empty one may be invalid, and a room may not be
			// there. Nothing may break.
			if allowed &&
				slices.Contains([]fault.Code{fault.Unauthenticated, fault.Forbidden, fault.DeviceRevoked, fault.Internal}, code) {
				t.Errorf("%s as %c: refused with %q: %.200s", name, letter, code, answer)
			}
		}
	}
}

func TestNobodyReachesOverForeignRegionsAndCompanies(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	device := c.phone(t, c.tech).GetDeviceId()
	foreigners := map[string]map[byte]string{"the other region": c.cast(t, c.south, false)}
	other := c
	other.fill(t, "other")
	foreigners["another company"] = other.cast(t, other.south, true)
	foreigners["another company"]['a'] = other.console(t, "boss")

	tech, team := c.tech, c.team
	for name, message := range map[string]proto.Message{
		"account.v1.AccountService/ListDevices":         &accountv1.ListDevicesRequest{UserId: tech.ID[:]},
		"account.v1.AccountService/RevokeDevice":        &accountv1.RevokeDeviceRequest{DeviceId: device},
		"account.v1.AccountService/CreateEnrolmentCode": &accountv1.CreateEnrolmentCodeRequest{UserId: tech.ID[:]},
		"account.v1.AccountService/PutPlace": &accountv1.PutPlaceRequest{Place: &accountv1.Place{
			Id: team.ID[:], Kind: "team", Name: &typesv1.Label{Zh: "夺"}, RegionId: c.north.ID[:],
		}},
		"account.v1.AccountService/PutUser": &accountv1.PutUserRequest{User: &accountv1.User{
			Id: tech.ID[:], Login: "stolen", Name: &typesv1.Label{Zh: "夺"},
			Grants:     []*accountv1.Grant{{Role: "technician", Scope: "self"}},
			Technician: &accountv1.Technician{RegionId: c.north.ID[:], DailyCapacity: 1},
		}},
	} {
		for where, tokens := range foreigners {
			for letter, token := range tokens {
				code, answer := callRaw(t, c.URL(), name, token, message)
				if !slices.Contains([]fault.Code{
					fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.DeviceRevoked,
					fault.InvalidArgument,
				}, code) {
					t.Errorf("%s as %c of %s: got %q %.200s", name, letter, where, code, answer)
				}
			}
		}
	}
	for where, tokens := range foreigners {
		for letter, token := range tokens {
			for _, name := range []string{
				"account.v1.AccountService/ListUsers", "account.v1.AccountService/ListPlaces",
				"account.v1.AccountService/ListDevices",
			} {
				_, answer := callRaw(t, c.URL(), name, token, nil)
				for what, id := range map[string]uuid.UUID{
					"technician": tech.ID, "team": team.ID, "shop": c.shop.ID,
					"region": c.north.ID,
				} {
					if bytes.Contains(answer, []byte(base64.StdEncoding.EncodeToString(id[:]))) {
						t.Errorf("%s as %c of %s shows the %s", name, letter, where, what)
					}
				}
			}
		}
	}
}

func TestParkedWorkIsDecidedByWhoReachesOverItsAuthor(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	token := c.phone(t, c.tech).GetTokens().GetAccess()
	push := mutation(1, "of.another.time")
	if _, err := c.sync().Push(t.Context(), with(push, token)); err != nil {
		t.Fatal(err)
	}
	id := push.GetMutations()[0].GetId()
	shown := []byte(base64.StdEncoding.EncodeToString(id))
	for letter, foreign := range c.cast(t, c.south, false) {
		if !strings.ContainsRune("DSA", rune(letter)) {
			continue
		}
		if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/ListParked", foreign, nil); code != "" ||
			bytes.Contains(answer, shown) {
			t.Errorf("%c of the other region: %q %.200s", letter, code, answer)
		}
		if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/EditParked",
			foreign, &syncv1.EditParkedRequest{Id: id, Payload: "{}"}); code != fault.NotFound {
			t.Errorf("%c of the other region edits: %q %.200s", letter, code, answer)
		}
		if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/ReplayParked",
			foreign, &syncv1.ReplayParkedRequest{Id: id}); code != fault.NotFound {
			t.Errorf("%c of the other region replays: %q %.200s", letter, code, answer)
		}
		if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/DismissParked",
			foreign, &syncv1.DismissParkedRequest{Id: id, Reason: "x"}); code != fault.NotFound {
			t.Errorf("%c of the other region dismisses: %q %.200s", letter, code, answer)
		}
	}
	for _, login := range []string{"dispatch", "boss"} {
		if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/ListParked", c.console(t, login), nil); code != "" ||
			!bytes.Contains(answer, shown) {
			t.Errorf("%s: %q %.200s", login, code, answer)
		}
	}
	if code, answer := callRaw(t, c.URL(), "sync.v1.ParkedService/DismissParked",
		c.console(t, "dispatch"), &syncv1.DismissParkedRequest{Id: id, Reason: "x"}); code != "" {
		t.Errorf("the region's dispatcher may not dismiss: %q %.200s", code, answer)
	}
}

func TestARegionsAdministratorCannotRiseAboveIt(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	tokens := c.cast(t, c.north, false)
	put := func(u *accountv1.User) error {
		_, err := accountv1connect.NewAccountServiceClient(http.DefaultClient, c.URL()).
			PutUser(t.Context(), with(&accountv1.PutUserRequest{User: u}, tokens['A']))
		return err
	}
	name := &typesv1.Label{Zh: "新人"}
	want(t, "a clerk within the region",
		put(&accountv1.User{
			Login: "n1", Name: name,
			Grants: []*accountv1.Grant{{Role: "clerk", Scope: "store", ScopeId: c.shop.ID[:]}},
		}), "")
	want(t, "an administrator of the org",
		put(&accountv1.User{Login: "n2", Name: name, Grants: []*accountv1.Grant{{Role: "admin", Scope: "org"}}}),
		fault.Forbidden)
	want(t, "a dispatcher of the other region",
		put(&accountv1.User{
			Login: "n3", Name: name,
			Grants: []*accountv1.Grant{{Role: "dispatcher", Scope: "region", ScopeId: c.south.ID[:]}},
		}), fault.NotFound)
	want(t, "somebody without rights", put(&accountv1.User{Login: "n4", Name: name}), fault.Forbidden)
	want(t, "the boss's account",
		put(&accountv1.User{
			Id: c.admin.ID[:], Login: "n5", Name: name,
			Grants: []*accountv1.Grant{{Role: "clerk", Scope: "store", ScopeId: c.shop.ID[:]}},
		}), fault.NotFound)
	want(t, "a role that does not exist",
		put(&accountv1.User{Login: "n6", Name: name, Grants: []*accountv1.Grant{{Role: "root", Scope: "org"}}}),
		fault.Forbidden)
}
