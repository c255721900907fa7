package command_test

import (
	"context"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// serving starts a server on what the flags name.
func serving(t *testing.T, where []string) *app.App {
	t.Helper()
	text, err := os.ReadFile(where[3])
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := account.ParseSecret(raw)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), app.Config{
		DatabaseURL: where[1], Secret: secret, Listen: "127.0.0.1:0", WithoutJobs: true,
		Objects: app.Objects{Endpoint: "127.0.0.1:1", Bucket: "none", AccessKey: "none", SecretKey: "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return a
}

// visitOf opens a ticket, gives it to a technician and returns its visit.
func visitOf(t *testing.T, a *app.App, org account.Org, login string) (visit uuid.UUID) {
	t.Helper()
	err := a.Rooms.Store.Transact(t.Context(), change.Org(org.ID), func(tx *postgres.Tx) error {
		u, err := a.Rooms.Account.UserByLogin(t.Context(), tx, login)
		if err != nil {
			return err
		}
		by := ticket.BySystem("test")
		o, err := a.Rooms.Ticket.Open(t.Context(), tx, ticket.OpenRequest{
			Source: "test", Actor: by, BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, ProductName: "热水器",
			RegionID: u.Technician.Region,
			Customer: ticket.Customer{Name: "王女士", Phone: "13800000001", Address: "建国路 88 号"},
		})
		if err != nil {
			return err
		}
		if err := a.Rooms.Ticket.Assign(t.Context(), tx,
			ticket.AssignRequest{TicketID: o.TicketID, TechnicianID: u.ID, Actor: by, Way: "office"}); err != nil {
			return err
		}
		got, err := a.Rooms.Ticket.Get(t.Context(), tx, o.TicketID, ticket.Reach{All: true}, true)
		if err == nil {
			visit = uuid.UUID(got.GetVisits()[0].GetId())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return visit
}

func TestParkedWorkIsListedMendedAndDecidedFromATerminal(t *testing.T) {
	t.Parallel()
	m, where := installation(t)
	run, do := m.admin(where)
	do("acme", "org", "add", "acme", "上门家居", "--password", "long words here")
	do("", "place", "add", "acme", "region", "华北")
	do("", "place", "add", "acme", "region", "华南")
	do("", "user", "add", "acme", "li", "李师傅", "--role", "technician:华北")
	do("", "user", "add", "acme", "dispatch", "调度", "--role", "dispatcher:华北")
	do("", "user", "add", "acme", "south", "调度", "--role", "dispatcher:华南")
	enrol := strings.TrimSpace(do("-", "enrol-code", "acme", "li"))

	a := serving(t, where)
	org, err := a.Rooms.Account.OrgBySlug(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	visit := visitOf(t, a, org, "li")
	device, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, a.URL()).EnrolDevice(t.Context(),
		connect.NewRequest(&accountv1.EnrolDeviceRequest{Code: enrol, DeviceName: "phone"}))
	if err != nil {
		t.Fatal(err)
	}
	if list := do("phone", "device", "list",
		"acme"); !regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+08:00  |  -  `).MatchString(list) {
		t.Errorf("times are written otherwise than in device show: %q", list)
	}
	nobody := uuid.Must(uuid.NewV7())
	wrong, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: nobody[:]})
	if err != nil {
		t.Fatal(err)
	}
	push := &syncv1.PushRequest{}
	for n := range 2 {
		id := uuid.Must(uuid.NewV7())
		push.Mutations = append(push.Mutations, &syncv1.Mutation{
			Sequence: uint64(n + 1), Id: id[:], Kind: "visit.accept", Args: wrong, DeviceTime: timestamppb.New(time.Now()),
		})
	}
	req := connect.NewRequest(push)
	req.Header().Set("Authorization", "Bearer "+device.Msg.GetTokens().GetAccess())
	if _, err := syncv1connect.NewSyncServiceClient(http.DefaultClient, a.URL()).Push(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	first, second := uuid.UUID(push.Mutations[0].Id).String(), uuid.UUID(push.Mutations[1].Id).String()

	if list := do("parked for", "parked", "list",
		"acme"); !regexp.MustCompile(`\+08:00 +李师傅 +visit.accept +target_unknown`).MatchString(list) ||
		!strings.Contains(list, first) || !strings.Contains(list, second) {
		t.Errorf("listed %s", list)
	}
	shown := do("doorstep.field.v1.VisitAccept", "parked", "show", "acme", first)
	payload := shown[strings.Index(shown, "{"):]
	was, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: visit[:]})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(payload, `"visit_id": "`+nobody.String()+`"`) {
		t.Errorf("shown %s", shown)
	}
	_, mended := a.Rooms.Delta.Payloads.Read("visit.accept", was)
	file := filepath.Join(t.TempDir(), "mended.json")
	if err := os.WriteFile(file, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, refused := range [][]string{
		{"parked", "replay", "acme", first, "--as", "south"},
		{"parked", "replay", "acme", first, "--as", "li"},
		{"parked", "replay", "acme", first, "--as", "ghost"},
		{"parked", "dismiss", "acme", nobody.String(), "--as", "dispatch", "--reason", "x"},
		{"parked", "show", "acme", "nonsense"},
		{"parked", "edit", "acme", first, "--as", "dispatch", "--payload", file + ".absent"},
		{"parked", "edit", "acme", first, "--as", "dispatch"},
		{"parked", "edit", "acme", first, "--as", "dispatch", "--done", "yesterday"},
		{"parked", "edit", "acme", first, "--as", "dispatch", "--done", "2999-01-01T00:00"},
	} {
		if out, e, code := run(refused...); code == 0 || out != "" || e == "" {
			t.Errorf("%v: %d %s%s", refused, code, out, e)
		}
	}
	do("visit_id", "parked", "edit", "acme", first, "--as", "dispatch", "--payload", file)
	do("edited", "parked", "show", "acme", first)
	do("done 2020-11-20 09:30:00 +08:00", "parked", "edit", "acme", first, "--as", "dispatch", "--done",
		"2020-11-20T09:30")
	do("done 2020-11-20 09:30:00 +08:00", "parked", "edit", "acme", first, "--as", "dispatch", "--done",
		"2020-11-20T01:30:00Z")
	received := do("done 20", "parked", "edit", "acme", first, "--as", "dispatch", "--done", "received")
	if shown := do("李师傅", "parked", "show", "acme", first); !strings.Contains(shown, "parked "+received[5:31]) ||
		strings.Count(shown, "as the office decided") != 3 {
		t.Errorf("shown %s\nreceived %s", shown, received)
	}
	do("applied", "parked", "replay", "acme", first, "--as", "dispatch")
	do("told", "parked", "dismiss", "acme", second, "--as", "dispatch", "--reason", "已电话确认")
	if left := do("", "parked", "list", "acme"); strings.Contains(left, first) || strings.Contains(left, second) {
		t.Errorf("still open: %s", left)
	}
	if all := do("replayed by 调度", "parked", "list", "acme", "--decided"); !strings.Contains(all, "dismissed by 调度") {
		t.Errorf("decided: %s", all)
	}
	do("Nothing waits", "parked", "list", "acme")
	do("已电话确认", "parked", "show", "acme", second)
	if _, e, code := run("parked", "replay", "acme", second, "--as", "dispatch"); code == 0 ||
		!strings.Contains(e, "dismissed by 调度 on ") {
		t.Errorf("a decision was taken twice: %s", e)
	}
}
