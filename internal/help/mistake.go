package help

import (
	"regexp"
	"strings"
)

// mistakes are kong's sentences about what was typed, and the same in Chinese. kong gives text alone, so they are
// found by their text; a test holds the list against the sources of the version in use. Places ($1…) that are
// sentences of kong's themselves are said in Chinese, too.
var mistakes = []struct {
	kong    *regexp.Regexp
	chinese string
}{
	{regexp.MustCompile(`^(.+), did you mean one of (.+)\?$`), "$1，是否指 $2 之一？"},
	{regexp.MustCompile(`^(.+), did you mean (".+")\?$`), "$1，是否指 $2？"},
	{regexp.MustCompile(`^(.+); perhaps try (.+)\?$`), "$1；可以试试 $2"},
	{regexp.MustCompile(`^(.+) \(from envar (.+)\)$`), "$1（来自环境变量 $2）"},
	{regexp.MustCompile(`^unknown flag (.+)$`), "没有选项 $1"},
	{regexp.MustCompile(`^unexpected (?:flag )?argument (.+)$`), "多余的参数 $1"},
	{regexp.MustCompile(`^unexpected token (.+)$`), "多余的内容 $1"},
	{regexp.MustCompile(`^flag (--\S+) applies to the default command (.+), not (.+)$`), "选项 $1 只用于默认命令 $2，不能用于 $3"},
	{regexp.MustCompile(`^missing flags: (.+)$`), "缺少选项：$1"},
	{regexp.MustCompile(`^missing positional arguments (.+)$`), "缺少参数 $1"},
	{regexp.MustCompile(`^(.+) is required$`), "缺少 $1"},
	{regexp.MustCompile(`^(--\S+) and (--\S+) can't be used together$`), "$1 与 $2 不能同时使用"},
	{regexp.MustCompile(`^(--.+) must be used together$`), "$1 须同时使用"},
	{regexp.MustCompile(`^(\S+|\[?<\S+>(?: \.\.\.)?\]?) must be one of (.+) but got (.+)$`), "$1 应为 $2 之一，而不是 $3"},
	{regexp.MustCompile(`^expected one of (.+)$`), "缺少以下之一：$1"},
	{regexp.MustCompile(`^expected a valid \d+ bit u?int but got (.+)$`), "应为整数，而不是 $1"},
	{regexp.MustCompile(`^expected an? (?:int|counter) but got (.+)$`), "应为整数，而不是 $1"},
	{regexp.MustCompile(`^expected a float but got (.+)$`), "应为数字，而不是 $1"},
	{regexp.MustCompile(`^expected duration but got ("[^"]*")(?:: .*)?$`), "应为时长（例如 90s、15m、24h），而不是 $1"},
	{
		regexp.MustCompile(`^(?:bool value must be true, 1, yes, false, 0 or no|expected bool) but got (.+)$`),
		"应为 yes 或 no，而不是 $1",
	},
	{regexp.MustCompile(`^expected \S+ value but got "EOL" \(<?EOL>?\)$`), "后面缺少值"},
	{regexp.MustCompile(`^expected \S+ value but got (.+?)(?: \(.+\))?$`), "后面缺少值，而是 $1"},
	{regexp.MustCompile(`^expected "<key>=<value>" but got (.+)$`), `应为“键=值”，而不是 $1`},
	{regexp.MustCompile(`^missing value, expecting (.+)$`), "缺少值，应为 $1"},
	{regexp.MustCompile(`^invalid map (?:key|value) (.+)$`), "无效的值 $1"},
	{regexp.MustCompile(`^expected (".+")$`), "缺少 $1"},
	{regexp.MustCompile(`^(?:open|stat) (.+): no such file or directory$`), "文件 $1 不存在"},
	{regexp.MustCompile(`^(?:open|stat) (.+): permission denied$`), "没有权限读取 $1"},
	{regexp.MustCompile(`^failed to open (".+"): (.+)$`), "无法打开 $1：$2"},
	{regexp.MustCompile(`^(".+") exists but is a directory(?:: .*)?$`), "$1 是文件夹，应为文件"},
	{regexp.MustCompile(`^(".+") exists but is not a directory$`), "$1 不是文件夹"},
	{regexp.MustCompile(`^(--?\S+|\[?<\S+>(?: \.\.\.)?\]?): (.+)$`), "$1：$2"},
}

// Mistake says in lang what is wrong with what was typed, by a parser's error.
func Mistake(err error, lang string) string {
	if lang != Chinese {
		return err.Error()
	}
	return inChinese(err.Error())
}

func inChinese(text string) string {
	for _, m := range mistakes {
		found := m.kong.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		out := m.chinese
		for i, place := range found[1:] {
			out = strings.Replace(out, "$"+string(rune('1'+i)), inChinese(place), 1)
		}
		return out
	}
	return text
}
