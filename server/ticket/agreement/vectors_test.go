package agreement_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/conformance"
)

// Clients in other languages run the same vectors.
func TestTheVectorsAreWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Cases []struct {
			Name             string
			Ticket, Template json.RawMessage
			Proofs           []json.RawMessage
			Text, Hash       string
			Open             []string
		}
	}
	if err := conformance.Vectors("agreement", &vectors); err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors.Cases {
		var ticket fieldv1.Ticket
		var template fieldv1.Template
		if err := protojson.Unmarshal(c.Ticket, &ticket); err != nil {
			t.Fatal(err)
		}
		if err := protojson.Unmarshal(c.Template, &template); err != nil {
			t.Fatal(err)
		}
		var proofs []*fieldv1.Proof
		for _, b := range c.Proofs {
			var p fieldv1.Proof
			if err := protojson.Unmarshal(b, &p); err != nil {
				t.Fatal(err)
			}
			proofs = append(proofs, &p)
		}
		lines := agreement.Lines(&ticket)
		text, hash := string(agreement.Text(ticket.GetId(), lines)), hex.EncodeToString(agreement.Hash(ticket.GetId(), lines))
		open := []string{}
		for _, l := range agreement.Open(&ticket, &template, proofs) {
			open = append(open, l.GetName())
		}
		if text != c.Text || hash != c.Hash || fmt.Sprint(open) != fmt.Sprint(c.Open) {
			t.Errorf("%s: %q, %s, open %v", c.Name, text, hash, open)
		}
	}
}
