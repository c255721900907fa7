package media_test

import (
	"bytes"
	"image"
	_ "image/jpeg" // to measure thumbnails
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/proof/heic"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// real says how each of the real files must end. seen is the size of the thumbnail, right way up.
var real = map[string]struct {
	refused      fault.Code
	seenW, seenH int
	orientation  int
	latitude     float64
	taken        string
	zone         bool
}{
	"Canon_40D.jpg": {seenW: 100, seenH: 68, orientation: 1, taken: "2008-05-30T15:56:01"},
	"corrupted.jpg": {refused: media.PictureBroken},
	"gps_DSCN0010.jpg": {
		seenW: 512, seenH: 384, orientation: 1, latitude: 43.46744,
		taken: "2008-10-23T14:27:07", zone: true,
	},
	"gps_DSCN0012.jpg": {
		seenW: 512, seenH: 384, orientation: 1, latitude: 43.46715,
		taken: "2008-10-23T14:28:17", zone: true,
	},
	"gps_DSCN0021.jpg": {
		seenW: 512, seenH: 384, orientation: 1, latitude: 43.46708,
		taken: "2008-10-23T14:36:47", zone: true,
	},
	"gps_DSCN0040.jpg": {
		seenW: 512, seenH: 384, orientation: 1, latitude: 43.46601,
		taken: "2008-10-23T14:54:00", zone: true,
	},
	"hdr_iphone_hdr_YES.jpg": {
		seenW: 512, seenH: 384, orientation: 1, latitude: 40.44697,
		taken: "2015-04-10T18:12:23", zone: true,
	},
	"invalid_image00971.jpg":        {seenW: 512, seenH: 182, orientation: 1},
	"invalid_image01551.jpg":        {seenW: 61, seenH: 58, orientation: 1},
	"invalid_image02206.jpg":        {seenW: 65, seenH: 65, orientation: 1},
	"mobile_HMD_Nokia_8.3_5G.jpg":   {seenW: 512, seenH: 219, orientation: 1, taken: "2022-08-14T11:12:31", zone: true},
	"mobile_iphone_13_pro_max.HEIC": {seenW: 384, seenH: 512, orientation: 1, taken: "2022-02-16T11:55:41", zone: true},
	"mobile_jolla.jpg":              {seenW: 512, seenH: 384, orientation: 1, taken: "2014-09-21T16:00:56"},
	"orientation_landscape_1.jpg":   {seenW: 512, seenH: 384, orientation: 1},
	"orientation_landscape_3.jpg":   {seenW: 512, seenH: 384, orientation: 3},
	"orientation_landscape_6.jpg":   {seenW: 512, seenH: 384, orientation: 6},
	"orientation_landscape_8.jpg":   {seenW: 512, seenH: 384, orientation: 8},
	"orientation_portrait_5.jpg":    {seenW: 384, seenH: 512, orientation: 5},
	"orientation_portrait_7.jpg":    {seenW: 384, seenH: 512, orientation: 7},
	"tests_36-memory_error.jpg":     {seenW: 512, seenH: 384, orientation: 1, taken: "2002-04-21T00:30:33"},
	"tests_45-gps_ifd.jpg":          {seenW: 512, seenH: 288, orientation: 1, taken: "2012-06-23T06:55:49"},
	"tests_67-0_length_string.jpg": {
		seenW: 512, seenH: 255, orientation: 1, latitude: 51.025,
		taken: "2016-09-12T10:05:31",
	},
	"tests_87_OSError.jpg": {seenW: 340, seenH: 512, orientation: 1, latitude: 43.78559, taken: "2005-12-14T14:39:47"},
	"xmp_no_exif.jpg":      {seenW: 322, seenH: 466, orientation: 1, taken: "2014-09-22T10:56:35"},
}

func TestEveryRealFileEndsAsExpected(t *testing.T) {
	t.Parallel()
	folder := shared.Path(t, "photos")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(real) {
		t.Errorf("%d files, %d expectations", len(files), len(real))
	}
	decoder := heic.New()
	decoder.Patience = 10 * time.Minute // the race detector makes it slow
	x := media.Examiner{DecodeHEIC: decoder.JPEG}
	for _, file := range files {
		want, ok := real[file.Name()]
		if !ok {
			t.Errorf("%s: nothing expected", file.Name())
			continue
		}
		b, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		p, err := x.Examine(t.Context(), b)
		if fault.CodeOf(err) != want.refused {
			t.Errorf("%s: refused %q (%v), want %q", file.Name(), fault.CodeOf(err), err, want.refused)
		}
		if err != nil {
			continue
		}
		thumb, _, err := image.DecodeConfig(bytes.NewReader(p.Thumbnail))
		if err != nil || thumb.Width != want.seenW || thumb.Height != want.seenH {
			t.Errorf("%s: thumbnail %d × %d (%v), want %d × %d", file.Name(), thumb.Width, thumb.Height, err,
				want.seenW, want.seenH)
		}
		if p.Facts.Orientation != want.orientation {
			t.Errorf("%s: orientation %d, want %d", file.Name(), p.Facts.Orientation, want.orientation)
		}
		if at := p.Facts.Position; (at != nil) != (want.latitude != 0) || at != nil &&
			(at.Latitude < want.latitude-1e-4 || at.Latitude > want.latitude+1e-4) {
			t.Errorf("%s: position %v, want latitude %v", file.Name(), at, want.latitude)
		}
		taken := ""
		if !p.Facts.Taken.IsZero() {
			taken = p.Facts.Taken.Format("2006-01-02T15:04:05")
		}
		if taken != want.taken || p.Facts.TakenZone != want.zone {
			t.Errorf("%s: taken %s (zone %v), want %s (%v)", file.Name(), taken, p.Facts.TakenZone, want.taken, want.zone)
		}
		if len(p.Shared) < 900_000 { // the big ones take long and tell nothing more
			isClean(t, file.Name(), x, p)
		}
	}
}

// isClean checks that the shared copy is a whole picture that tells nothing of place and time.
func isClean(t *testing.T, name string, x media.Examiner, p media.Picture) {
	t.Helper()
	again, err := x.Examine(t.Context(), p.Shared)
	if err != nil {
		t.Errorf("%s: the shared copy is refused: %v", name, err)
		return
	}
	if f := again.Facts; f.Position != nil || !f.Taken.IsZero() || f.Orientation != p.Facts.Orientation {
		t.Errorf("%s: the shared copy tells %+v", name, f)
	}
	for _, trace := range []string{"http://ns.adobe.com", "Photoshop", "GPS", "MPF"} {
		if bytes.Contains(p.Shared[:min(len(p.Shared), 2000)], []byte(trace)) {
			t.Errorf("%s: the shared copy holds %q", name, trace)
		}
	}
	if p.SharedType == p.Type && !bytes.Equal(again.Thumbnail, p.Thumbnail) {
		t.Errorf("%s: the shared copy looks different", name)
	}
}
