package code_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	"github.com/doorstep-dev/doorstep/server/code/operator"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestAnOperatorIssuesPrintsShowsAndRevokes(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	ctx := context.Background()
	var out bytes.Buffer
	env := &operator.Env{
		Codes: w.Codes, Org: w.Org, Out: &out,
		Shop: func(_ context.Context, _ *postgres.Tx, text string) (uuid.UUID, error) {
			if text != "旗舰店" {
				return uuid.Nil, fault.New(fault.NotFound, "shop %s", text)
			}
			return w.Shop, nil
		},
	}
	w.Unit("SN1")
	w.Unit("SN2")
	if err := (&operator.Issue{Kind: "unit", Target: []string{"SN1"}}).Run(ctx, env); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(strings.Split(out.String(), "\n")[1])
	human, link := fields[0], fields[2]
	if !strings.HasSuffix(link, "/01/"+codetest.GTIN+"/21/SN1") {
		t.Fatal(out.String())
	}
	out.Reset()
	if err := (&operator.Show{Scanned: human}).Run(ctx, env); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"云曦电热水器 60 升", "SN1", "深圳南山旗舰店", "▀", human} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("show lacks %s:\n%s", want, out.String())
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"labels.pdf", "labels.zpl"} {
		file := filepath.Join(dir, name)
		out.Reset()
		if err := (&operator.Sheet{Units: "旗舰店", Out: file}).Run(ctx, env); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Size() < 200 || !strings.Contains(out.String(), "2 labels") {
			t.Errorf("%v %s", err, out.String())
		}
	}
	if err := (&operator.Sheet{Code: []string{human}, Out: filepath.Join(dir, "a.svg")}).Run(ctx, env); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]*operator.Sheet{
		"ending": {Code: []string{human}, Out: "x.gif"}, "nothing": {Out: "x.pdf"},
		"layout":             {Units: "旗舰店", Out: "x.pdf", Layout: "a3"},
		"two in one picture": {Units: "旗舰店", Out: "x.png"}, "no file": {Units: "旗舰店", Out: "x.pdf", Layout: "missing.json"},
	} {
		if err := bad.Run(ctx, env); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]*operator.Issue{
		"no such shop":          {Kind: "entry", Target: []string{"天河店"}},
		"no such serial number": {Kind: "unit", Target: []string{"SN9"}},
	} {
		if err := bad.Run(ctx, env); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), bad.Target[0]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := &operator.Sheet{Units: uuid.NewString(), Out: filepath.Join(dir, "none.pdf")}
	if err := empty.Run(ctx, env); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "none to print") {
		t.Errorf("a shop without units: %v", err)
	}
	if err := (&operator.Revoke{Code: []string{human}, Reason: "test"}).Run(ctx, env); err != nil {
		t.Fatal(err)
	}
	if err := (&operator.Show{Scanned: link}).Run(ctx, env); fault.CodeOf(err) != token.CodeUnknown {
		t.Errorf("a revoked label: %v", err)
	}
	if err := (&operator.Revoke{Code: []string{uuid.NewString()}, Reason: "x"}).Run(ctx, env); fault.CodeOf(err) !=
		fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestReadTellsWhatLabelsHoldWithoutAServer(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	var signed string
	err := w.Store.Transact(t.Context(), change.Org(w.Org), func(tx *postgres.Tx) error {
		i, err := w.Issue(t.Context(), tx, token.Entry, w.Shop, 0, change.User{})
		if err == nil {
			signed, err = w.Text(t.Context(), tx, i)
		}
		return err
	})
	if err != nil {
		t.Fatal(err, unit)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"]d2010690123456789221SN0001\\u001d10L7", []string{"06901234567892", "6901234567892", "SN0001", "L7"}},
		{"（01）06901234567892（21）SN0001", []string{"06901234567892", "SN0001"}},
		{"https://id.example.com/p/01/06901234567892/21/X?utm=50%off", []string{"id.example.com", "p", "X"}},
		{signed, []string{"signed code", "entry", "not checked here"}},
	} {
		var out bytes.Buffer
		if err := (&operator.Read{Text: []string{c.text}}).Run(&out); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %s:\n%s", c.text, want, out.String())
			}
		}
	}
	var out bytes.Buffer
	err = (&operator.Read{Text: []string{"9520000000447", "6901234567892"}, JSON: true}).Run(&out)
	if fault.CodeOf(err) != fault.CodeCheckDigit || !strings.Contains(out.String(), `"gtin":"06901234567892"`) ||
		!strings.Contains(out.String(), "should be 8") {
		t.Errorf("one of two cannot be read: %v\n%s", err, out.String())
	}
}
