package app_test

// The reviewed table of the authorisation matrix. Its answers are those of docs/SECURITY.md, written down by hand:
// whoever adds a call or an id to a request says here what the id names, and so who may name which.

// names is what an id of a request names, and by which rule of docs/SECURITY.md it is judged.
type names string

const (
	// A thing that is acted on: within reach by one of the call's roles, or not_found.
	ticketID, shopID, unitID, codeID names = "ticket", "shop", "unit", "code"
	finishedID                       names = "finished ticket"
	ticketOfShop                     names = "ticket of a shop" // its code belongs to the shop
	proofID, parkedID, proposalID    names = "proof", "parked", "proposal"
	lineID                           names = "line"
	// The same; who asks by a role over the whole company finds nothing under an id of nobody.
	payeeID names = "payee"
	// A person or a phone that is only seen: by every grant's scope, a technician by any place.
	seenUser, seenPhone names = "seen user", "seen phone"
	// A person or a phone that is let in or revoked: each right by a role that manages it; forbidden where only seen.
	managedUser, managedPhone names = "managed user", "managed phone"
	// The far end of a relation.
	farShop, farRegion, farTeam, farTechnician names = "far shop", "far region", "far team", "far technician"
	// An id that the caller chooses: a foreign company's is free, one that is taken is not_found.
	newTicket names = "new ticket"
	// The same, where what is taken may be changed by who manages it.
	putTeam, putUser names = "put team", "put user"
	// The region of a board: by a leading role, or one's own; over the whole company as payee.
	boardID names = "board"
	// A filter or where a page begins: it narrows what is within reach anyway.
	filter names = "filter"
	// Of the catalogue, which the whole company shares.
	goods names = "goods"
	// Chosen by the caller and kept apart by who says it.
	own names = "own"
	// Written by the server; what a request says there means nothing.
	unread names = "unread"
)

// id is one id of a request by its path.
type id struct {
	path string
	is   names
}

// row is a request as the matrix makes it. A call may have several, for ids that go with different requests.
type row struct {
	body string // all but ids, as JSON; NEW becomes a word of its own
	ids  []id   // in the order in which they are judged
	// by are the roles by which a thing is reached, where not all who may call reach one.
	by string
	// then are the roles by which the later ids are reached, where fewer; who has none over the first is forbidden to name
	// them.
	then string
	// mine: what is a technician's own is also within that technician's reach.
	mine bool
	// whole: only for who does this over the whole company; forbidden for others.
	whole bool
}

const (
	accountsOf = "account.v1.AccountService/"
	ordersOf   = "office.v1.OrderService/"
	goodsOf    = "office.v1.CatalogueService/"
	ticketsOf  = "office.v1.TicketService/"
	parkedOf   = "sync.v1.ParkedService/"
	codesOf    = "store.v1.CodeService/"
	proofsOf   = "field.v1.ProofService/"
	earningsOf = "pay.v1.EarningService/"
	trackOf    = "track.v1.TrackService/"
)

const (
	openTicketBody = `"customerName":"赵","customerPhone":"13900000001","address":"某路1号"`
	newUserBody    = `{"user":{"login":"NEW","name":{"zh":"新"},"grants":[{"role":"technician","scope":"self"}],"technician":{"dailyCapacity":5}}}`
)

