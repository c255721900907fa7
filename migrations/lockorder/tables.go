package lockorder

// Reasons that many places share.
const (
	made    = "its id is made in the transaction that inserts it"
	company = "who waits here holds no ticket, photo, pay, order or feed: a deadlock ends a change of the office, which " +
		"is done again"
	forever = "its rows are never deleted, nor are their keys changed"
)

// Orders is the advisory lock under which a transaction takes orders in.
const Orders = "advisory hashtextextended ('doorstep orders ' | | $1 , 0)"

// Payees is the advisory lock under which a payee's months are counted.
const Payees = "advisory hashtextextended ('doorstep pay ' | | payee , 0)"

// Tables are all tables in the order in which they are locked.
var Tables = []Place{
	// Who calls, and what it says.
	{Table: "sync_device"},
	{Table: "sync_parked", Fresh: "the mutation's id is unique, and its device's row is locked"},
	{Table: "sync_parked_edit", Guard: "sync_parked", By: "mutation_id"},
	{Table: "sync_rebuild"},
	{Table: "code_booking"},
	// The company, which is one place, and the keys.
	{Table: "org", Gap: company},
	{Table: "region", Gap: company},
	{Table: "shop", Gap: company},
	{Table: "team", Gap: company},
	{Table: "app_user", Gap: company},
	{Table: "enrolment_code", Gap: company},
	{Table: "technician", Gap: company},
	{Table: "team_member", Gap: company},
	{Table: "role_grant", Gap: company},
	{Table: "right_span", Gap: company},
	{Table: "device", Gap: company},
	{Table: "token_family", Gap: company},
	{Table: "sync_rights", Gap: company},
	{Table: "sync_subscription", Gap: company},
	{Table: "call_quota", Gap: company},
	{Table: "sign_in_address", Gap: company},
	{Table: "advisory hashtext ('doorstep signing keys')"},
	{Table: "signing_key", Fresh: made},
	{Table: "key_publication"},
	// Tickets, what shows the work, and what it pays.
	{Table: "ticket", Fresh: "its number is from ticket_counter, whose row is locked"},
	{Table: "visit", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_assignment", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_event", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_charge", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_agreement", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_answer", Guard: "ticket"},
	{Table: "ticket_rating", Fresh: "a ticket is rated once"},
	{Table: "ticket_note", Guard: "ticket", By: "ticket_id"},
	{Table: "proof", Behind: "ticket", By: "ticket_id", Fresh: "its id is of the device whose row is locked"},
	{Table: "proof_signature", Guard: "proof", By: "proof_id"},
	{Table: "proof_custody", Fresh: made},
	{Table: "pay_plan", Still: forever},
	{Table: "pay_accrual", Behind: "ticket", By: "ticket_id"},
	{Table: Payees},
	{Table: "pay_measure", Guard: Payees, By: "payee_id"},
	{Table: "pay_entry", Fresh: made, Still: forever},
	{Table: "pay_posting", Fresh: made},
	{Table: "unit"},
	// Orders, and what they are for.
	{Table: Orders},
	{Table: "import_run"},
	{Table: "import_refusal", Guard: "import_run", By: "run_id"},
	{Table: "customer", Guard: Orders},
	{Table: "customer_proposal", Guard: Orders},
	{Table: "purchase", Guard: Orders},
	{Table: "purchase_line", Guard: Orders},
	{Table: "ticket_template", Alone: "only the demonstration's loader writes several in one transaction"},
	{Table: "ticket_reason", Alone: "only the demonstration's loader writes several in one transaction"},
	{
		Table: "product_class", Still: "who changes a class locks nothing but feeds afterwards",
		Alone: "only the demonstration's loader writes several in one transaction",
	},
	{Table: "product", Alone: "an import makes several, one import at a time; the office writes one"},
	{Table: "price_item", Alone: "only the demonstration's loader writes several in one transaction"},
	{Table: "price", Guard: "price_item", By: "item_id"},
	{Table: "ticket_counter"},
	{Table: "ticket_notice", Fresh: made},
	{Table: "code_org", Fresh: "an org has one row, which is written once"},
	{Table: "code"},
	{Table: "code_scan", Fresh: made},
	// What is written last.
	{Table: "account_event", Last: true, Fresh: made},
	{Table: "rank_board"},
	{Table: "rank_score"},
	{Table: "rank_dirty", Guard: "rank_score"},
	{Table: "rank_bucket", Guard: "rank_board", By: "board_id"},
	{Table: "sync_mutation", Fresh: "its device's row is locked"},
	{Table: "sync_feed"},
	{Table: "sync_entry", Guard: "sync_feed"},
	{Table: "sync_contact"},
	{Table: "sync_generation", Alone: "it has one row"},
}
