package phone_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/shared"
)

// Real pictures, broken ones among them: the phone keeps and sends what was taken, whatever it is, and each ends
// verified or refused with a reason that it shows.
func TestRealPhotosEndVerifiedOrRefused(t *testing.T) {
	t.Parallel()
	dir := shared.Path(t, "photos")
	files, err := os.ReadDir(dir)
	must(t, err)
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.types("offline")
	li.types("accept", "1")
	li.types("arrive")
	for _, f := range files {
		li.types("photo", "before", filepath.Join(dir, f.Name()))
	}
	li.types("photo", "after", halved(t))
	li.says("张照片不合格，请重拍，见 unsent", "online")
	li.types("sync")
	again := li.json("unsent")["retake"].([]any)
	if len(again) != 1 || again[0].(map[string]any)["step"] != "after" || again[0].(map[string]any)["refusal"] == "" {
		t.Errorf("to be taken again: %v", again)
	}
	li.says("照片不合格，请重拍：T-", "unsent")
	li.types("photo", "after", filepath.Join(dir, "Canon_40D.jpg"))
	if left := li.json("unsent")["retake"].([]any); len(left) != 0 {
		t.Errorf("after a new photo still to be taken again: %v", left)
	}
	li.types("sync")
	if u := li.json("status")["unsent"].(map[string]any); u["files"].(float64) != 0 || u["actions"].(float64) != 0 {
		t.Errorf("unsent: %v", u)
	}
	ended := map[string]int{}
	for _, p := range li.json("ticket", "1")["proofs"].([]any) {
		p := p.(map[string]any)
		state := p["state"].(string)
		ended[state]++
		if state == "PROOF_STATE_REFUSED" && p["refusal"] == nil {
			t.Errorf("refused without a reason: %v", p)
		}
	}
	if n := ended["PROOF_STATE_VERIFIED"] + ended["PROOF_STATE_REFUSED"]; n != len(files)+2 ||
		ended["PROOF_STATE_VERIFIED"] < len(files)/2 {
		t.Errorf("%d photos ended as %v", len(files), ended)
	}
	t.Log(ended)
}
