package code_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/server/code/operator"
)

func TestAnOperatorIssuesPrintsShowsAndRevokes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	var out bytes.Buffer
	env := &operator.Env{Room: w.Room, Org: w.org, Out: &out}
	unit := w.unit("SN1")
	w.unit("SN2")
	if err := (&operator.Issue{Kind: "unit", Target: []uuid.UUID{unit}}).Run(ctx, env); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(strings.Split(out.String(), "\n")[1])
	human, link := fields[0], fields[2]
	if !strings.HasSuffix(link, "/01/"+gtin+"/21/SN1") {
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
		if err := (&operator.Sheet{Units: w.shop, Out: file}).Run(ctx, env); err != nil {
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
		"ending": {Code: []string{human}, Out: "x.gif"}, "nothing": {Out: "x.pdf"}, "layout": {Units: w.shop, Out: "x.pdf", Layout: "a3"},
		"two in one picture": {Units: w.shop, Out: "x.png"}, "no file": {Units: w.shop, Out: "x.pdf", Layout: "missing.json"},
	} {
		if err := bad.Run(ctx, env); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&operator.Revoke{Code: []string{human}, Reason: "test"}).Run(ctx, env); err != nil {
		t.Fatal(err)
	}
	if err := (&operator.Show{Scanned: link}).Run(ctx, env); fault.CodeOf(err) != fault.CodeUnknown {
		t.Errorf("a revoked label: %v", err)
	}
	if err := (&operator.Revoke{Code: []string{uuid.NewString()}, Reason: "x"}).Run(ctx, env); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
