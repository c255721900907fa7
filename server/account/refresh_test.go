package account

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

var morning = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func TestARefreshTokenCarriesItsOwnProof(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	r := Refresh{Org: uuid.New(), Family: uuid.New(), Generation: 3, Salt: NewSalt()}
	text := r.String(s)
	if len(text) > 200 {
		t.Errorf("%d characters are more than the wire takes", len(text))
	}
	if got, err := ParseRefresh(s, text); err != nil || got != r {
		t.Fatalf("%v %v", got, err)
	}
	if _, err := ParseRefresh(NewSecret(), text); fault.CodeOf(err) != fault.RefreshInvalid {
		t.Errorf("another installation's token: %v", err)
	}
	for i := range text {
		forged := []byte(text)
		forged[i] ^= 1
		if got, err := ParseRefresh(s, string(forged)); err == nil && got != r {
			t.Fatalf("a change at %d went unnoticed", i)
		}
	}
}

func TestAPhoneThatLosesAnswersIsNeverLockedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		line := BeginLine(NewSalt(), now)
		held := line.Successor(uuid.Nil, uuid.Nil)
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds later")) * time.Second)
			// The same request may arrive more than once, a little apart; the phone sees one of the answers or none.
			var answers []Refresh
			for range rapid.IntRange(1, 3).Draw(t, "arrivals") {
				next, reused := line.Present(held, Attempt{}, NewSalt(), now)
				if reused {
					t.Fatal("locked out")
				}
				line = next
				answers = append(answers, line.Successor(uuid.Nil, uuid.Nil))
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "apart")) * time.Second)
			}
			if got := rapid.IntRange(-1, len(answers)-1).Draw(t, "answer seen"); got >= 0 {
				held = answers[got]
			}
		}
	})
}

func TestACopiedTokenEndsTheFamily(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		line := BeginLine(NewSalt(), now)
		phone := line.Successor(uuid.Nil, uuid.Nil)
		thief := phone
		// Both go on refreshing, each more than the retry window after the other, in any order.
		turns := 0
		for range 50 {
			now = now.Add(RetryWindow + time.Duration(rapid.IntRange(1, 3600).Draw(t, "later"))*time.Second)
			who := &phone
			if rapid.Bool().Draw(t, "thief") {
				who = &thief
			}
			next, reused := line.Present(*who, Attempt{}, NewSalt(), now)
			if reused {
				return
			}
			if phone == thief {
				turns = 0
			}
			line = next
			*who = line.Successor(uuid.Nil, uuid.Nil)
			turns++
		}
		// Fifty turns by one alone are no theft yet; otherwise it must have been seen.
		if phone.Generation > 20 && thief.Generation > 20 {
			t.Fatal("two holders went on unnoticed")
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	first := BeginLine(NewSalt(), morning)
	one := first.Successor(uuid.Nil, uuid.Nil)
	second, reused := first.Present(one, Attempt{}, NewSalt(), morning)
	if reused {
		t.Fatal("the first token is dead on arrival")
	}
	two := second.Successor(uuid.Nil, uuid.Nil)

	again, reused := second.Present(one, Attempt{}, NewSalt(), morning.Add(RetryWindow))
	if reused || again.Successor(uuid.Nil, uuid.Nil) != two {
		t.Error("a repetition within the window gives something else")
	}
	late, reused := second.Present(one, Attempt{}, NewSalt(), morning.Add(time.Hour))
	if reused || late.Successor(uuid.Nil, uuid.Nil) == two {
		t.Error("a late repetition must get a fresh successor")
	}
	if _, reused := late.Present(two, Attempt{}, NewSalt(), morning.Add(time.Hour)); !reused {
		t.Error("the lost successor still lives")
	}
	third, reused := second.Present(two, Attempt{}, NewSalt(), morning.Add(time.Hour))
	if reused {
		t.Fatal("the successor is dead")
	}
	if _, reused := third.Present(one, Attempt{}, NewSalt(), morning.Add(time.Hour)); !reused {
		t.Error("an old token lives after its successor was used")
	}
	if _, reused := first.Present(Refresh{Generation: 9}, Attempt{}, NewSalt(), morning); !reused {
		t.Error("a token from nowhere lives")
	}
	if _, reused := first.Present(Refresh{}, Attempt{}, NewSalt(), morning); !reused {
		t.Error("generation 0 was never given out")
	}
}

// present is what a server does with a token, on a line whose database may have been restored.
func present(line Line, r Refresh, restored, now time.Time) (Line, bool) {
	next, dead := line.Present(r, Attempt{}, NewSalt(), now)
	if dead && line.Lost(r, restored) {
		return Continue(r, Attempt{}, NewSalt(), now), false
	}
	return next, dead
}

func TestAPhoneWhoseTokensAreNewerThanTheBackupIsNeverLockedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		restored := time.Time{}
		line := BeginLine(NewSalt(), now)
		held, backup := line.Successor(uuid.Nil, uuid.Nil), line
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds later")) * time.Second)
			switch rapid.IntRange(0, 9).Draw(t, "happens") {
			case 0:
				backup = line
			case 1:
				line, restored = backup, now
			default:
				next, dead := present(line, held, restored, now)
				if dead {
					t.Fatal("locked out")
				}
				if line = next; rapid.Bool().Draw(t, "answer seen") {
					held = line.Successor(uuid.Nil, uuid.Nil)
				}
			}
		}
	})
}

