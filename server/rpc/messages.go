package rpc

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s: must not contain the character U+0000": "%s：不能含字符 U+0000",
	"HTTP method":            "HTTP 方法",
	"TLS certificate %s: %s": "TLS 证书 %s：%s",
	"a TLS certificate needs its key file, and the key its certificate": "TLS 证书和私钥文件须同时填写",
	"body: cannot be read to its end":                                   "请求内容不完整",
	"cannot listen on %s: %s":                                           "无法监听 %s：%s",
	"message of type %s is no protobuf message":                         "类型 %s 不是 protobuf 消息",
	"only an enrolled device may do this":                               "只有已登记的设备可以执行",
	"unknown field %s":                                                  "没有字段 %s",
	"unknown field %s, did you mean %s":                                 "没有字段 %s，是否指 %s",
	"body: line %s, column %s":                                          "body：第 %s 行，第 %s 列",
	"%s, field %s":                                                      "%s，字段 %s",
})
