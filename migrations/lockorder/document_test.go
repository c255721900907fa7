package lockorder

import (
	"os"
	"strings"
	"testing"
)

// TestTheDocumentShowsTheOrder holds the table of docs/ARCHITECTURE.md against the list: the same tables, in the same
// order, the guarded ones in brackets behind their guard, those without an order among themselves in braces.
func TestTheDocumentShowsTheOrder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "| what | tables, in order | how it is entered |\n| --- | --- | --- |\n")
	if !ok {
		t.Fatal("docs/ARCHITECTURE.md has no table of the lock order")
	}
	var rows []string
	for line := range strings.Lines(after) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			break
		}
		rows = append(rows, strings.TrimSpace(cells[2]))
	}
	if got, want := strings.Join(rows, " → "), shown(Tables); got != want {
		t.Errorf("docs/ARCHITECTURE.md shows\n%s\nthe list says\n%s", got, want)
	}
}

// shown writes a list as the document does.
func shown(list []Place) string {
	guarded := map[string][]string{}
	for _, p := range list {
		if p.Guard != "" {
			guarded[p.Guard] = append(guarded[p.Guard], name(p.Table))
		}
	}
	var out, gap []string
	for i, p := range list {
		if p.Guard != "" {
			continue
		}
		if p.Gap != "" {
			gap = append(gap, name(p.Table))
			if list[i+1].Gap == "" {
				out, gap = append(out, "{"+strings.Join(gap, ", ")+"}"), nil
			}
			continue
		}
		s := name(p.Table)
		if g := guarded[p.Table]; len(g) > 0 {
			s += " (" + strings.Join(g, ", ") + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " → ")
}

// name is what the document calls a table or an advisory lock.
func name(table string) string {
	switch {
	case table == Orders:
		return "orders' lock"
	case table == Payees:
		return "payees' lock"
	case strings.HasPrefix(table, "advisory "):
		return "signing keys' lock"
	}
	return table
}

// TestTablesWithoutAnOrderAreOnePlace: the watch judges them as if they were one table.
func TestTablesWithoutAnOrderAreOnePlace(t *testing.T) {
	t.Parallel()
	runs := 0
	for i, p := range Tables {
		if p.Gap != "" && (i == 0 || Tables[i-1].Gap == "") {
			runs++
		}
		if p.Gap != "" && (p.Guard != "" || p.Behind != "") {
			t.Errorf("%s has a gap and a guard", p.Table)
		}
	}
	if runs != 1 {
		t.Errorf("the tables with a gap stand at %d places of the list", runs)
	}
}
