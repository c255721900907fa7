package phone_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// ready brings the first job to where only charges and the signature are left.
func (h *hand) ready() {
	h.t.Helper()
	h.types("accept", "1")
	h.types("travel")
	h.types("arrive")
	h.types("photo", "before", picture(h.t, 10))
	h.types("answer", "pressure", "0.4")
	h.types("answer", "sealed", "是")
	h.types("photo", "after", picture(h.t, 90))
}

func TestWhatIsChargedAfterTheSignatureIsRefusedOnThePhoneUntilItIsSigned(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.ready()
	li.says("另付配件与补价：¥0.00", "sign", "王女士")
	li.types("offline") // in a basement
	li.types("part", "hose", "2")
	_, err := li.run("", "complete")
	if offline.CodeOf(err) != agreement.ChargesNotAgreed || !strings.Contains(offline.Sentence(err, "zh"), "软管 ×2") ||
		!strings.Contains(offline.Sentence(err, "zh"), "→ sign 姓名 --job T-") {
		t.Errorf("refused by the phone: %v", err)
	}
	li.says("未签字", "ticket")
	says := li.types("sign", "王女士")
	for _, want := range []string{"客户语言：中文", "软管  ¥25.00 × 2 = ¥50.00", "另付配件与补价：¥50.00"} {
		if !strings.Contains(says, want) {
			t.Errorf("the terms lack %q:\n%s", want, says)
		}
	}
	li.types("online")
	li.types("complete")
	tk := li.json("ticket")["ticket"].(map[string]any)
	if part := tk["parts"].([]any)[0].(map[string]any); tk["state"] != "TICKET_STATE_COMPLETED" ||
		part["agreedBy"] == nil {
		t.Errorf("at the office: %v", tk)
	}
}

func TestOnlyPartsOfTheProductsClassAreOffered(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.ready()
	_, err := li.run("", "part", "copper")
	if said := offline.Sentence(err, "zh"); err == nil || !strings.Contains(said, "hose") || strings.Contains(said, "铜管") {
		t.Errorf("a part of another class: %v", err)
	}
	li.types("part", "hose")
}

func TestTheOfficeRefusesWhatIsForcedPastTheCustomer(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.ready()
	li.types("sign", "王女士")
	li.types("part", "hose")
	li.says("签字后又增加或改动了收费项目", "complete", "--force")
	li.types("sign", "王女士")
	li.says("公司已收到", "complete")
}

func TestTheTermsAreInTheCustomersLanguage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	var id uuid.UUID
	must(t, o.Rooms.Store.Transact(t.Context(), change.Org(o.org.ID), func(tx *postgres.Tx) error {
		opened, err := o.Rooms.Ticket.Open(t.Context(), tx, ticket.OpenRequest{
			Source: "test", Actor: ticket.BySystem("test"), ProductID: uuid.UUID(o.product.GetId()), StoreID: o.shop.ID,
			RegionID: o.team.Region,
			Customer: ticket.Customer{Name: "Ann", Phone: "13800000002", Address: "1 Jianguo Road", Language: "en"},
		})
		id = opened.TicketID
		return err
	}))
	o.assign(id[:], o.li)
	li := o.enrol(o.li) // whose phone speaks Chinese
	li.ready()
	li.types("part", "hose")
	says := li.types("sign", "Ann")
	for _, want := range []string{
		"客户语言：English", "I confirm that Yunxi heater", "Hose  ¥25.00 × 1 = ¥25.00",
		"Parts and extras to pay: ¥25.00",
	} {
		if !strings.Contains(says, want) {
			t.Errorf("the terms lack %q:\n%s", want, says)
		}
	}
	li.says("公司已收到", "complete")
}

func TestASignerHasAName(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.ready()
	before := li.json("note", "one")["sequence"].(float64)
	for _, name := range []string{"", "  ", strings.Repeat("王", 101)} {
		if _, err := li.run("", "sign", name); offline.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := li.run("", "note", ""); offline.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("an empty note: %v", err)
	}
	if _, err := li.run("", "part", "hose", "1000"); offline.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a thousand hoses: %v", err)
	}
	if _, err := li.run("", "note", "a\x07b"); offline.CodeOf(err) != fault.TextUnprintable {
		t.Errorf("a note that rings: %v", err)
	}
	if after := li.json("note", "two")["sequence"].(float64); after != before+1 {
		t.Errorf("%v of them were saved", after-before-1)
	}
}