func TestACopiedTokenEndsTheFamilyAlsoAfterARestore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		line := BeginLine(NewSalt(), now)
		backup := line
		later := func() {
			now = now.Add(RetryWindow + time.Duration(rapid.IntRange(1, 3600).Draw(t, "later"))*time.Second)
		}
		phone := line.Successor(uuid.Nil, uuid.Nil)
		copied := rapid.IntRange(0, 5).Draw(t, "copied after")
		thief := phone
		for i := range rapid.IntRange(copied, 8).Draw(t, "refreshed") {
			later()
			line, _ = present(line, phone, time.Time{}, now)
			if phone = line.Successor(uuid.Nil, uuid.Nil); i < copied {
				thief = phone
			}
		}
		later()
		line, restored := backup, now
		for range 50 { // both go on, each more than the retry window after the other
			later()
			who := &phone
			if rapid.Bool().Draw(t, "thief") {
				who = &thief
			}
			next, dead := present(line, *who, restored, now)
			if dead {
				return
			}
			if phone == thief {
				return // still one line: nobody could tell
			}
			line, *who = next, next.Successor(uuid.Nil, uuid.Nil)
		}
		if phone != thief {
			// Whoever comes next with the older of both is found out.
			for _, r := range []Refresh{phone, thief} {
				later()
				next, dead := present(line, r, restored, now)
				if dead {
					return
				}
				line = next
			}
			t.Fatal("two lines live beside one another")
		}
	})
}

func TestACopyThatWasFoundOutStaysDeadOverARestoreThatNobodyDeclared(t *testing.T) {
	t.Parallel()
	now := morning
	later := func() time.Time { now = now.Add(time.Hour); return now }
	line := BeginLine(NewSalt(), now)
	backup := line
	var given []Refresh // the phone's tokens, in order
	for range 10 {
		given = append(given, line.Successor(uuid.Nil, uuid.Nil))
		line, _ = present(line, given[len(given)-1], time.Time{}, later())
	}
	for i, copied := range given[1:] {
		if next, dead := present(backup, copied, time.Time{}, later()); !dead {
			t.Fatalf("the copy of number %d lives, and goes on as %v", i+2, next)
		}
		if far := copied.Generation > 1; far != backup.Undeclared(copied, time.Time{}) {
			t.Errorf("number %d ends the family", copied.Generation)
		}
		// The line has gone on since an earlier restore was declared: who comes with another token is found out.
		if backup.Lost(copied, morning.Add(-time.Hour)) || backup.Undeclared(copied, morning.Add(-time.Hour)) {
			t.Errorf("number %d is let through by a restore of old", copied.Generation)
		}
	}
}

