// Package demo is an invented company in China with everything that a day needs: regions, shops, teams, technicians,
// products, prices, a pay plan, two weeks of history and today's tickets; and a hand in the background that makes the
// day move. Nobody and nothing in it exists: names are drawn by lot, phone numbers are of the prefix 154-0000, which
// no carrier gives out, barcodes of GS1's prefix 952 for demonstrations.
//
// Everything goes through the rooms' own functions and the real intake, never by SQL into their tables.
package demo

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/order/parse"
)

// Slug is the company's short name, for signing in.
const Slug = "demo"

// namespace makes the company's ids the same on every machine.
var namespace = uuid.MustParse("d00257e9-0000-5000-8000-00000000de30")

// id is the fixed id of a thing of the company.
func id(kind, key string) uuid.UUID { return uuid.NewSHA1(namespace, []byte(kind+"/"+key)) }

// OrgID is the company.
func OrgID() uuid.UUID { return id("org", Slug) }

type place struct {
	key, zh, en string
	lat, lng    float64
	districts   []string
}

// Cities are real, with the coordinates of their centres; so are the districts. Streets are not.
var regions = []place{
	{"beijing", "北京", "Beijing", 39.9042, 116.4074, []string{"朝阳区", "海淀区", "丰台区"}},
	{"shanghai", "上海", "Shanghai", 31.2304, 121.4737, []string{"浦东新区", "徐汇区", "闵行区"}},
	{"guangzhou", "广州", "Guangzhou", 23.1291, 113.2644, []string{"天河区", "越秀区", "番禺区"}},
	{"shenzhen", "深圳", "Shenzhen", 22.5431, 114.0579, []string{"南山区", "福田区", "宝安区"}},
	{"hangzhou", "杭州", "Hangzhou", 30.2741, 120.1551, []string{"西湖区", "拱墅区", "余杭区"}},
	{"chengdu", "成都", "Chengdu", 30.5728, 104.0668, []string{"锦江区", "武侯区", "高新区"}},
	{"wuhan", "武汉", "Wuhan", 30.5928, 114.3055, []string{"江汉区", "武昌区", "洪山区"}},
	{"xian", "西安", "Xi'an", 34.3416, 108.9398, []string{"雁塔区", "碑林区", "未央区"}},
}

var streets = []string{"暖阳路", "清溪街", "梧桐巷", "云帆大道", "和风里", "青禾路", "星河街", "枫桥路", "晨曦道", "月湖街"}

type class struct {
	key, zh, en string
	skills      []string
	minutes     uint32
	fee         int64 // what an install pays, in fen
	models      [4]model
	// measure is the number that the checklist asks for.
	measure measure
}

type model struct {
	zh, en string
	price  int64 // fen
}

type measure struct {
	key, zh, en, unit string
	min, max          float64
}

