package memory

import "testing"

func TestAServerWithManyPhonesLetsLessGarbageStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alive uint64
		want  int
	}{
		{0, 100},
		{20 << 20, 100},  // small: Go's usual pace
		{45 << 20, 100},  //
		{100 << 20, 52},  // 52 MB of garbage
		{150 << 20, 39},  // 58 MB
		{500 << 20, 35},  // the least
		{4000 << 20, 35}, //
	} {
		if got := pace(c.alive); got != c.want {
			t.Errorf("%d MB alive: %d, want %d", c.alive>>20, got, c.want)
		}
	}
}
