package plan

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
)

var update = flag.Bool("update", false, "write the expected lines of the shared vectors anew")

// vector is one case that every reader of plans, in any language, must answer alike. A trace is compared by its
// rendering in English, one step a line.
type vector struct {
	Name     string                `json:"name"`
	Versions []json.RawMessage     `json:"versions"` // PlanVersion as protobuf JSON
	Before   map[uuid.UUID]Measure `json:"before,omitempty"`
	Tickets  []Facts               `json:"tickets"`
	Lines    [][]vectorLine        `json:"lines"` // by ticket
	After    map[uuid.UUID]Measure `json:"after"`
}

type vectorLine struct {
	Payee     uuid.UUID `json:"payee"`
	Component string    `json:"component"`
	Version   string    `json:"version"`
	Minor     int64     `json:"minor"`
	Why       string    `json:"why"`
}

func TestSharedVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, got vector
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			got = run(t, want)
			if *update {
				out, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			a, _ := json.MarshalIndent(got.Lines, "", "  ")
			b, _ := json.MarshalIndent(want.Lines, "", "  ")
			if string(a) != string(b) {
				t.Errorf("lines differ; got\n%s", a)
			}
			a, _ = json.Marshal(got.After)
			b, _ = json.Marshal(want.After)
			if string(a) != string(b) {
				t.Errorf("measures differ; got %s, want %s", a, b)
			}
		})
	}
}

// run prices the tickets in order. All tickets of a vector complete in one month.
func run(t *testing.T, v vector) vector {
	var versions []*Version
	for _, raw := range v.Versions {
		p := &payv1.PlanVersion{}
		if err := protojson.Unmarshal(raw, p); err != nil {
			t.Fatal(err)
		}
		// What is stored and sent is the binary form; it must mean the same.
		wire, err := proto.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again := &payv1.PlanVersion{}
		if err := proto.Unmarshal(wire, again); err != nil {
			t.Fatal(err)
		}
		versions = append(versions, compile(t, again))
	}
	measures := map[uuid.UUID]Measure{}
	maps.Copy(measures, v.Before)
	v.Lines, v.After = nil, measures
	for _, f := range v.Tickets {
		res, err := Price(Choose(versions, f), ChooseTier(versions, f.Completed), f, measures)
		if err != nil {
			t.Fatal(err)
		}
		lines := []vectorLine{}
		for _, l := range res.Lines {
			lines = append(lines, vectorLine{l.Payee, l.Component, l.Version, l.Amount.Minor, Render(l.Trace, "en")})
		}
		v.Lines = append(v.Lines, lines)
		maps.Copy(measures, res.After)
	}
	return v
}
