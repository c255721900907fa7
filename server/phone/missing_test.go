package phone_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
)

func TestARefusedCompletionNamesWhatIsMissingAndTheCommandThatAddsIt(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.assign(o.ticket(), o.li)
	li := o.enrol(o.li)
	li.types("accept", "1")
	li.types("travel")
	li.types("arrive")
	number := regexp.MustCompile(`T-\d+`).FindString(li.types("ticket"))
	lines := []string{
		"安装前：还差1张 → photo before 文件 --job " + number,
		"水压：未填写 → answer pressure 数值 --job " + number,
		"无渗漏：未填写 → answer sealed 是 --job " + number,
		"安装后：还差1张 → photo after 文件 --job " + number,
		"客户签名：还差1张 → sign 姓名 --step signature --job " + number,
	}
	_, err := li.run("", "complete")
	if offline.CodeOf(err) != checklist.Incomplete ||
		!strings.Contains(offline.Sentence(err, "zh"), strings.Join(lines, "；")) {
		t.Errorf("refused by the phone: %v", err)
	}
	said := li.types("complete", "--force") // refused by the office
	for _, line := range lines {
		if !strings.Contains(said, "\n  "+line+"\n") {
			t.Errorf("%q is not in\n%s", line, said)
		}
	}

	// The commands do what they say.
	li.types("photo", "before", picture(t, 10), "--job", number)
	li.types("answer", "pressure", "0.4", "--job", number)
	li.types("answer", "sealed", "是", "--job", number)
	li.types("photo", "after", picture(t, 90), "--job", number)
	li.types("sign", "王女士", "--step", "signature", "--job", number)
	if said := li.types("complete"); !strings.Contains(said, "公司已收到") || strings.Contains(said, "→ photo") {
		t.Errorf("completed: %s", said)
	}
}