var matrixRows = map[string][]row{
	// H2, and that a dispatcher revoked the administrator's phone: managed, not seen.
	accountsOf + "CreateEnrolmentCode": {{ids: []id{{"user_id", managedUser}}}},
	accountsOf + "RevokeDevice":        {{ids: []id{{"device_id", managedPhone}}, by: "DSA"}},
	accountsOf + "ListDevices":         {{ids: []id{{"user_id", seenUser}}, by: "DSA"}},
	accountsOf + "GetMe":               {{}},
	accountsOf + "ListPlaces":          {{}},
	accountsOf + "ListUsers":           {{ids: []id{{"after", filter}}}},
	accountsOf +
		"PutPlace": {{
		body: `{"place":{"kind":"team","name":{"zh":"新"}}}`,
		ids:  []id{{"place.region_id", farRegion}, {"place.id", putTeam}},
	}},
	// H1: region and every team of a technician are far ends.
	accountsOf + "PutUser": {
		{body: newUserBody, ids: []id{
			{"user.technician.region_id", farRegion},
			{"user.technician.team_ids", farTeam},
			{"user.id", putUser},
		}},
		{
			body: `{"user":{"login":"NEW","name":{"zh":"新"},"grants":[{"role":"clerk","scope":"store"}]}}`,
			ids:  []id{{"user.grants.scope_id", farShop}},
		},
		{
			body: `{"user":{"login":"NEW","name":{"zh":"新"},"grants":[{"role":"admin","scope":"region"}]}}`,
			ids:  []id{{"user.grants.scope_id", farRegion}},
		},
		{body: `{"user":{"login":"NEW","name":{"zh":"新"},"grants":[{"role":"admin","scope":"org"}]}}`, whole: true},
	},
	"account.v1.AuthService/EnrolDevice":  {{}},
	"account.v1.AuthService/LogIn":        {{}},
	"account.v1.AuthService/RefreshToken": {{}},

	proofsOf + "StartUpload":  {{ids: []id{{"proof_id", proofID}}, by: "-", mine: true}},
	proofsOf + "FinishUpload": {{ids: []id{{"proof_id", proofID}}, by: "-", mine: true}},
	proofsOf + "ViewProof":    {{ids: []id{{"proof_id", proofID}}, by: "DSLA", mine: true}},

	goodsOf + "ListCatalogue":   {{}},
	goodsOf + "PutPriceItem":    {{ids: []id{{"item.id", goods}, {"item.class_ids", goods}}, whole: true}},
	goodsOf + "PutProduct":      {{ids: []id{{"product.id", goods}, {"product.class_id", goods}}, whole: true}},
	goodsOf + "PutProductClass": {{ids: []id{{"class.id", goods}, {"class.template_id", goods}}, whole: true}},
	goodsOf + "PutReason":       {{body: `{"reason":{"key":"NEW","use":"cancel","name":{"zh":"因"}}}`, whole: true}},
	goodsOf + "PutTemplate":     {{ids: []id{{"template.id", goods}}, whole: true}},

	"office.v1.ExplainService/GetDevice": {{ids: []id{{"device_id", seenPhone}}}},
	// Why takes text; an id is one of its forms.
	"office.v1.ExplainService/Why": {{ids: []id{{"who", seenUser}, {"ticket", ticketID}}}},

	ordersOf + "AcceptCustomerProposal":  {{ids: []id{{"id", proposalID}}, by: "DSA"}},
	ordersOf + "DismissCustomerProposal": {{ids: []id{{"id", proposalID}}, by: "DSA"}},
	ordersOf + "ListCustomerProposals":   {{ids: []id{{"ticket_id", filter}, {"after", filter}}}},
	ordersOf + "ListOrders":              {{ids: []id{{"customer_id", filter}, {"after", filter}}}},
	ordersOf + "FindCustomer": {
		{body: `{"phone":"13800000001"}`}, {body: `{"phone":"13800000002"}`}, {body: `{"phone":"13800000003"}`},
	},
	// M1: a number that is taken beyond reach is free; which are taken is not told.
	ordersOf + "CreateOrder": {
		{
			body: `{"order":{"source":"pos","number":"NEW","customer":{"name":"赵","phone":"13900000002","address":"某路1号"},"lines":[{"item":1,"quantity":1}]}}`,
			ids: []id{
				{"order.store_id", farShop},
				{"order.lines.product_id", goods},
				{"order.id", unread},
				{"order.customer.id", unread},
				{"order.lines.ticket_ids", unread},
			},
		},
		{
			body: `{"order":{"source":"matrix","number":"M-2","customer":{"name":"赵","phone":"13800000002","address":"某路1号"},"lines":[{"item":77,"quantity":1}]}}`,
			ids:  []id{{"order.store_id", farShop}, {"order.lines.product_id", goods}},
		},
	},

	ticketsOf + "ApproveTicket":     {{ids: []id{{"id", ticketID}}}},
	ticketsOf + "CancelTicket":      {{body: `{"reason":"x"}`, ids: []id{{"id", ticketID}}}},
	ticketsOf + "GetTicket":         {{ids: []id{{"id", ticketID}}}},
	ticketsOf + "HoldTicket":        {{body: `{"reason":"x"}`, ids: []id{{"id", ticketID}}}},
	ticketsOf + "MarkNoShow":        {{body: `{"reason":"x"}`, ids: []id{{"id", ticketID}}}},
	ticketsOf + "ProposeAssignment": {{ids: []id{{"id", ticketID}}}},
	ticketsOf +
		"RescheduleTicket": {{
		body: `{"scheduled":{"earliest":"2030-01-01T08:00:00Z","latest":"2030-01-01T10:00:00Z"}}`,
		ids:  []id{{"id", ticketID}},
	}},
	ticketsOf + "ResumeTicket": {{ids: []id{{"id", ticketID}}}},
	ticketsOf + "ListTickets":  {{ids: []id{{"technician_id", filter}, {"region_id", filter}, {"after", filter}}}},
	// M3: far ends.
	ticketsOf + "AssignTicket": {{ids: []id{{"id", ticketID}, {"technician_id", farTechnician}}}},
	ticketsOf + "PoolTicket":   {{ids: []id{{"id", ticketID}, {"team_id", farTeam}}}},
	ticketsOf + "AutoAssign": {
		{body: `{"limit":1}`, ids: []id{{"region_id", farRegion}}},
		{body: `{"limit":1}`, whole: true},
	},
	ticketsOf +
		"SetTicketContact": {
		{ids: []id{{"id", ticketID}}},
		{ids: []id{{"id", ticketID}, {"region_id", farRegion}}, then: "DSA"},
	},
	// H4: an id that is taken.
	ticketsOf + "OpenTicket": {
		{
			body: `{` + openTicketBody + `}`,
			ids:  []id{{"store_id", farShop}, {"region_id", farRegion}, {"id", newTicket}, {"product_id", goods}},
		},
		{body: `{` + openTicketBody + `}`, ids: []id{{"id", newTicket}, {"product_id", goods}}, whole: true},
	},
	ticketsOf + "ReworkTicket": {{body: `{"reason":"x"}`, ids: []id{{"id", finishedID}, {"rework_id", newTicket}}}},

	earningsOf +
		"AdjustEarning": {{
		body: `{"difference":{"minor":"1","currency":"CNY"},"reason":"x"}`,
		ids:  []id{{"line_id", lineID}, {"id", own}},
	}},
	earningsOf + "GetEarnings":      {{ids: []id{{"technician_id", payeeID}}, by: "SFLA", mine: true}},
	earningsOf + "ListEarningLines": {{ids: []id{{"technician_id", payeeID}, {"after", filter}}, by: "SFLA", mine: true}},
	"pay.v1.PlanService/ListPlans":  {{whole: true}},
	"pay.v1.PlanService/PublishPlan": {{
		body:  `{"plan":{"plan":"NEW","version":1,"name":{"zh":"计"},"currency":"CNY","timeZone":"UTC","effectiveFrom":"2020-01-01","versionDate":1,"components":[{"key":"base","name":{"zh":"费"},"category":1,"rounding":2,"baseFee":{"otherwiseMinor":"1"}}]}}`,
		whole: true,
	}},
	"pay.v1.RankService/GetBoard": {{body: `{"scope":2,"period":1}`, ids: []id{{"scope_id", boardID}}, by: "SFLA"}},

	codesOf + "IssueCode": {
		{body: `{"kind":1}`, ids: []id{{"target_id", unitID}}},
		{body: `{"kind":2}`, ids: []id{{"target_id", shopID}}},
		{body: `{"kind":3}`, ids: []id{{"target_id", ticketOfShop}}},
	},
	codesOf + "RenderCodes": {{body: `{"format":2}`, ids: []id{{"ids", codeID}}}},
	codesOf + "RevokeCode":  {{ids: []id{{"id", codeID}}}},
	codesOf + "ResolveCode": {{body: `{"scanned":"nothing"}`}},

	parkedOf + "DismissParked": {{body: `{"reason":"x"}`, ids: []id{{"id", parkedID}}}},
	parkedOf + "EditParked":    {{body: `{"payload":"{}"}`, ids: []id{{"id", parkedID}}}},
	parkedOf + "ReplayParked":  {{ids: []id{{"id", parkedID}}}},
	parkedOf +
		"ListParked": {{ids: []id{{"device_id", filter}, {"user_id", filter}, {"id", filter}, {"after", filter}}}},

	"sync.v1.SyncService/Pull":  {{}},
	"sync.v1.SyncService/Push":  {{ids: []id{{"mutations.id", own}}}},
	"sync.v1.SyncService/Watch": {{}},

	// Strangers name things by sealed codes only.
	trackOf + "Book":        {{ids: []id{{"request_id", own}}}},
	trackOf + "Cancel":      {{}},
	trackOf + "GetProgress": {{}},
	trackOf + "Rate":        {{}},
	trackOf + "Reschedule":  {{}},
}
