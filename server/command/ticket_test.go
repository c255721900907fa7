package command_test

import (
	"regexp"
	"strings"
	"testing"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestATicketThatLacksDetailsIsListedFilledInAndAssignedFromATerminal(t *testing.T) {
	t.Parallel()
	m, where := installation(t)
	run, do := m.admin(where)
	do("acme", "org", "add", "acme", "上门家居", "--password", "long words here")
	do("", "place", "add", "acme", "region", "华北")
	do("", "place", "add", "acme", "region", "华南")
	do("", "user", "add", "acme", "dispatch", "调度", "--role", "dispatcher")
	do("", "user", "add", "acme", "south", "调度", "--role", "dispatcher:华南")
	do("There are no such tickets.", "ticket", "list", "acme")

	a := serving(t, where)
	org, err := a.Rooms.Account.OrgBySlug(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var number string
	if err := a.Rooms.Store.Transact(t.Context(), change.Org(org.ID), func(tx *postgres.Tx) error {
		places, err := a.Rooms.Account.Places(t.Context(), tx)
		if err != nil {
			return err
		}
		q := ticket.OpenRequest{
			Source: "test", Actor: ticket.BySystem("test"), BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL,
			ProductName: "热水器",
			Customer:    ticket.Customer{Name: "王女士", Address: "建国路 88 号"},
		}
		for _, p := range places {
			if p.NameZH == "华北" {
				q.RegionID = p.ID
			}
		}
		o, err := a.Rooms.Ticket.Open(t.Context(), tx, q)
		number = o.Number
		return err
	}); err != nil {
		t.Fatal(err)
	}

	do("lacks phone", "ticket", "list", "acme", "--needs-details")
	do("There are no such tickets.", "ticket", "list", "acme", "--unassignable")
	do(`"needs": [`, "ticket", "list", "acme", "--json")
	for _, refused := range [][]string{
		{"ticket", "contact", "acme", number, "--phone", "13800000001", "--as", "south"},
		{"ticket", "contact", "acme", "T-0", "--phone", "13800000001", "--as", "dispatch"},
		{"ticket", "contact", "acme", number, "--phone", "12", "--as", "dispatch"},
		{"ticket", "contact", "acme", number, "--latitude", "39.9", "--as", "dispatch"},
		{"ticket", "contact", "acme", number, "--region", "火星", "--as", "dispatch"},
		{"ticket", "no-show", "acme", number, "没来", "--as", "dispatch"},
	} {
		if out, _, code := run(refused...); code != 1 || out != "" {
			t.Errorf("%v: %d %s", refused, code, out)
		}
	}
	do(number+": New", "ticket", "contact", "acme", strings.ToLower(number), "--phone", "138 0000 0001",
		"--as", "dispatch")
	do("There are no such tickets.", "ticket", "list", "acme", "--needs-details")

	m.env["LANG"] = "zh_CN.UTF-8"
	if list := do("新建", "ticket", "list", "acme"); !regexp.MustCompile(number + ` .*\+08:00 +新建 +热水器 +王女士`).
		MatchString(list) {
		t.Errorf("listed %s", list)
	}
}
