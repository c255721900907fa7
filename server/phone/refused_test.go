package phone_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// write makes a file and returns its path.
func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, b, 0o600))
	return path
}

// halved is a photo of which only the first half is there.
func halved(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(picture(t, 30))
	must(t, err)
	return write(t, "half.jpg", b[:len(b)/2])
}

func TestARefusedPhotoTakesItsMarkAwayAndIsAskedForBeforeTheCompletion(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	for _, typed := range [][]string{
		{"accept", "1"},
		{"arrive"},
		{"photo", "before", picture(t, 10)},
		{"answer", "pressure", "0.3"},
		{"answer", "sealed", "yes"},
		{"sign", "王女士"},
		{"offline"},
	} {
		li.types(typed...)
	}
	li.types("photo", "after", halved(t))
	step := func() string {
		for line := range strings.SplitSeq(li.types("ticket"), "\n") {
			if strings.Contains(line, " after ") {
				return line
			}
		}
		t.Fatal("no step after")
		return ""
	}
	if line := step(); !strings.Contains(line, "✓") {
		t.Errorf("before the office has seen it: %s", line)
	}
	li.types("online")
	li.types("sync")
	if line := step(); !strings.Contains(line, "✗") || !strings.Contains(line, "图片已损坏") {
		t.Errorf("after it was refused: %s", line)
	}
	if _, err := li.run("", "complete"); offline.CodeOf(err) != checklist.Incomplete ||
		!strings.Contains(offline.Sentence(err, "zh"), "安装后：还差1张（已有1张不合格：图片已损坏") {
		t.Errorf("completed: %v, %s", err, offline.Sentence(err, "zh"))
	}
	// The office does not take it either, and says which photo.
	says, err := li.run("", "complete", "--force")
	must(t, err)
	if !strings.Contains(says, "安装后：还差1张（已有1张不合格：图片已损坏") {
		t.Errorf("the office says %s", says)
	}
	li.types("photo", "after", picture(t, 40))
	if line := step(); !strings.Contains(line, "✓") {
		t.Errorf("after a new photo: %s", line)
	}
	li.types("complete")
}

func TestAnEmptyFileAndOneThatIsNoPictureAreRefusedWhenTaken(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	for _, typed := range [][]string{{"accept", "1"}, {"arrive"}, {"offline"}} {
		li.types(typed...)
	}
	for _, c := range []struct {
		path   string
		want   fault.Code
		zh, en string
	}{
		{write(t, "empty.jpg", nil), fault.FileEmpty, "文件是空的", "The file is empty"},
		{write(t, "words.jpg", []byte("no picture")), fault.ProofNotPicture, "文件不是", "not a JPEG"},
		{
			write(t, "film.heic", []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")), fault.ProofNotPicture, "文件不是",
			"not a JPEG",
		},
	} {
		_, err := li.run("", "photo", "after", c.path)
		if offline.CodeOf(err) != c.want || !strings.Contains(offline.Sentence(err, "zh"), c.zh) ||
			!strings.Contains(offline.Sentence(err, "en"), c.en) {
			t.Errorf("%s: %v", filepath.Base(c.path), err)
		}
	}
	if u := li.json("status")["unsent"].(map[string]any); u["files"].(float64) != 0 || u["actions"].(float64) != 0 {
		t.Errorf("unsent: %v", u)
	}
}

func TestAPhotoSaysHowFarItIsFromItsBeginning(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.types("accept", "1")
	li.types("arrive")
	says := li.types("photo", "before", picture(t, 10))
	at := 0
	for _, want := range []string{"正在读取照片", "正在发送照片：0／", "照片已送达，公司正在核验", "公司已收到 1 个文件并核验"} {
		i := strings.Index(says[at:], want)
		if i < 0 {
			t.Fatalf("does not say %q in its turn:\n%s", want, says)
		}
		at += i
	}
}
