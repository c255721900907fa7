package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
)

// The tickets are what the office puts into a technician's feed: the same fields set as server/ticket sets them, ids as
// it makes them, products, templates and shops of one company, and words that people write.

var (
	surnames = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗"}
	given    = []string{
		"建国", "海涛", "志强", "晓明", "伟", "磊", "军", "永刚", "春生", "玉梅", "雪琴", "思远", "子轩", "文博", "浩然", "丽华", "国栋",
		"金龙", "秀英", "天宇",
	}
	district = []string{
		"北京市朝阳区", "北京市海淀区", "上海市浦东新区", "上海市徐汇区", "广州市天河区", "深圳市南山区", "杭州市西湖区", "成都市武侯区",
		"武汉市江汉区", "西安市雁塔区",
	}
	streets = []string{
		"阜通东大街", "知春路", "世纪大道", "体育西路", "科苑路", "文三路", "人民南路", "解放大道", "长安中路", "建国门外大街", "漕溪北路", "中山大道",
		"龙华路", "科技二路", "学院路",
	}
	products = []string{
		"即热式燃气热水器 16L", "恒温燃气热水器 13L", "指纹锁 F1", "人脸识别锁 P3", "侧吸式油烟机 S7", "一体智能马桶 Z1", "壁挂智能马桶 B2",
		"实木浴室柜 80cm", "壁挂空调 1.5匹", "中央空调 一拖三", "洗碗机 15套", "净水器 800G",
	}
	parts = []string{"三角阀", "不锈钢软管", "膨胀螺丝（套）", "加长铜管（米）", "外机支架", "防霉密封胶", "空气开关", "加长烟管（米）", "前置过滤器"}
	said  = []string{
		"客户要求%d点以后上门", "电话提前%d分钟联系", "旧机已使用%d年，需拆除", "墙体为空心砖，打孔%d个", "水压%d0kPa", "电梯限重，需搬运%d层", "门卫登记，停车费%d元",
		"厨房吊顶离地%d00mm", "家中有老人和小孩", "水路老化，建议更换三角阀", "客户自备支架", "上次来过一次，缺配件", "Call before arrival, gate code %d",
		"小区%d号门进", "发票抬头已发短信", "宠物狗，请注意",
	}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// known is the id of a thing of the catalogue.
func known(kind string, n int) []byte {
	id := uuid.NewSHA1(uuid.UUID(benchOrg), fmt.Appendf(nil, "%s %d", kind, n))
	return id[:]
}

// fresh is an id made at a time, a UUIDv7.
func fresh(r *rand.Rand, at time.Time) []byte {
	var id uuid.UUID
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < 16; i++ {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id[:]
}

func remark(r *rand.Rand) string {
	var words []string
	for range 1 + r.IntN(3) {
		s := pick(r, said)
		if strings.Contains(s, "%d") {
			s = fmt.Sprintf(s, 1+r.IntN(30))
		}
		words = append(words, s)
	}
	return strings.Join(words, "，") + "。"
}

// ticketLike is a ticket of about a kilobyte in the middle of its life.
func ticketLike(r *rand.Rand) *fieldv1.Ticket {
	opened := benchBegin.Add(time.Duration(r.IntN(90*24*60)) * time.Minute)
	at := func(after time.Duration) *timestamppb.Timestamp { return timestamppb.New(opened.Add(after)) }
	moment := func() *timestamppb.Timestamp { return at(time.Duration(r.Int64N(int64(72*time.Hour))) / 1000 * 1000) }
	degrees := func(from float64) float64 { return math.Round((from+r.Float64())*1e6) / 1e6 }
	product, window := r.IntN(len(products)), time.Duration(24+r.IntN(48))*time.Hour
	hash := make([]byte, 32)
	for i := range hash {
		hash[i] = byte(r.Uint32())
	}
	t := &fieldv1.Ticket{
		Id: fresh(r, opened), Number: fmt.Sprintf("T-%s%05d", opened.Format("060102"), r.IntN(300)),
		State:        fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency(1 + r.IntN(3)),
		Customer: &fieldv1.Customer{
			Id: fresh(r, opened), Name: pick(r, surnames) + pick(r, given),
			Phone: fmt.Sprintf("1%d%09d", 3+r.IntN(7), r.IntN(1e9)),
			Address: fmt.Sprintf("%s%s%d号院%d号楼%d单元%d室", pick(r, district), pick(r, streets), r.IntN(190)+1, r.IntN(20)+1,
				r.IntN(6)+1, (r.IntN(28)+1)*100+r.IntN(4)+1),
			Position: &typesv1.Position{Latitude: degrees(39), Longitude: degrees(116)},
		},
		ProductId: known("product", product), ProductName: products[product],
		Model: fmt.Sprintf("AJ-%02d%02d", product/4+1, product%4+1), Serial: fmt.Sprintf("SN26%09d", r.IntN(1e9)),
		PurchasedAt: at(-48 * time.Hour), WarrantyUntil: at(3 * 365 * 24 * time.Hour), ShopName: pick(r, district) + "旗舰店",
		TemplateId: known("template", product), ClassId: known("class", product/4), Due: at(window + 4*time.Hour),
		ChangedAt:        moment(),
		Wanted:           &typesv1.Window{Earliest: at(window), Latest: at(window + 2*time.Hour)},
		Arrival:          &typesv1.Window{Earliest: at(window), Latest: at(window + time.Hour)},
		AssignmentReason: &typesv1.Label{Zh: "技能匹配，距离最近，当日有空", En: "has the skills, is nearest, is free today"},
		OrderNumber:      fmt.Sprintf("JD%012d", r.Uint64N(1e12)), EventHash: hash,
	}
	for range 1 + r.IntN(3) {
		n := moment()
		t.Notes = append(t.Notes,
			&fieldv1.Note{Id: fresh(r, n.AsTime()), Text: remark(r), Author: pick(r, surnames) + pick(r, given), DeviceTime: n})
	}
	for range r.IntN(3) {
		n, part := moment(), r.IntN(len(parts))
		t.Parts = append(t.Parts, &fieldv1.PartUsed{
			Id: fresh(r, n.AsTime()), PriceItemId: known("price", part), Name: parts[part], Quantity: uint32(1 + r.IntN(3)),
			UnitPrice: &typesv1.Money{Minor: int64(800 + 1200*part), Currency: "CNY"}, DeviceTime: n,
		})
	}
	for range r.IntN(4) {
		t.History = append(t.History, &fieldv1.HistoryItem{
			Number: fmt.Sprintf("T-2510%02d%05d", r.IntN(30)+1, r.IntN(300)), State: fieldv1.TicketState_TICKET_STATE_CLOSED,
			At: moment(), Summary: pick(r, products),
		})
	}
	return t
}
