// Package typeface holds the font of labels and pictures: Noto Sans SC Medium, cut down to Latin and the Chinese
// of GB 2312, so that a server without any fonts prints Chinese labels.
package typeface

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"

	"golang.org/x/image/font/sfnt"
)

//go:embed NotoSansSC-Medium-gb2312.ttf.gz
var packed []byte

// Missing stands in for a character that the font does not have.
const Missing = '□'

// TTF is the embedded font, unpacked once. The caller must not change it.
var TTF = sync.OnceValue(func() []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("typeface: embedded font: %v", err))
	}
	ttf, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("typeface: embedded font: %v", err))
	}
	return ttf
})

// Font is the embedded font, parsed once.
var Font = sync.OnceValue(func() *sfnt.Font {
	f, err := sfnt.Parse(TTF())
	if err != nil {
		panic(fmt.Sprintf("typeface: embedded font: %v", err))
	}
	return f
})

// Has tells whether the embedded font can draw the character.
func Has(r rune) bool {
	i, err := Font().GlyphIndex(nil, r)
	return err == nil && i != 0
}
