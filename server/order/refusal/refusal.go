// Package refusal names every reason for which an import does not take a line in, with its sentence in Chinese
// and English. Codes are lower_snake_case, stand in reports that people keep, and are never given a new meaning.
package refusal

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Code names one reason.
type Code string

// The reasons.
const (
	// Of the line as such.
	LineTooLong    Code = "line_too_long"
	TooManyColumns Code = "too_many_columns"
	TooFewColumns  Code = "too_few_columns"
	BadCharacters  Code = "bad_characters"
	FieldTooLong   Code = "field_too_long"

	// Of a value.
	Missing             Code = "missing"
	TooLong             Code = "too_long"
	NotMapped           Code = "not_mapped"
	PhoneMasked         Code = "phone_masked"
	PhoneMalformed      Code = "phone_malformed"
	MoneyMalformed      Code = "money_malformed"
	MoneyFractions      Code = "money_fractions"
	MoneyNegative       Code = "money_negative"
	MoneyTooLarge       Code = "money_too_large"
	TimeMalformed       Code = "time_malformed"
	TimeImplausible     Code = "time_implausible"
	WindowMalformed     Code = "window_malformed"
	WindowBackwards     Code = "window_backwards"
	CoordinateMalformed Code = "coordinate_malformed"
	CoordinateRange     Code = "coordinate_range"
	CoordinateZero      Code = "coordinate_zero"
	CoordinateHalf      Code = "coordinate_half"
	QuantityMalformed   Code = "quantity_malformed"
	QuantityRange       Code = "quantity_range"
	GTINMalformed       Code = "gtin_malformed"
	GTINCheckDigit      Code = "gtin_check_digit"
	NumberShortened     Code = "number_shortened"
	ErrorCell           Code = "error_cell"
	ArticleTwice        Code = "article_twice"

	// Of the line against what is known.
	ProductUnknown Code = "product_unknown"
	ShopUnknown    Code = "shop_unknown"
	RegionUnknown  Code = "region_unknown"
	LineDiffers    Code = "line_differs"
	OrderDiffers   Code = "order_differs"
	TicketRefused  Code = "ticket_refused"
)

// Sentence is one reason in the two languages.
type Sentence struct{ Chinese, English string }

var sentences = map[Code]Sentence{
	LineTooLong:    {"本行过长", "the line is longer than allowed"},
	TooManyColumns: {"列数多于表头，可能有未加引号的分隔符", "more columns than the header has; perhaps a separator without quotes"},
	TooFewColumns:  {"列数少于表头，可能被截断", "fewer columns than the header has; perhaps cut off"},
	BadCharacters:  {"含有无法解码的字符，请检查文件编码", "characters that cannot be decoded; check the file's encoding"},
	FieldTooLong:   {"单元格内容过长", "a cell holds more than allowed"},

	Missing: {"必填项为空", "empty, but needed"},
	NumberShortened: {
		"号码被电子表格缩写，末尾数字已丢失；请把该列设为文本后重新导出",
		"a spreadsheet has shortened the number and its digits are gone; format the column as text and export again",
	},
	ArticleTwice: {
		"同一订单中此商品出现两次；请合并为一行并填写数量，或增加一列行号",
		"the order has this article on another line: write one line with the quantity, or add a column that numbers " +
			"the lines",
	},
	ErrorCell:           {"单元格是公式错误", "the cell holds a formula's error"},
	TooLong:             {"内容过长", "longer than allowed"},
	NotMapped:           {"映射文件中没有该取值", "the mapping file has no entry for this value"},
	PhoneMasked:         {"电话号码被打码，无法联系客户", "the phone number is masked; nobody could call it"},
	PhoneMalformed:      {"不是有效的电话号码", "not a phone number"},
	MoneyMalformed:      {"不是有效的金额", "not an amount of money"},
	MoneyFractions:      {"金额小于分的部分无法入账", "fractions below the currency's smallest unit"},
	MoneyNegative:       {"金额不能为负", "negative"},
	MoneyTooLarge:       {"金额过大", "implausibly large"},
	TimeMalformed:       {"无法识别的日期或时间", "not a date or time in a known form"},
	TimeImplausible:     {"日期不合理", "implausible date"},
	WindowMalformed:     {"无法识别的时间段", "not a time slot in a known form"},
	WindowBackwards:     {"时间段的结束早于开始", "ends before it begins"},
	CoordinateMalformed: {"不是有效的坐标", "not a coordinate in degrees"},
	CoordinateRange:     {"坐标超出范围", "out of range"},
	CoordinateZero:      {"坐标为 0,0，等于没有坐标", "0,0 stands for no place"},
	CoordinateHalf:      {"经纬度只有一个", "latitude without longitude, or the reverse"},
	QuantityMalformed:   {"不是有效的数量", "not a whole number"},
	QuantityRange:       {"数量须在 1 到 50 之间", "must be from 1 to 50"},
	GTINMalformed:       {"不是有效的商品条码", "not a GTIN of 8, 12, 13 or 14 digits"},
	GTINCheckDigit:      {"商品条码校验位不符", "the GTIN's check digit is wrong"},

	ProductUnknown: {"商品目录中没有该商品", "not in the catalogue"},
	ShopUnknown:    {"没有该门店", "no such shop"},
	RegionUnknown:  {"没有该区域", "no such region"},
	LineDiffers:    {"该订单行已导入过，但内容不同", "this order line was taken in before with other content"},
	OrderDiffers:   {"该订单已属于另一位客户", "this order was taken in before for another customer"},
	TicketRefused:  {"无法为该行开工单", "no ticket can be opened for this line"},
}

