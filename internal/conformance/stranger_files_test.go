package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// strangerFile is a file on its way. (Section 8.2: its bytes are kept before its mutation is made.)
type strangerFile struct {
	id          uuid.UUID
	work        *strangerWork
	bytes       []byte
	state, code string
}

// strangerPart is the length of every part but the last, see docs/PROOF.md.
const strangerPart = 5 << 20

func (s *stranger) attach(item uuid.UUID, photo []byte) {
	s.t.Helper()
	f := &strangerFile{id: uuid.Must(uuid.NewV7()), bytes: photo, state: "waiting"}
	sum := sha256.Sum256(photo)
	args, err := json.Marshal(map[string]any{
		"item": item, "file": f.id, "sha256": sum[:], "size": len(photo),
		"media": "image/jpeg",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.act("attach", args)
	f.work = s.work[len(s.work)-1]
	s.kept = append(s.kept, f)
}

func (s *stranger) files() (out []string) {
	for _, f := range s.kept {
		out = append(out, strings.TrimSpace(f.state+" "+f.code))
	}
	return out
}

// offerAgain is section 8.5: files of a mutation that the server had forgotten go through it anew.
func (s *stranger) offerAgain(w *strangerWork) {
	for _, f := range s.kept {
		if f.work == w && f.state == "done" {
			f.state = "waiting"
		}
	}
}

// upload is section 8.9. moved: the server may have something new.
func (s *stranger) upload() (moved bool, code string) {
	for _, f := range s.kept {
		if !f.work.known || f.state != "waiting" && f.state != "held" {
			continue
		}
		switch code := s.sendFile(f); {
		case code == "":
			moved = true
		case code == "no_network":
			return moved, code
		case slices.Contains([]string{"OUTCOME_REJECTED", "OUTCOME_PARKED"}, f.work.verdict.Outcome):
			f.state = "held"
		default:
			f.state = "waiting"
		}
	}
	return moved, ""
}

func (s *stranger) sendFile(f *strangerFile) string {
	s.t.Helper()
	for range 3 {
		var hashes [][]byte
		if len(f.bytes) > strangerPart {
			for part := range slices.Chunk(f.bytes, strangerPart) {
				sum := sha256.Sum256(part)
				hashes = append(hashes, sum[:])
			}
		}
		var start struct {
			Requests []struct {
				Method, URL, Offset, Length string
				Headers                     []struct{ Name, Value string }
			}
		}
		if code, _ := s.authorized("field.v1.ProofService/StartUpload",
			map[string]any{"proofId": f.id[:], "partSha256": hashes}, &start); code != "" {
			return code
		}
		refused := false
		for _, r := range start.Requests {
			from, to := s.number(r.Offset), s.number(r.Offset)+s.number(r.Length)
			req, err := http.NewRequestWithContext(s.t.Context(), r.Method, r.URL, bytes.NewReader(f.bytes[from:to]))
			if err != nil {
				s.t.Fatal(err)
			}
			for _, h := range r.Headers {
				if req.Header.Set(h.Name, h.Value); http.CanonicalHeaderKey(h.Name) == "Host" {
					req.Host = h.Value
				}
			}
			res, err := s.http.Do(req)
			if err != nil {
				return "no_network"
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode >= 500 {
				return "no_network"
			}
			if refused = res.StatusCode >= 400; refused {
				break
			}
		}
		if !refused {
			return s.finishFile(f)
		}
	}
	return "upload_refused"
}

func (s *stranger) finishFile(f *strangerFile) string {
	s.t.Helper()
	var end struct {
		Proof struct{ State, Refusal string }
	}
	if code, _ := s.authorized("field.v1.ProofService/FinishUpload", map[string]any{"proofId": f.id[:]}, &end); code !=
		"" {
		return code
	}
	switch end.Proof.State {
	case "PROOF_STATE_VERIFIED":
		f.state = "done"
	case "PROOF_STATE_REFUSED":
		f.state, f.code = "refused", end.Proof.Refusal
	default:
		s.t.Fatalf("a file that ended as %s", end.Proof.State)
	}
	return ""
}

// number reads a 64-bit number, which JSON has as a string, and not at all when it is 0.
func (s *stranger) number(text string) int {
	s.t.Helper()
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
