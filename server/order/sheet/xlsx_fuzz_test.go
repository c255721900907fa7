package sheet

import (
	"archive/zip"
	"bytes"
	"testing"
)

// FuzzWorkbook puts foreign XML into the parts of a workbook that is else sound, since foreign bytes as a whole
// would hardly ever be a zip file.
func FuzzWorkbook(f *testing.F) {
	const ns = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	f.Add(`<worksheet`+ns+
		`><dimension ref="A1:B2"/><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>46349.5</v></c></row></sheetData></worksheet>`, `<sst`+ns+`><si><t>订单号</t></si></sst>`)
	f.Add(`<worksheet`+ns+`><sheetData><row r="1048577"><c r="XFE1"><v>1</v></c></row></sheetData></worksheet>`, `<sst/>`)
	f.Add(`<worksheet`+ns+
		`><sheetData><row r="3"><c r="A3" t="inlineStr"><is><t>x</t></is></c></row><row r="2"><c t="s"><v>-1</v></c></row></sheetData></worksheet>`, `<sst><si/></sst>`)
	f.Add(`<worksheet><sheetData><row r="x"><c r="1A"><v>`, ``)
	f.Fuzz(func(t *testing.T, sheet, text string) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, part := range []struct{ name, body string }{
			{
				"[Content_Types].xml",
				`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
			},
			{
				"_rels/.rels",
				`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
			},
			{
				"xl/workbook.xml",
				`<workbook` + ns +
					` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
			},
			{
				"xl/_rels/workbook.xml.rels",
				`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
			},
			{"xl/worksheets/sheet1.xml", sheet},
			{"xl/sharedStrings.xml", text},
		} {
			w, err := z.Create(part.name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(part.body)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		drain(t, b.Bytes())
	})
}