func TestOnceTheLineGoesOnAfterARestoreAnyOtherTokenEndsIt(t *testing.T) {
	t.Parallel()
	now := morning
	line := BeginLine(NewSalt(), now)
	restored := now.Add(time.Hour)
	copied := Refresh{Generation: 5, Salt: NewSalt()}
	line, dead := present(line, copied, restored, now.Add(2*time.Hour))
	if dead {
		t.Fatal("nobody can tell yet")
	}
	phone := Refresh{Generation: 10, Salt: NewSalt()}
	if _, dead = present(line, phone, restored, now.Add(3*time.Hour)); !dead || line.Undeclared(phone, restored) {
		t.Error("two holders of one line live beside one another")
	}
}

// holder is a phone, or somebody who copied what one holds: a token, and the word that is saved for it.
type holder struct {
	token Refresh
	of    Refresh // the token that the word is for
	word  Attempt
}

// present presents the holder's token with the word that is saved for it.
func (h *holder) present(line Line, now time.Time) (Line, bool) {
	if h.of != h.token || h.word == (Attempt{}) {
		salt := NewSalt()
		h.of, h.word = h.token, AttemptOf(salt[:])
	}
	return line.Present(h.token, h.word, NewSalt(), now)
}

func TestACopiedTokenThatRotatesInStepEndsTheFamily(t *testing.T) {
	t.Parallel()
	for name, thief := range map[string]func(phone holder) func(Line, time.Time) (Line, bool, Refresh){
		"who says words": func(phone holder) func(Line, time.Time) (Line, bool, Refresh) {
			h := phone
			return func(l Line, now time.Time) (Line, bool, Refresh) {
				next, reused := h.present(l, now)
				h.token = next.Successor(uuid.Nil, uuid.Nil)
				return next, reused, h.token
			}
		},
		"who says none": func(phone holder) func(Line, time.Time) (Line, bool, Refresh) {
			token := phone.token
			return func(l Line, now time.Time) (Line, bool, Refresh) {
				next, reused := l.Present(token, Attempt{}, NewSalt(), now)
				token = next.Successor(uuid.Nil, uuid.Nil)
				return next, reused, token
			}
		},
	} {
		for _, first := range []bool{true, false} {
			now := morning
			line := BeginLine(NewSalt(), now)
			phone := holder{token: line.Successor(uuid.Nil, uuid.Nil)}
			copied := thief(phone)
			rounds := 0
			for ; rounds < 12; rounds++ {
				now = now.Add(10 * time.Minute)
				turn := func(mine bool) (reused bool) {
					now = now.Add(time.Second) // well within the retry window
					if mine {
						if line, reused = phone.present(line, now); !reused {
							phone.token = line.Successor(uuid.Nil, uuid.Nil)
						}
						return reused
					}
					line, reused, _ = copied(line, now)
					return reused
				}
				if turn(first) || turn(!first) {
					break
				}
			}
			if rounds > 1 {
				t.Errorf("a thief %s (first: %v) went unnoticed for %d rounds", name, !first, rounds)
			}
		}
	}
}

func TestAPhoneThatSaysWordsIsNeverLockedOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := morning
		line := BeginLine(NewSalt(), now)
		phone := holder{token: line.Successor(uuid.Nil, uuid.Nil)}
		old := rapid.Bool().Draw(t, "begins with an old app")
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds later")) * time.Second)
			if old && rapid.IntRange(0, 4).Draw(t, "upgraded") == 0 {
				old = false
			}
			var answers []Refresh
			for range rapid.IntRange(1, 3).Draw(t, "arrivals") {
				var reused bool
				if old {
					line, reused = line.Present(phone.token, Attempt{}, NewSalt(), now)
				} else {
					line, reused = phone.present(line, now)
				}
				if reused {
					t.Fatal("locked out")
				}
				if rapid.IntRange(0, 9).Draw(t, "an older server wrote it") == 0 {
					line.Attempt = Attempt{} // of which it keeps nothing, see lockFamily
				}
				answers = append(answers, line.Successor(uuid.Nil, uuid.Nil))
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "apart")) * time.Second)
			}
			// Lost, or received and not saved: the phone comes again with the same token and the same word.
			if got := rapid.IntRange(-1, len(answers)-1).Draw(t, "answer saved"); got >= 0 {
				phone.token = answers[got]
			}
		}
	})
}
