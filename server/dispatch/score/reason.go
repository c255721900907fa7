package score

import (
	"fmt"
	"strings"
)

// Code names a reason.
type Code string

// The reasons for and against a technician.
const (
	NearHome        Code = "near_home"
	NearLast        Code = "near_last"
	DistanceUnknown Code = "distance_unknown"
	Free            Code = "free"
	Skilled         Code = "skilled"
	GoldFirst       Code = "gold_first"
	FitsWindow      Code = "fits_window"
	LacksSkill      Code = "lacks_skill"
	Full            Code = "full"
	OutOfHours      Code = "out_of_hours"
	TooFar          Code = "too_far"
	// Declined is of who gave the job back, or did not come.
	Declined Code = "declined"
	// PlaceUnknown is for a job whose address has no position and which belongs to no region.
	PlaceUnknown Code = "place_unknown"
	// NobodyKnown is for a job without any candidate at all.
	NobodyKnown Code = "nobody_known"
)

// Reason is one argument with its figures, kept as data.
type Reason struct {
	Code     Code     `json:"code"`
	Km       float64  `json:"km,omitempty"`
	Load     int      `json:"load,omitempty"`
	Capacity int      `json:"capacity,omitempty"`
	Skills   []string `json:"skills,omitempty"`
	// RegionZH and RegionEN name the region in which nobody was found; empty for none.
	RegionZH string `json:"region_zh,omitempty"`
	RegionEN string `json:"region_en,omitempty"`
}

// Words says the reason in both languages.
func (r Reason) Words() (chinese, english string) {
	switch r.Code {
	case NearHome:
		return fmt.Sprintf("离住处 %.1f 公里", r.Km), fmt.Sprintf("%.1f km from home", r.Km)
	case NearLast:
		return fmt.Sprintf("离当天上一单 %.1f 公里", r.Km), fmt.Sprintf("%.1f km from the last job of the day", r.Km)
	case DistanceUnknown:
		return "距离未知", "distance unknown"
	case Free:
		if r.Capacity == 0 {
			return fmt.Sprintf("当天已有 %d 单", r.Load), fmt.Sprintf("%d jobs that day", r.Load)
		}
		return fmt.Sprintf("当天已有 %d 单，上限 %d 单", r.Load, r.Capacity), fmt.Sprintf("%d of %d jobs that day", r.Load, r.Capacity)
	case Skilled:
		return "具备技能：" + strings.Join(r.Skills, "、"), "has the skills: " + strings.Join(r.Skills, ", ")
	case GoldFirst:
		return "金牌师傅优先服务重要或加急客户", "gold technicians go first to VIP and rush customers"
	case FitsWindow:
		return "工作时间符合客户预约", "works when the customer wants the visit"
	case LacksSkill:
		return "缺少技能：" + strings.Join(r.Skills, "、"), "lacks the skills: " + strings.Join(r.Skills, ", ")
	case Full:
		return fmt.Sprintf("当天已满（%d/%d 单）", r.Load, r.Capacity), fmt.Sprintf("full that day (%d of %d jobs)",
			r.Load, r.Capacity)
	case OutOfHours:
		return "预约时间不在其工作时间内", "does not work when the customer wants the visit"
	case TooFar:
		return fmt.Sprintf("距离太远（%.0f 公里）", r.Km), fmt.Sprintf("too far away (%.0f km)", r.Km)
	case Declined:
		return "已拒单或未到场", "declined, or did not come"
	case PlaceUnknown:
		return "地址没有坐标，工单也没有区域，请先指定区域", "the address has no position and the ticket no region: say which region it is"
	case NobodyKnown:
		return "该区域没有师傅", "no technician in this region"
	}
	return string(r.Code), string(r.Code)
}

// Nobody says in both languages why there is nobody for a job, of a reason that WhyNobody gave.
func (r Reason) Nobody() (chinese, english string) {
	zh, en := r.RegionZH, ""
	if r.RegionEN != "" {
		en = " in " + r.RegionEN
	}
	switch r.Code {
	case PlaceUnknown:
		return r.Words()
	case NobodyKnown:
		return zh + "没有师傅", "no technician" + en
	case LacksSkill:
		return zh + "没有具备技能“" + strings.Join(r.Skills, "、") + "”的师傅", "no technician with the skills " +
			strings.Join(r.Skills, ", ") + en
	}
	whyZH, whyEN := r.Words()
	return zh + "没有可派的师傅：" + whyZH, "no technician" + en + " can go: " + whyEN
}

// Say joins reasons into one sentence of each language.
func Say(reasons []Reason) (chinese, english string) {
	zh, en := make([]string, len(reasons)), make([]string, len(reasons))
	for i, r := range reasons {
		zh[i], en[i] = r.Words()
	}
	return strings.Join(zh, "；"), strings.Join(en, "; ")
}

// WhyNobody sums up why none of the candidates can do a job: the commonest exclusion of those who have the skills, or,
// where nobody has, the lack of them. Equals go by name.
func WhyNobody(candidates []Candidate) Reason {
	count := map[Code]int{}
	best := Reason{Code: NobodyKnown}
	for _, c := range candidates {
		if c.Excluded == nil {
			continue
		}
		code := c.Excluded.Code
		count[code]++
		n, m := count[code], count[best.Code]
		switch {
		case best.Code == NobodyKnown, best.Code == LacksSkill && code != LacksSkill:
		case code == LacksSkill && best.Code != LacksSkill:
			continue
		case n > m || n == m && code < best.Code:
		default:
			continue
		}
		best = *c.Excluded
	}
	return best
}
