package checklist

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s is not within %s to %s":                                "%s 不在 %s 到 %s 之间",
	"expects 1 to %s characters":                               "请填 1 到 %s 个字",
	"expects a number":                                         "请填数字",
	"expects one of its choices: %s":                           "请选择其中一项：%s",
	"expects yes or no":                                        "请答是或否",
	"is answered by proof, not by words":                       "需要照片或签名，不能只填文字",
	"step %s: %s":                                              "步骤 %s：%s",
	"step %s: name in at least one language":                   "步骤 %s：至少填写一种语言的名称",
	"step %s comes twice":                                      "步骤 %s 重复",
	"step %s: choice %s has a bad or repeated key, or no name": "步骤 %s：选项 %s 的代号有误、重复或没有名称",
	"step %s: at most %s signatures can be asked for":          "步骤 %s：最多要求 %s 个签名",
	"step %s: at most %s photos can be asked for":              "步骤 %s：最多要求 %s 张照片",
	"step %s: unknown kind":                                    "步骤 %s：类型未知",
	"key %s: 1 to 64 of a-z, 0-9, _ and -":                     "代号 %s：须为 1 到 64 个小写字母、数字、_ 或 -",
	"step key %s: 1 to 64 of a-z, 0-9, _ and -":                "步骤代号 %s：须为 1 到 64 个小写字母、数字、_ 或 -",
	"step %s: the range is empty":                              "步骤 %s：范围为空",
	"steps: 1 to %s":                                           "步骤：1 到 %s 个",
	"step %s: 1 to %s choices":                                 "步骤 %s：1 到 %s 个选项",
	"name: at least one language, at most %s characters":       "名称：至少一种语言，最多 %s 个字",
	"step %s: say what the photo must show":                    "步骤 %s：请说明照片须拍什么",
})