var classes = []class{
	{
		"water_heater", "热水器",
		"Water heater",
		[]string{"gas", "plumbing"},
		90, 12000,
		[4]model{
			{"即热式燃气热水器 16L", "Gas water heater 16 L", 259900},
			{"恒温燃气热水器 13L", "Gas water heater 13 L", 189900},
			{"储水式电热水器 60L", "Electric water heater 60 L", 129900},
			{"空气能热水器 150L", "Heat-pump water heater 150 L", 459900},
		},
		measure{"pressure", "水压", "Water pressure", "MPa", 0.05, 0.8},
	},
	{
		"smart_lock", "智能门锁",
		"Smart lock",
		[]string{"lock"},
		60, 10000,
		[4]model{
			{"指纹锁 F1", "Fingerprint lock F1", 99900},
			{"人脸识别锁 P3", "Face-recognition lock P3", 219900},
			{"推拉式智能锁 T2", "Push-pull lock T2", 159900},
			{"密码锁 C1", "Keypad lock C1", 69900},
		},
		measure{
			"door_mm", "门厚",
			"Door thickness", "mm", 35, 120,
		},
	},
	{
		"range_hood", "油烟机",
		"Range hood",
		[]string{"kitchen"},
		75, 9000,
		[4]model{
			{"侧吸式油烟机 S7", "Side range hood S7", 199900},
			{"顶吸式油烟机 T5", "Top range hood T5", 229900},
			{"烟灶套装 K3", "Hood and hob set K3", 359900},
			{"集成灶 J9", "Integrated stove J9", 899900},
		},
		measure{
			"height_mm", "安装高度",
			"Mounting height", "mm", 350, 800,
		},
	},
	{
		"smart_toilet", "智能马桶",
		"Smart toilet",
		[]string{"plumbing"},
		90, 11000,
		[4]model{
			{"一体智能马桶 Z1", "Smart toilet Z1", 329900},
			{"壁挂智能马桶 B2", "Wall-hung toilet B2", 559900},
			{"智能马桶盖 G4", "Smart seat G4", 129900},
			{"智能马桶 Z5 泡沫盾", "Smart toilet Z5", 459900},
		},
		measure{
			"pit_mm", "坑距",
			"Pit distance", "mm", 200, 450,
		},
	},
	{
		"bath_cabinet", "浴室柜",
		"Bathroom cabinet",
		[]string{"plumbing", "carpentry"},
		100, 10500,
		[4]model{
			{"实木浴室柜 80cm", "Oak cabinet 80 cm", 249900},
			{"岩板浴室柜 100cm", "Stone-top cabinet 100 cm", 389900},
			{"恒温花洒套装 H2", "Thermostatic shower H2", 119900},
			{"智能镜柜 M1", "Smart mirror cabinet M1", 99900},
		},
		measure{
			"wall_mm",
			"墙面平整度偏差", "Wall deviation", "mm", 0, 15,
		},
	},
	{
		"furniture", "家具",
		"Furniture",
		[]string{"carpentry"},
		120, 9500,
		[4]model{
			{"北欧衣柜 2.0m", "Wardrobe 2.0 m", 299900},
			{"实木床 1.8m", "Oak bed 1.8 m", 359900},
			{"电视柜组合", "TV cabinet set", 159900},
			{"升降书桌", "Standing desk", 129900},
		},
		measure{
			"level_mm", "水平偏差",
			"Level deviation", "mm", 0, 5,
		},
	},
	{
		"air_conditioner", "空调",
		"Air conditioner",
		[]string{"refrigeration", "height"},
		120, 15000,
		[4]model{
			{"壁挂空调 1.5匹", "Wall unit 3.5 kW", 289900},
			{"立柜空调 3匹", "Floor unit 7.2 kW", 699900},
			{"中央空调 一拖三", "Multi-split 1 to 3", 1899900},
			{"新风空调 1.5匹", "Fresh-air unit 3.5 kW", 459900},
		},
		measure{
			"vacuum_pa",
			"抽真空", "Vacuum", "Pa", 0, 50,
		},
	},
	{
		"lighting", "灯具",
		"Lighting",
		[]string{"electric"},
		45, 8000,
		[4]model{
			{"客厅吸顶灯 L1", "Ceiling lamp L1", 69900},
			{"餐厅吊灯 D2", "Pendant lamp D2", 89900},
			{"智能筒灯套装", "Smart downlight set", 129900},
			{"晾衣机 Y3", "Ceiling drying rack Y3", 139900},
		},
		measure{
			"volt", "电压",
			"Voltage", "V", 180, 250,
		},
	},
	{
		"appliance", "大家电",
		"Appliance",
		[]string{"electric", "plumbing"},
		60, 8500,
		[4]model{
			{"滚筒洗衣机 10kg", "Washing machine 10 kg", 329900},
			{"洗碗机 15套", "Dishwasher 15 sets", 459900},
			{"净水器 800G", "Water purifier 800G", 219900},
			{"嵌入式蒸烤箱", "Built-in steam oven", 399900},
		},
		measure{
			"leak_ma", "漏电流",
			"Leakage current", "mA", 0, 5,
		},
	},
	{
		"general", "通用上门",
		"General visit",
		nil, 45, 8000,
		[4]model{
			{"送货开箱", "Delivery and unpacking", 9900},
			{"电视挂架安装", "TV bracket", 19900},
			{"窗帘安装", "Curtains", 29900},
			{"健身器材组装", "Fitness equipment", 199900},
		},
		measure{"pieces", "件数", "Pieces", "件", 1, 50},
	},
}

type priced struct {
	sku, zh, en string
	minor       int64
	classes     []string // none is all
}

var parts = []priced{
	{"valve", "三角阀", "Angle valve", 2500, []string{"water_heater", "smart_toilet", "bath_cabinet", "appliance"}},
	{"hose", "不锈钢软管", "Steel hose", 1800, []string{"water_heater", "smart_toilet", "bath_cabinet", "appliance"}},
	{"anchor", "膨胀螺丝（套）", "Anchor bolts", 800, nil},
	{"copper", "加长铜管（米）", "Copper pipe (m)", 12000, []string{"air_conditioner"}},
	{"bracket", "外机支架", "Outdoor bracket", 15000, []string{"air_conditioner"}},
	{"sealant", "防霉密封胶", "Sealant", 3500, []string{"smart_toilet", "bath_cabinet", "range_hood"}},
	{"battery", "锁用电池（组）", "Lock batteries", 2800, []string{"smart_lock"}},
	{"breaker", "空气开关", "Circuit breaker", 4500, []string{"water_heater", "air_conditioner", "lighting", "appliance"}},
	{"flue", "加长烟管（米）", "Flue pipe (m)", 6000, []string{"water_heater", "range_hood"}},
	{"flange", "移位法兰", "Offset flange", 5800, []string{"smart_toilet"}},
	{"filter", "前置过滤器", "Pre-filter", 16800, []string{"water_heater", "smart_toilet", "appliance"}},
	{
		"cable", "电源线（米）",
		"Power cable (m)", 1200,
		[]string{"water_heater", "air_conditioner", "lighting", "appliance", "range_hood"},
	},
}

