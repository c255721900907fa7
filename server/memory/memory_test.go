package memory

import "testing"

func TestMemoryIsGivenBackOnceWhenAStormIsOver(t *testing.T) {
	t.Parallel()
	var s storm
	for i, look := range []struct {
		watches int
		over    bool
	}{
		{0, false},
		{400, false},
		{400, false},
		{2000, false},
		{9000, false},
		{9005, true},
		{9005, false},
		{9300, false},
		{9300, false},
		{3000, false},
		{3000, false},
		{3600, false},
		{3601, true},
	} {
		if got := s.over(look.watches); got != look.over {
			t.Errorf("look %d at %d watches: %t", i, look.watches, got)
		}
	}
}
