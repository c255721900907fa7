package media

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	TypeDiffers   fault.Code = "proof_type_differs"
	TooManyPixels fault.Code = "proof_too_many_pixels"
	PictureBroken fault.Code = "proof_picture_broken"
)

var _ = fault.Register(
	fault.Definition{
		Code: TypeDiffers, Kind: fault.KindInvalid,
		English: "The file is a picture of another kind than was announced. Attach it anew.",
		Chinese: "图片格式与申报不符，请重新添加。",
	},
	fault.Definition{
		Code: TooManyPixels, Kind: fault.KindInvalid,
		English: "The picture has more pixels than are accepted. Take it at a lower resolution.",
		Chinese: "图片像素超过限制，请降低分辨率后重新拍摄。",
	},
	fault.Definition{
		Code: PictureBroken, Kind: fault.KindInvalid,
		English: "The picture is damaged and cannot be shown. Take it again.",
		Chinese: "图片已损坏，无法显示，请重新拍摄。",
	},
)