var surcharges = []priced{
	{"high", "高空作业费", "Work at height", 20000, []string{"air_conditioner", "lighting"}},
	{"remote", "远程上门费", "Remote area", 8000, nil},
	{"removal", "旧机拆除", "Removal of the old one", 6000, nil},
	{"drill", "打孔费", "Drilling", 5000, nil},
	{"rush", "加急费", "Rush", 5000, nil},
	{"night", "夜间服务费", "Night service", 6000, nil},
	{"floor", "无电梯搬运", "Carrying without a lift", 3000, nil},
	{"custom", "改柜开孔", "Cutting a cabinet", 9000, []string{"range_hood", "bath_cabinet", "appliance"}},
}

type reason struct{ use, key, zh, en string }

var reasons = []reason{
	{"decline", "too_far", "距离太远", "Too far"},
	{"decline", "schedule_full", "时间已排满", "Schedule is full"},
	{"decline", "wrong_skill", "不会安装该产品", "Not my skill"},
	{"cannot_complete", "customer_absent", "客户不在家", "Customer absent"},
	{"cannot_complete", "goods_damaged", "货物破损", "Goods damaged"},
	{"cannot_complete", "site_not_ready", "现场不具备安装条件", "Site not ready"},
	{"cannot_complete", "parts_missing", "配件不齐", "Parts missing"},
	{"cancel", "customer_cancelled", "客户取消", "Customer cancelled"},
	{"cancel", "duplicate", "重复工单", "Duplicate"},
	{"reschedule", "customer_asked", "客户改约", "Customer asked"},
	{"reschedule", "weather", "天气原因", "Weather"},
	{"refuse_proof", "blurred", "照片模糊", "Photo blurred"},
	{"refuse_proof", "wrong_unit", "照片与产品不符", "Not this product"},
}

type name struct{ zh, en string }

var surnames = []name{
	{"王", "Wang"},
	{"李", "Li"},
	{"张", "Zhang"},
	{"刘", "Liu"},
	{"陈", "Chen"},
	{"杨", "Yang"},
	{"赵", "Zhao"},
	{"黄", "Huang"},
	{"周", "Zhou"},
	{"吴", "Wu"},
	{"徐", "Xu"},
	{"孙", "Sun"},
	{"胡", "Hu"},
	{"朱", "Zhu"},
	{"高", "Gao"},
	{"林", "Lin"},
	{"何", "He"},
	{"郭", "Guo"},
	{"马", "Ma"},
	{"罗", "Luo"},
}

var givenNames = []name{
	{"建国", "Jianguo"},
	{"海涛", "Haitao"},
	{"志强", "Zhiqiang"},
	{"晓明", "Xiaoming"},
	{"伟", "Wei"},
	{"磊", "Lei"},
	{"军", "Jun"},
	{"永刚", "Yonggang"},
	{"春生", "Chunsheng"},
	{"玉梅", "Yumei"},
	{"雪琴", "Xueqin"},
	{"思远", "Siyuan"},
	{"子轩", "Zixuan"},
	{"文博", "Wenbo"},
	{"浩然", "Haoran"},
	{"丽华", "Lihua"},
	{"国栋", "Guodong"},
	{"金龙", "Jinlong"},
	{"秀英", "Xiuying"},
	{"天宇", "Tianyu"},
	{"立新", "Lixin"},
	{"长河", "Changhe"},
	{"一鸣", "Yiming"},
}

// person is the nth invented name; 460 differ.
func person(n int) name {
	s, g := surnames[n%len(surnames)], givenNames[(n*7+n/len(surnames))%len(givenNames)]
	return name{s.zh + g.zh, s.en + " " + g.en}
}

// phoneNumber is the nth phone number of the range that nobody has.
func phoneNumber(n int) string { return fmt.Sprintf("1540000%04d", n%10000) }

// gtin is the nth barcode of GS1's range for demonstrations, with 13 digits.
func gtin(n int) string {
	body := fmt.Sprintf("952%09d", n)
	return body + string(parse.CheckDigit(body))
}

// home is a customer's or technician's place in a region, within some ten kilometres of its centre.
type home struct {
	address  string
	lat, lng float64
}

func somewhere(r *rand.Rand, in place) home {
	return home{
		address: fmt.Sprintf("%s市%s%s%d号%d栋%d室", in.zh, in.districts[r.IntN(len(in.districts))],
			streets[r.IntN(len(streets))], 1+r.IntN(200), 1+r.IntN(20), 100*(1+r.IntN(25))+1+r.IntN(4)),
		lat: in.lat + (r.Float64()-0.5)*0.18, lng: in.lng + (r.Float64()-0.5)*0.18,
	}
}
