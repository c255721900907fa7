package command

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
)

func TestADeviceIsToldInWordsThatHoldForIt(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CST", 8*3600)
	at := timestamppb.New(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	ahead := func(ms int64) *int64 { return &ms }
	for _, c := range []struct {
		lang, want, not string
		device          *officev1.GetDeviceResponse
	}{
		{
			"en", "clock behind the office's by 7ms\nunsent as it last said: 0; parked: 0", "oldest",
			&officev1.GetDeviceResponse{ClockAheadMs: ahead(-7)},
		},
		{"zh", "时钟比公司慢 7ms\n最近报告未送达 0 项；待人工处理 0 项", "最早", &officev1.GetDeviceResponse{ClockAheadMs: ahead(-7)}},
		{
			"en",
			"clock ahead of the office's by 2s\nunsent as it last said: 1, the oldest of 2026-11-23 08:00:00 +08:00; parked: 0",
			"behind", &officev1.GetDeviceResponse{ClockAheadMs: ahead(2000), Unsent: 1, OldestUnsent: at},
		},
	} {
		var out bytes.Buffer
		console := Console{Out: &out, lang: c.lang}
		if err := console.device(c.device, zone); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), c.not) {
			t.Errorf("said %q, want %q", out.String(), c.want)
		}
	}
}
