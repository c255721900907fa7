// Package conformance holds what every client must pass, in any language, as data: scenarios, which a runner plays
// against the real server through the harness (internal/conformance), and vectors, which need no server. README.md says
// how to read them. Here is their Go form.
package conformance

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed scenarios/*.json vectors/*.json
var files embed.FS

// Scenario is one file of scenarios/.
type Scenario struct {
	// Name is the file's name without its ending.
	Name string `json:"-"`
	// Says is what holds, in one sentence.
	Says string `json:"says"`
	// Needs names what a client must be able to do beyond the protocol itself: see README.md.
	Needs []string `json:"needs"`
	// Setup goes to the harness as it is.
	Setup json.RawMessage `json:"setup"`
	// Phones by name.
	Phones map[string]Phone `json:"phones"`
	Steps  []Step           `json:"steps"`
}

// Phone says how a phone is set up.
type Phone struct {
	// PageBytes is what it asks for in a page; 0 leaves it to the server.
	PageBytes uint32 `json:"page_bytes"`
	// Beside names the phone of which this one is a second process or tab, on the same disk. It has nothing open until a
	// step opens it.
	Beside string `json:"beside"`
}

// Step is one step: for a phone when Phone is set, else Raw goes to the harness.
type Step struct {
	Phone string `json:"phone"`
	// Do is what the phone does; empty when the step only looks.
	Do   string `json:"do"`
	User string `json:"user"`
	// Kind, Item, Other and Holder make a mutation; names stand for ids.
	Kind   string `json:"kind"`
	Item   string `json:"item"`
	Other  string `json:"other"`
	Holder string `json:"holder"`
	// Bytes is the size of the photo that is attached.
	Bytes int `json:"bytes"`
	// From is the phone whose export is imported.
	From string `json:"from"`
	// Text replaces the arguments by these bytes.
	Text *string `json:"text"`
	// Fails is the code that the doing must end with; empty when it must succeed.
	Fails string `json:"fails"`
	// Ahead is how far the phone's clock is ahead of the true time.
	Ahead string `json:"ahead"`

	// Shows is all that the phone shows, counts by item. Shown is how many items.
	Shows map[string]int `json:"shows"`
	Shown *int           `json:"shown"`
	// Early says whether what shows is the early part only.
	Early  *bool `json:"early"`
	Unsent *int  `json:"unsent"`
	// Verdicts of all that the phone still holds, oldest first: an outcome, with its code behind it; "" for none.
	Verdicts []string `json:"verdicts"`
	// Files are the states of all files that the phone holds, as they were attached: waiting, held, done, or refused with
	// its code behind it.
	Files []string `json:"files"`
	// Labels is what the next version of the app shows of labels, by item.
	Labels map[string]string `json:"labels"`

	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON keeps the step as it is written beside reading it. A phone's step may have no field that is unknown
// here; those of others are for the harness to judge.
func (s *Step) UnmarshalJSON(b []byte) error {
	type plain Step
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	if s.Phone != "" {
		strict := json.NewDecoder(bytes.NewReader(b))
		strict.DisallowUnknownFields()
		if err := strict.Decode((*plain)(s)); err != nil {
			return err
		}
	}
	s.Raw = append(json.RawMessage(nil), b...)
	return nil
}

// Scenarios are all scenarios, by name.
func Scenarios() ([]Scenario, error) {
	names, err := fs.Glob(files, "scenarios/*.json")
	if err != nil {
		return nil, err
	}
	out := make([]Scenario, len(names))
	for i, name := range names {
		if err := read(name, &out[i]); err != nil {
			return nil, err
		}
		out[i].Name = strings.TrimSuffix(path.Base(name), ".json")
	}
	return out, nil
}

// Digests are the vectors of section 6 of docs/PROTOCOL.md.
type Digests struct {
	Entries []struct {
		Kind     uint32
		ID       string
		Sequence uint64 `json:",string"`
		Digest   uint64 `json:",string"`
	}
	// Feeds name entries by their place.
	Feeds []struct {
		Entries []int
		Digest  uint64 `json:",string"`
		Count   int
	}
}

// Receipts are the vectors of section 7.
type Receipts struct {
	Key   []byte
	Cases []struct {
		Org, Device, ID, Kind, Outcome, Text string
		Sequence                             uint64 `json:",string"`
		At                                   int64  `json:",string"`
		Args, Signature                      []byte
	}
}

// Packs are the vectors of section 10.
type Packs struct {
	Says    string   `json:"says"`
	Cases   []Pack   `json:"cases"`
	Refused [][]byte `json:"refused"`
}

// Pack is a pack and what it stands for.
type Pack struct {
	Pack    []byte      `json:"pack"`
	Entries []PackEntry `json:"entries"`
}

// PackEntry is an entry of a pack.
type PackEntry struct {
	Kind     uint32 `json:"kind"`
	ID       string `json:"id"`
	Sequence uint64 `json:"sequence,string"`
	Removed  bool   `json:"removed,omitempty"`
	Body     []byte `json:"body"`
}

// Pages are the vectors of section 3.
type Pages struct {
	Cases []struct {
		Says  string
		Pages []struct {
			Page Page
			Then struct {
				Cursor     string
				Checkpoint bool
				// Shows is the body by feed and the number that the id is.
				Shows  map[string]map[string]string
				Repair []string
			}
		}
	}
}

// Page is one answer to a pull.
type Page struct {
	Cursor string
	Feeds  []struct {
		Feed    string
		Reset   bool
		Entries []struct {
			Kind     uint32
			ID       string
			Sequence string
			Removed  bool
			Body     string
		}
	}
	DroppedFeeds []string `json:"dropped_feeds"`
	Checkpoint   *struct {
		Feeds []struct{ Feed, Sequence, Digest, Count string }
	}
}

// Pictures are the vectors of docs/PROOF.md: what a picture is by its first bytes, and as what a device keeps a file.
type Pictures struct {
	Types []struct {
		Says, Type string
		Head       []byte
	}
	Kept []struct {
		Says, Declared, Media, Code string
		Head                        []byte
		// Any: the application takes files other than pictures.
		Any bool
	}
}

// Vectors reads the vectors of that name into v.
func Vectors(name string, v any) error { return read("vectors/"+name+".json", v) }

func read(name string, v any) error {
	b, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