// Of gives a reason's sentence; ok is false for a code that is not in the list.
func Of(c Code) (Sentence, bool) {
	s, ok := sentences[c]
	return s, ok
}

// Codes lists all reasons, unordered.
func Codes() []Code {
	out := make([]Code, 0, len(sentences))
	for c := range sentences {
		out = append(out, c)
	}
	return out
}

// Error lets a parser return a reason as an error. Detail is added to the sentence and may be empty.
type Error struct {
	Code   Code
	Detail string
}

// Error is for logs.
func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Code)
	}
	return string(e.Code) + " (" + e.Detail + ")"
}

// New makes an Error; the detail is formatted as by Sprintf.
func New(c Code, detail string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(detail, args...)}
}

// Refusal is one reason why a line was not taken in. A line may have several, each of another column.
type Refusal struct {
	// Order is the order's number as the file writes it, shortened; empty when the line does not tell.
	Order string
	// Line is the number of the record's first physical line, 1 for the first line of the file.
	Line int
	// Column is the file's own name of the column; empty when the line as such is at fault.
	Column string
	// Value is what stood there, shortened.
	Value  string
	Code   Code
	Detail string
}

// FromError makes the refusal of a line from a parser's error; an error without a reason gives ok = false.
func FromError(line int, column, value string, err error) (r Refusal, ok bool) {
	var e *Error
	if !errors.As(err, &e) {
		return Refusal{}, false
	}
	return Refusal{Line: line, Column: column, Value: Shorten(value), Code: e.Code, Detail: e.Detail}, true
}

// Chinese is the reason in Chinese.
func (r Refusal) Chinese() string { return withDetail(sentences[r.Code].Chinese, r.Detail) }

// English is the reason in English.
func (r Refusal) English() string { return withDetail(sentences[r.Code].English, r.Detail) }

func withDetail(s, detail string) string {
	if detail == "" {
		return s
	}
	return s + " (" + detail + ")"
}

const shown = 60 // runes of a value that a report shows

// Shorten makes a foreign value fit to be shown: one line, printable, at most 60 characters.
func Shorten(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == shown {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			r = ' '
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0x2028 || r == 0x2029 || (r >= 0x202a && r <= 0x202e) ||
			(r >= 0x2066 && r <= 0x2069):
			r = utf8.RuneError
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
