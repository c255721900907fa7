-- What the migrations make, written by a test. It is a description to compare, not a script to run.

-- types

-- columns
account_event.org_id uuid not null
account_event.id uuid not null
account_event.at timestamp with time zone not null
account_event.actor text not null
account_event.kind text not null
account_event.subject uuid not null
account_event.detail jsonb not null default '{}'::jsonb
app_user.org_id uuid not null
app_user.id uuid not null
app_user.login text not null
app_user.name_zh text not null
app_user.name_en text not null
app_user.password text not null default ''::text
app_user.disabled boolean not null default false
app_user.created_at timestamp with time zone not null
call_quota.org_id uuid not null
call_quota.key bytea not null
call_quota.begun_at timestamp with time zone not null
call_quota.last_at timestamp with time zone not null
call_quota.count integer not null
code.org_id uuid not null
code.code_id uuid not null
code.kind smallint not null
code.target_id uuid not null
code.human_code text collate C not null
code.issued_at timestamp with time zone not null
code.issued_by uuid
code.expires_at timestamp with time zone
code.revoked_at timestamp with time zone
code.revoked_by uuid
code.revoke_reason text not null default ''::text
code_booking.org_id uuid not null
code_booking.request_id uuid not null
code_booking.target_id uuid not null
code_booking.ticket_id uuid not null
code_booking.number text not null
code_booking.at timestamp with time zone not null
code_booking.language text not null default ''::text
code_org.handle text collate C not null
code_org.org_id uuid not null
code_scan.org_id uuid not null
code_scan.scan_id uuid not null
code_scan.at timestamp with time zone not null
code_scan.who text not null
code_scan.user_id uuid
code_scan.kind smallint not null
code_scan.target_id uuid not null
customer.org_id uuid not null
customer.id uuid not null
customer.name text not null
customer.phone text not null
customer.phone_hash bytea
customer.source text not null
customer.ref text not null
customer.address text not null
customer.latitude double precision
customer.longitude double precision
customer.vip boolean not null
customer.created_at timestamp with time zone not null
customer.language text not null default ''::text
customer_proposal.org_id uuid not null
customer_proposal.id uuid not null
customer_proposal.customer_id uuid not null
customer_proposal.purchase_id uuid not null
customer_proposal.name text not null
customer_proposal.address text not null
customer_proposal.latitude double precision
customer_proposal.longitude double precision
customer_proposal.vip boolean not null
customer_proposal.source text not null
customer_proposal.actor text not null
customer_proposal.at timestamp with time zone not null
customer_proposal.decision text not null default ''::text
customer_proposal.decided_by text not null default ''::text
customer_proposal.decided_at timestamp with time zone
customer_proposal.replaced jsonb
customer_proposal.of_address text not null default ''::text
device.org_id uuid not null
device.id uuid not null
device.user_id uuid not null
device.name text not null
device.app_version text not null
device.enrolled_at timestamp with time zone not null
device.revoked_at timestamp with time zone
device.revoked_for text
enrolment_code.code_hash bytea not null
enrolment_code.org_id uuid not null
enrolment_code.user_id uuid not null
enrolment_code.created_at timestamp with time zone not null
enrolment_code.expires_at timestamp with time zone not null
enrolment_code.used_at timestamp with time zone
enrolment_code.device_id uuid
import_refusal.org_id uuid not null
import_refusal.run_id uuid not null
import_refusal.line integer not null
import_refusal.column_name text not null
import_refusal.value text not null
import_refusal.code text not null
import_refusal.detail text not null
import_refusal.place integer not null default 1
import_refusal.order_number text not null default ''::text
import_run.org_id uuid not null
import_run.id uuid not null
import_run.source text not null
import_run.file_name text not null
import_run.file_hash bytea not null
import_run.mapping_hash bytea not null
import_run.position integer not null default 0
import_run.added integer not null default 0
import_run.existing integer not null default 0
import_run.skipped integer not null default 0
import_run.refused integer not null default 0
import_run.tickets integer not null default 0
import_run.started_at timestamp with time zone not null
import_run.finished_at timestamp with time zone
key_publication.org_id uuid not null
key_publication.key_id text not null
org.id uuid not null
org.slug text not null
org.name_zh text not null
org.name_en text not null
org.time_zone text not null
org.currency text not null
org.created_at timestamp with time zone not null
org.finished_days integer
org.language text not null default 'zh'::text
org.auto_assign boolean not null default true
pay_accrual.org_id uuid not null
pay_accrual.source uuid not null
pay_accrual.ticket_id uuid not null
pay_accrual.facts jsonb not null
pay_accrual.completed_at timestamp with time zone not null
pay_accrual.accrued_at timestamp with time zone not null
pay_accrual.plan text
pay_accrual.version integer
pay_accrual.problem text not null default ''::text
pay_accrual.counted jsonb not null default '{}'::jsonb
pay_accrual.month date
pay_accrual.approved_at timestamp with time zone
pay_accrual.confirmed_at timestamp with time zone
pay_accrual.clawed_at timestamp with time zone
pay_entry.org_id uuid not null
pay_entry.id uuid not null
pay_entry.kind text not null
pay_entry.source uuid not null
pay_entry.component text not null
pay_entry.payee_id uuid not null
pay_entry.ticket_id uuid not null
pay_entry.ticket_number text not null
pay_entry.refers uuid
pay_entry.category smallint not null
pay_entry.amount bigint not null
pay_entry.currency text not null
pay_entry.born_sure boolean not null default false
pay_entry.earned_at timestamp with time zone not null
pay_entry.booked_at timestamp with time zone not null
pay_entry.plan_version text not null
pay_entry.title_zh text not null
pay_entry.title_en text not null
pay_entry.trace bytea not null
pay_entry.actor uuid
pay_entry.reason text not null default ''::text
pay_line.org_id uuid
pay_line.id uuid
pay_line.kind text
pay_line.source uuid
pay_line.component text
pay_line.payee_id uuid
pay_line.ticket_id uuid
pay_line.ticket_number text
pay_line.refers uuid
pay_line.category smallint
pay_line.amount bigint
pay_line.currency text
pay_line.born_sure boolean
pay_line.earned_at timestamp with time zone
pay_line.booked_at timestamp with time zone
pay_line.plan_version text
pay_line.title_zh text
pay_line.title_en text
pay_line.trace bytea
pay_line.actor uuid
pay_line.reason text
pay_line.state text
pay_measure.org_id uuid not null
pay_measure.payee_id uuid not null
pay_measure.plan text not null
pay_measure.month date not null
pay_measure.tickets bigint not null default 0
pay_measure.base_fees bigint not null default 0
pay_plan.org_id uuid not null
pay_plan.plan text not null
pay_plan.version integer not null
pay_plan.effective_from date not null
pay_plan.body bytea not null
pay_plan.published_at timestamp with time zone not null
pay_plan.published_by uuid not null
pay_posting.org_id uuid not null
pay_posting.entry_id uuid not null
pay_posting.ordinal smallint not null
pay_posting.account text not null
pay_posting.payee_id uuid not null
pay_posting.amount bigint not null
pay_posting.currency text not null
price.org_id uuid not null
price.item_id uuid not null
price.effective_from timestamp with time zone not null
price.minor bigint not null
price.currency text not null
price.noted_at timestamp with time zone not null
price_item.org_id uuid not null
price_item.id uuid not null
price_item.kind smallint not null
price_item.sku text not null
price_item.name_zh text not null
price_item.name_en text not null
price_item.published_from timestamp with time zone
price_item.class_ids uuid[] not null default '{}'::uuid[]
product.org_id uuid not null
product.id uuid not null
product.class_id uuid not null
product.sku text not null
product.gtin text
product.model text not null
product.name_zh text not null
product.name_en text not null
product.warranty_months integer not null
product_class.org_id uuid not null
product_class.id uuid not null
product_class.key text not null
product_class.name_zh text not null
product_class.name_en text not null
product_class.skills text[] not null
product_class.template_id uuid
product_class.duration_minutes integer not null
proof.org_id uuid not null
proof.id uuid not null
proof.ticket_id uuid not null
proof.visit_id uuid not null
proof.step text not null
proof.kind smallint not null
proof.state smallint not null
proof.refusal text not null default ''::text
proof.sha256 bytea not null
proof.size bigint not null
proof.media_type text not null
proof.device_time timestamp with time zone not null
proof.latitude double precision
proof.longitude double precision
proof.accuracy_m real
proof.device_id uuid not null
proof.user_id uuid not null
proof.server_time timestamp with time zone not null
proof.holder_id uuid
proof.upload_id text not null default ''::text
proof.upload_at timestamp with time zone
proof.attempts integer not null default 0
proof.received_at timestamp with time zone
proof.verified_at timestamp with time zone
proof.overdue_at timestamp with time zone
proof.lost_at timestamp with time zone
proof.width integer
proof.height integer
proof.orientation smallint
proof.exif_latitude double precision
proof.exif_longitude double precision
proof.exif_accuracy_m real
proof.exif_taken timestamp with time zone
proof.exif_zoned boolean not null default false
proof.thumbnail_type text not null default ''::text
proof.shared_type text not null default ''::text
proof.receipt bytea
proof.receipt_key text not null default ''::text
proof.generation integer not null default 0
proof.verified_generation integer not null default 0
proof_custody.org_id uuid not null
proof_custody.proof_id uuid not null
proof_custody.id uuid not null
proof_custody.event text not null
proof_custody.device_time timestamp with time zone not null
proof_custody.server_time timestamp with time zone not null
proof_custody.actor text not null
proof_custody.device_id uuid
proof_custody.detail text not null default ''::text
proof_signature.org_id uuid not null
proof_signature.proof_id uuid not null
proof_signature.signer_name text not null
proof_signature.terms text not null
proof_signature.ticket_hash bytea not null
proof_signature.content bytea not null
proof_signature.image bytea not null
proof_signature.content_hash bytea not null default '\x'::bytea
proof_signature.language text not null default ''::text
purchase.org_id uuid not null
purchase.id uuid not null
purchase.source text not null
purchase.number text not null
purchase.ordered_at timestamp with time zone not null
purchase.customer_id uuid not null
purchase.address text not null
purchase.latitude double precision
purchase.longitude double precision
purchase.store_id uuid
purchase.region_id uuid
purchase.wanted_from timestamp with time zone
purchase.wanted_to timestamp with time zone
purchase.taken_at timestamp with time zone not null
purchase.customer_name text not null default ''::text
purchase_line.org_id uuid not null
purchase_line.purchase_id uuid not null
purchase_line.item integer not null
purchase_line.key text not null
purchase_line.content_hash bytea not null
purchase_line.product_id uuid not null
purchase_line.product_name text not null
purchase_line.quantity integer not null
purchase_line.minor bigint not null
purchase_line.currency text not null
purchase_line.ticket_ids uuid[] not null
rank_board.org_id uuid not null
rank_board.id uuid not null
rank_board.scope smallint not null
rank_board.scope_id uuid not null
rank_board.period smallint not null
rank_board.starts date not null
rank_board.currency text not null
rank_board.payees bigint not null default 0
rank_board.refreshed_at timestamp with time zone
rank_bucket.org_id uuid not null
rank_bucket.board_id uuid not null
rank_bucket.level smallint not null
rank_bucket.bucket bigint not null
rank_bucket.n bigint not null
rank_dirty.org_id uuid not null
rank_dirty.board_id uuid not null
rank_dirty.payee_id uuid not null
rank_score.org_id uuid not null
rank_score.board_id uuid not null
rank_score.payee_id uuid not null
rank_score.score bigint not null
rank_score.pending bigint not null
rank_score.ranked bigint
rank_score.ranked_pending bigint not null default 0
region.org_id uuid not null
region.id uuid not null
region.name_zh text not null
region.name_en text not null
right_span.org_id uuid not null
right_span.user_id uuid not null
right_span.role text not null
right_span.scope text not null
right_span.scope_id uuid not null
right_span.since timestamp with time zone not null
right_span.until timestamp with time zone
role_grant.org_id uuid not null
role_grant.user_id uuid not null
role_grant.role text not null
role_grant.scope text not null
role_grant.scope_id uuid not null
shop.org_id uuid not null
shop.id uuid not null
shop.region_id uuid not null
shop.name_zh text not null
shop.name_en text not null
shop.latitude double precision
shop.longitude double precision
sign_in_address.org_id uuid not null
sign_in_address.user_id uuid not null
sign_in_address.address bytea not null
sign_in_address.last_at timestamp with time zone not null
signing_key.id text not null
signing_key.use text not null
signing_key.public bytea not null
signing_key.sealed bytea not null
signing_key.sign_from timestamp with time zone not null
signing_key.verify_until timestamp with time zone
sync_contact.org_id uuid not null
sync_contact.device_id uuid not null
sync_contact.pulled_at timestamp with time zone
sync_contact.held bytea not null default '\x'::bytea
sync_contact.given bytea not null default '\x'::bytea
sync_contact.app_version text not null default ''::text
sync_contact.ahead_ms bigint
sync_contact.oldest_unsent timestamp with time zone
sync_device.org_id uuid not null
sync_device.device_id uuid not null
sync_device.last_seq bigint not null default 0
sync_device.generation bytea not null
sync_device.unsent integer not null default 0
sync_device.seen_at timestamp with time zone
sync_entry.org_id uuid not null
sync_entry.feed text collate C not null
sync_entry.kind integer not null
sync_entry.entity_id uuid not null
sync_entry.seq bigint not null
sync_entry.removed boolean not null
sync_entry.body bytea not null
sync_entry.at timestamp with time zone not null
sync_feed.org_id uuid not null
sync_feed.feed text collate C not null
sync_feed.seq bigint not null default 0
sync_feed.floor bigint not null default 0
sync_feed.digest bigint not null default 0
sync_feed.live bigint not null default 0
sync_feed.bytes bigint not null default 0
sync_generation.only_row boolean not null default true
sync_generation.generation bytea not null
sync_generation.since timestamp with time zone not null default now()
sync_generation.restored boolean not null default false
sync_mutation.org_id uuid not null
sync_mutation.device_id uuid not null
sync_mutation.seq bigint not null
sync_mutation.id uuid not null
sync_mutation.user_id uuid not null
sync_mutation.kind text not null
sync_mutation.args bytea not null
sync_mutation.device_time timestamp with time zone not null
sync_mutation.outcome smallint not null
sync_mutation.code text not null
sync_mutation.detail text not null
sync_mutation.changes jsonb
sync_mutation.at timestamp with time zone not null
sync_mutation.receipt bytea not null
sync_mutation.key_id text not null
sync_mutation.duplicate boolean not null default false
sync_mutation.clock_ahead_ms bigint
sync_mutation.corrected_time timestamp with time zone
sync_parked.org_id uuid not null
sync_parked.mutation_id uuid not null
sync_parked.parked_at timestamp with time zone not null
sync_parked.attempts integer not null default 0
sync_parked.last_code text not null
sync_parked.last_detail text not null
sync_parked.resolution text
sync_parked.resolved_at timestamp with time zone
sync_parked.resolved_by uuid
sync_parked.reason text not null default ''::text
sync_parked.edited_args bytea
sync_parked.told boolean not null default false
sync_parked.last_at timestamp with time zone
sync_parked.device_id uuid
sync_parked.seq bigint
sync_parked.subject uuid
sync_parked_edit.org_id uuid not null
sync_parked_edit.mutation_id uuid not null
sync_parked_edit.edition integer not null
sync_parked_edit.args bytea not null
sync_parked_edit.edited_by uuid not null
sync_parked_edit.at timestamp with time zone not null
sync_parked_edit.decided_at timestamp with time zone
sync_rebuild.org_id uuid not null
sync_rebuild.projection text not null
sync_rebuild.version text not null
sync_rebuild.walked boolean not null default false
sync_rebuild.after uuid not null default '00000000-0000-0000-0000-000000000000'::uuid
sync_rebuild.of bigint not null
sync_rebuild.roots bigint not null default 0
sync_rebuild.written bigint not null default 0
sync_rebuild.removed bigint not null default 0
sync_rebuild.aged bigint not null default 0
sync_rebuild.started_at timestamp with time zone not null
sync_rebuild.changed_at timestamp with time zone not null
sync_rebuild.finished_at timestamp with time zone
sync_rights.org_id uuid not null
sync_rights.user_id uuid not null
sync_rights.version bigint not null
sync_subscription.org_id uuid not null
sync_subscription.user_id uuid not null
sync_subscription.feed text collate C not null
team.org_id uuid not null
team.id uuid not null
team.region_id uuid not null
team.name_zh text not null
team.name_en text not null
team_member.org_id uuid not null
team_member.team_id uuid not null
team_member.user_id uuid not null
technician.org_id uuid not null
technician.user_id uuid not null
technician.badge text not null
technician.alias text not null default ''::text
technician.region_id uuid not null
technician.skills text[] not null default '{}'::text[]
technician.home_latitude double precision
technician.home_longitude double precision
technician.daily_capacity smallint not null
technician.day_start smallint not null
technician.day_end smallint not null
technician.gold boolean not null default false
ticket.org_id uuid not null
ticket.id uuid not null
ticket.number text not null
ticket.state smallint not null
ticket.money_state smallint not null default 0
ticket.business_type smallint not null
ticket.urgency smallint not null
ticket.customer_id uuid
ticket.customer_name text not null
ticket.customer_phone text not null
ticket.address text not null
ticket.area text not null
ticket.latitude double precision
ticket.longitude double precision
ticket.vip boolean not null
ticket.product_id uuid
ticket.product_name text not null
ticket.model text not null
ticket.class_id uuid
ticket.unit_id uuid
ticket.serial text not null
ticket.purchased_at timestamp with time zone
ticket.warranty_until timestamp with time zone
ticket.order_id uuid
ticket.order_number text not null
ticket.store_id uuid
ticket.store_name text not null
ticket.region_id uuid
ticket.template_id uuid
ticket.skills text[] not null
ticket.duration_minutes integer not null
ticket.source text not null
ticket.source_key text not null
ticket.wanted_from timestamp with time zone
ticket.wanted_to timestamp with time zone
ticket.arrival_from timestamp with time zone
ticket.arrival_to timestamp with time zone
ticket.scheduled_from timestamp with time zone
ticket.scheduled_to timestamp with time zone
ticket.due_from timestamp with time zone
ticket.due_to timestamp with time zone
ticket.actual_from timestamp with time zone
ticket.actual_to timestamp with time zone
ticket.technician_id uuid
ticket.technician_name text not null default ''::text
ticket.visit_id uuid
ticket.visit_state smallint not null default 0
ticket.pool_team_id uuid
ticket.team_ids uuid[] not null default '{}'::uuid[]
ticket.held_at timestamp with time zone
ticket.canceled_at timestamp with time zone
ticket.closed_at timestamp with time zone
ticket.decision_reason text not null default ''::text
ticket.rework_of uuid
ticket.review boolean not null default false
ticket.event_seq bigint not null default 0
ticket.event_hash bytea not null
ticket.opened_at timestamp with time zone not null
ticket.changed_at timestamp with time zone not null
ticket.archived boolean not null default false
ticket.language text not null default 'zh'::text
ticket.needs text[] not null default '{}'::text[]
ticket.unassigned jsonb
ticket_agreement.org_id uuid not null
ticket_agreement.ticket_id uuid not null
ticket_agreement.charge_id uuid not null
ticket_agreement.proof_id uuid not null
ticket_agreement.kind smallint not null
ticket_agreement.price_item_id uuid not null
ticket_agreement.name text not null
ticket_agreement.quantity integer not null
ticket_agreement.unit_minor bigint not null
ticket_agreement.currency text not null
ticket_agreement.named boolean not null
ticket_agreement.server_time timestamp with time zone not null
ticket_answer.org_id uuid not null
ticket_answer.visit_id uuid not null
ticket_answer.step text not null
ticket_answer.value bytea not null
ticket_answer.device_id uuid not null
ticket_answer.device_time timestamp with time zone not null
ticket_answer.server_time timestamp with time zone not null
ticket_assignment.org_id uuid not null
ticket_assignment.id uuid not null
ticket_assignment.ticket_id uuid not null
ticket_assignment.visit_id uuid not null
ticket_assignment.technician_id uuid not null
ticket_assignment.technician_name text not null
ticket_assignment.valid_from timestamp with time zone not null
ticket_assignment.valid_to timestamp with time zone
ticket_assignment.way text not null
ticket_assignment.actor text not null
ticket_assignment.reason_zh text not null
ticket_assignment.reason_en text not null
ticket_assignment.score jsonb
ticket_charge.org_id uuid not null
ticket_charge.id uuid not null
ticket_charge.ticket_id uuid not null
ticket_charge.visit_id uuid not null
ticket_charge.kind smallint not null
ticket_charge.price_item_id uuid not null
ticket_charge.name text not null
ticket_charge.quantity integer not null
ticket_charge.unit_minor bigint not null
ticket_charge.currency text not null
ticket_charge.device_time timestamp with time zone not null
ticket_charge.server_time timestamp with time zone not null
ticket_counter.org_id uuid not null
ticket_counter.day date not null
ticket_counter.last integer not null
ticket_event.org_id uuid not null
ticket_event.ticket_id uuid not null
ticket_event.seq bigint not null
ticket_event.kind text not null
ticket_event.device_time timestamp with time zone not null
ticket_event.server_time timestamp with time zone not null
ticket_event.actor text not null
ticket_event.payload text not null
ticket_event.previous_hash bytea not null
ticket_event.hash bytea not null
ticket_note.org_id uuid not null
ticket_note.id uuid not null
ticket_note.ticket_id uuid not null
ticket_note.text text not null
ticket_note.author_id uuid not null
ticket_note.author text not null
ticket_note.device_time timestamp with time zone not null
ticket_note.server_time timestamp with time zone not null
ticket_notice.org_id uuid not null
ticket_notice.id uuid not null
ticket_notice.technician_id uuid not null
ticket_notice.ticket_id uuid not null
ticket_notice.kind text not null
ticket_notice.text_zh text not null
ticket_notice.text_en text not null
ticket_notice.at timestamp with time zone not null
ticket_notice.archived boolean not null default false
ticket_rating.org_id uuid not null
ticket_rating.ticket_id uuid not null
ticket_rating.visit_id uuid not null
ticket_rating.technician_id uuid not null
ticket_rating.stars smallint not null
ticket_rating.comment text not null
ticket_rating.rated_at timestamp with time zone not null
ticket_rating.changed_at timestamp with time zone not null
ticket_reason.org_id uuid not null
ticket_reason.use text not null
ticket_reason.key text not null
ticket_reason.id uuid not null
ticket_reason.name_zh text not null
ticket_reason.name_en text not null
ticket_template.org_id uuid not null
ticket_template.id uuid not null
ticket_template.key text not null
ticket_template.version integer not null
ticket_template.body bytea not null
ticket_template.created_at timestamp with time zone not null
token_family.org_id uuid not null
token_family.id uuid not null
token_family.user_id uuid not null
token_family.is_device boolean not null
token_family.generation bigint not null
token_family.salt bytea not null
token_family.next_salt bytea not null
token_family.presented_at timestamp with time zone not null
token_family.ended_at timestamp with time zone
token_family.attempt bytea not null default '\x'::bytea
token_family.attempt_of bigint not null default 0
unit.org_id uuid not null
unit.unit_id uuid not null
unit.product_id uuid not null
unit.gtin text collate C not null default ''::text
unit.serial text collate C not null default ''::text
unit.store_id uuid
unit.state text not null default 'stock'::text
unit.purchased_at timestamp with time zone
unit.warranty_until timestamp with time zone
unit.order_number text not null default ''::text
unit.created_at timestamp with time zone not null
unit.changed_at timestamp with time zone not null
visit.org_id uuid not null
visit.id uuid not null
visit.ticket_id uuid not null
visit.ordinal integer not null
visit.state smallint not null
visit.technician_id uuid
visit.scheduled_from timestamp with time zone
visit.scheduled_to timestamp with time zone
visit.accepted_at timestamp with time zone
visit.traveling_at timestamp with time zone
visit.arrived_at timestamp with time zone
visit.finished_at timestamp with time zone
visit.reason text not null default ''::text
visit.created_at timestamp with time zone not null
visit.changed_at timestamp with time zone not null

-- constraints
account_event account_event_pkey PRIMARY KEY (org_id, id)
app_user app_user_org_id_login_key UNIQUE (org_id, login)
app_user app_user_pkey PRIMARY KEY (org_id, id)
call_quota call_quota_count_check CHECK ((count > 0))
call_quota call_quota_key_check CHECK ((octet_length(key) = 16))
call_quota call_quota_pkey PRIMARY KEY (org_id, key)
code code_human_code_check CHECK ((length(human_code) = 8))
code code_kind_check CHECK (((kind >= 1) AND (kind <= 3)))
code code_pkey PRIMARY KEY (org_id, code_id)
code_booking code_booking_language_check CHECK ((length(language) <= 35))
code_booking code_booking_pkey PRIMARY KEY (org_id, request_id)
code_org code_org_handle_check CHECK (((handle = lower(handle)) AND ((length(handle) >= 4) AND (length(handle) <= 253))))
code_org code_org_pkey PRIMARY KEY (handle)
code_scan code_scan_pkey PRIMARY KEY (org_id, scan_id)
customer customer_check CHECK (((latitude IS NULL) = (longitude IS NULL)))
customer customer_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision)))
customer customer_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
customer customer_phone_hash_check CHECK ((octet_length(phone_hash) = 32))
customer customer_pkey PRIMARY KEY (org_id, id)
customer_proposal customer_proposal_check CHECK (((latitude IS NULL) = (longitude IS NULL)))
customer_proposal customer_proposal_check1 CHECK (((decision = ''::text) = (decided_at IS NULL)))
customer_proposal customer_proposal_decision_check CHECK ((decision = ANY (ARRAY[''::text, 'accepted'::text, 'dismissed'::text])))
customer_proposal customer_proposal_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision)))
customer_proposal customer_proposal_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
customer_proposal customer_proposal_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customer(org_id, id)
customer_proposal customer_proposal_pkey PRIMARY KEY (org_id, id)
device device_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id)
device device_pkey PRIMARY KEY (org_id, id)
enrolment_code enrolment_code_pkey PRIMARY KEY (code_hash)
import_refusal import_refusal_org_id_run_id_fkey FOREIGN KEY (org_id, run_id) REFERENCES import_run(org_id, id)
import_refusal import_refusal_pkey PRIMARY KEY (org_id, run_id, line, place)
import_refusal import_refusal_place_check CHECK ((place > 0))
import_run import_run_pkey PRIMARY KEY (org_id, id)
key_publication key_publication_pkey PRIMARY KEY (org_id, key_id)
org org_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
org org_finished_days_check CHECK (((finished_days >= 1) AND (finished_days <= 3650)))
org org_language_check CHECK ((language = ANY (ARRAY['zh'::text, 'en'::text])))
org org_pkey PRIMARY KEY (id)
org org_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text))
org org_slug_key UNIQUE (slug)
pay_accrual pay_accrual_org_id_plan_version_fkey FOREIGN KEY (org_id, plan, version) REFERENCES pay_plan(org_id, plan, version)
pay_accrual pay_accrual_pkey PRIMARY KEY (org_id, source)
pay_entry balanced TRIGGER DEFERRABLE INITIALLY DEFERRED
pay_entry pay_entry_category_check CHECK (((category >= 1) AND (category <= 4)))
pay_entry pay_entry_check CHECK (((refers IS NULL) = (kind = 'accrual'::text)))
pay_entry pay_entry_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
pay_entry pay_entry_kind_check CHECK ((kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text, 'confirmation'::text, 'payout'::text])))
pay_entry pay_entry_org_id_refers_fkey FOREIGN KEY (org_id, refers) REFERENCES pay_entry(org_id, id)
pay_entry pay_entry_pkey PRIMARY KEY (org_id, id)
pay_measure pay_measure_pkey PRIMARY KEY (org_id, payee_id, plan, month)
pay_plan pay_plan_pkey PRIMARY KEY (org_id, plan, version)
pay_plan pay_plan_version_check CHECK ((version > 0))
pay_posting balanced TRIGGER DEFERRABLE INITIALLY DEFERRED
pay_posting pay_posting_org_id_entry_id_fkey FOREIGN KEY (org_id, entry_id) REFERENCES pay_entry(org_id, id)
pay_posting pay_posting_pkey PRIMARY KEY (org_id, entry_id, ordinal)
price price_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
price price_minor_check CHECK ((minor >= 0))
price price_org_id_item_id_fkey FOREIGN KEY (org_id, item_id) REFERENCES price_item(org_id, id)
price price_pkey PRIMARY KEY (org_id, item_id, effective_from)
price_item price_item_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
price_item price_item_org_id_kind_sku_key UNIQUE (org_id, kind, sku)
price_item price_item_pkey PRIMARY KEY (org_id, id)
price_item price_item_sku_check CHECK ((sku <> ''::text))
product product_gtin_check CHECK ((gtin ~ '^[0-9]{14}$'::text))
product product_org_id_class_id_fkey FOREIGN KEY (org_id, class_id) REFERENCES product_class(org_id, id)
product product_org_id_gtin_key UNIQUE (org_id, gtin)
product product_org_id_sku_key UNIQUE (org_id, sku)
product product_pkey PRIMARY KEY (org_id, id)
product product_sku_check CHECK ((sku <> ''::text))
product product_warranty_months_check CHECK (((warranty_months >= 0) AND (warranty_months <= 1200)))
product_class product_class_duration_minutes_check CHECK (((duration_minutes >= 0) AND (duration_minutes <= 1440)))
product_class product_class_key_check CHECK ((key ~ '^[a-z0-9_]{1,64}$'::text))
product_class product_class_org_id_key_key UNIQUE (org_id, key)
product_class product_class_pkey PRIMARY KEY (org_id, id)
proof proof_generation_check CHECK (((state <> 3) OR (verified_generation = generation))) NOT VALID
proof proof_kind_check CHECK (((kind >= 1) AND (kind <= 6)))
proof proof_pkey PRIMARY KEY (org_id, id)
proof proof_sha256_check CHECK ((octet_length(sha256) = 32))
proof proof_size_check CHECK ((size > 0))
proof proof_state_check CHECK (((state >= 1) AND (state <= 4)))
proof_custody proof_custody_event_check CHECK ((event = ANY (ARRAY['captured'::text, 'received'::text, 'verified'::text, 'refused'::text, 'viewed'::text, 'exported'::text, 'lost'::text])))
proof_custody proof_custody_org_id_proof_id_fkey FOREIGN KEY (org_id, proof_id) REFERENCES proof(org_id, id)
proof_custody proof_custody_pkey PRIMARY KEY (org_id, proof_id, id)
proof_signature proof_signature_org_id_proof_id_fkey FOREIGN KEY (org_id, proof_id) REFERENCES proof(org_id, id)
proof_signature proof_signature_pkey PRIMARY KEY (org_id, proof_id)
purchase purchase_number_check CHECK ((number <> ''::text))
purchase purchase_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES customer(org_id, id)
purchase purchase_org_id_source_number_key UNIQUE (org_id, source, number)
purchase purchase_pkey PRIMARY KEY (org_id, id)
purchase purchase_source_check CHECK ((source <> ''::text))
purchase_line purchase_line_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
purchase_line purchase_line_item_check CHECK ((item > 0))
purchase_line purchase_line_org_id_purchase_id_fkey FOREIGN KEY (org_id, purchase_id) REFERENCES purchase(org_id, id)
purchase_line purchase_line_org_id_purchase_id_key_key UNIQUE (org_id, purchase_id, key)
purchase_line purchase_line_pkey PRIMARY KEY (org_id, purchase_id, item)
purchase_line purchase_line_quantity_check CHECK (((quantity >= 1) AND (quantity <= 50)))
rank_board rank_board_pkey PRIMARY KEY (org_id, id)
rank_bucket rank_bucket_pkey PRIMARY KEY (org_id, board_id, level, bucket)
rank_dirty rank_dirty_pkey PRIMARY KEY (org_id, board_id, payee_id)
rank_score rank_score_pkey PRIMARY KEY (org_id, board_id, payee_id)
region region_pkey PRIMARY KEY (org_id, id)
right_span right_span_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id)
right_span right_span_pkey PRIMARY KEY (org_id, user_id, role, scope, scope_id, since)
role_grant role_grant_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id) ON DELETE CASCADE
role_grant role_grant_pkey PRIMARY KEY (org_id, user_id, role, scope, scope_id)
role_grant role_grant_role_check CHECK ((role = ANY (ARRAY['technician'::text, 'clerk'::text, 'dispatcher'::text, 'supervisor'::text, 'finance'::text, 'dealer'::text, 'admin'::text])))
role_grant role_grant_scope_check CHECK ((scope = ANY (ARRAY['org'::text, 'region'::text, 'team'::text, 'store'::text, 'self'::text])))
shop shop_check CHECK (((latitude IS NULL) = (longitude IS NULL)))
shop shop_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision)))
shop shop_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
shop shop_org_id_region_id_fkey FOREIGN KEY (org_id, region_id) REFERENCES region(org_id, id)
shop shop_pkey PRIMARY KEY (org_id, id)
sign_in_address sign_in_address_address_check CHECK ((octet_length(address) = 16))
sign_in_address sign_in_address_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id) ON DELETE CASCADE
sign_in_address sign_in_address_pkey PRIMARY KEY (org_id, user_id, address)
signing_key signing_key_pkey PRIMARY KEY (id)
signing_key signing_key_public_check CHECK ((octet_length(public) = 32))
signing_key signing_key_use_check CHECK ((use = ANY (ARRAY['token'::text, 'code'::text, 'receipt'::text])))
sync_contact sync_contact_pkey PRIMARY KEY (org_id, device_id)
sync_device sync_device_pkey PRIMARY KEY (org_id, device_id)
sync_entry sync_entry_pkey PRIMARY KEY (org_id, feed, kind, entity_id)
sync_feed sync_feed_pkey PRIMARY KEY (org_id, feed)
sync_generation sync_generation_generation_check CHECK ((octet_length(generation) = 8))
sync_generation sync_generation_only_row_check CHECK (only_row)
sync_generation sync_generation_pkey PRIMARY KEY (only_row)
sync_mutation sync_mutation_pkey PRIMARY KEY (org_id, device_id, seq)
sync_parked sync_parked_pkey PRIMARY KEY (org_id, mutation_id)
sync_parked_edit sync_parked_edit_edition_check CHECK ((edition > 0))
sync_parked_edit sync_parked_edit_org_id_mutation_id_fkey FOREIGN KEY (org_id, mutation_id) REFERENCES sync_parked(org_id, mutation_id)
sync_parked_edit sync_parked_edit_pkey PRIMARY KEY (org_id, mutation_id, edition)
sync_rebuild sync_rebuild_pkey PRIMARY KEY (org_id, projection)
sync_rights sync_rights_pkey PRIMARY KEY (org_id, user_id)
sync_rights sync_rights_version_check CHECK ((version > 0))
sync_subscription sync_subscription_pkey PRIMARY KEY (org_id, user_id, feed)
team team_org_id_region_id_fkey FOREIGN KEY (org_id, region_id) REFERENCES region(org_id, id)
team team_pkey PRIMARY KEY (org_id, id)
team_member team_member_org_id_team_id_fkey FOREIGN KEY (org_id, team_id) REFERENCES team(org_id, id)
team_member team_member_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES technician(org_id, user_id) ON DELETE CASCADE
team_member team_member_pkey PRIMARY KEY (org_id, team_id, user_id)
technician technician_check CHECK ((((day_end >= 1) AND (day_end <= 1440)) AND (day_end > day_start)))
technician technician_check1 CHECK (((home_latitude IS NULL) = (home_longitude IS NULL)))
technician technician_daily_capacity_check CHECK (((daily_capacity >= 0) AND (daily_capacity <= 100)))
technician technician_day_start_check CHECK (((day_start >= 0) AND (day_start <= 1439)))
technician technician_home_latitude_check CHECK (((home_latitude >= ('-90'::integer)::double precision) AND (home_latitude <= (90)::double precision)))
technician technician_home_longitude_check CHECK (((home_longitude >= ('-180'::integer)::double precision) AND (home_longitude <= (180)::double precision)))
technician technician_org_id_region_id_fkey FOREIGN KEY (org_id, region_id) REFERENCES region(org_id, id)
technician technician_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id) ON DELETE CASCADE
technician technician_pkey PRIMARY KEY (org_id, user_id)
ticket ticket_business_type_check CHECK (((business_type >= 1) AND (business_type <= 4)))
ticket ticket_check CHECK (((latitude IS NULL) = (longitude IS NULL)))
ticket ticket_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision)))
ticket ticket_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
ticket ticket_money_state_check CHECK (((money_state >= 0) AND (money_state <= 4)))
ticket ticket_org_id_number_key UNIQUE (org_id, number)
ticket ticket_pkey PRIMARY KEY (org_id, id)
ticket ticket_state_check CHECK (((state >= 1) AND (state <= 7)))
ticket ticket_urgency_check CHECK (((urgency >= 1) AND (urgency <= 2)))
ticket_agreement ticket_agreement_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
ticket_agreement ticket_agreement_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_agreement ticket_agreement_pkey PRIMARY KEY (org_id, ticket_id, charge_id, proof_id)
ticket_answer ticket_answer_org_id_visit_id_fkey FOREIGN KEY (org_id, visit_id) REFERENCES visit(org_id, id)
ticket_answer ticket_answer_pkey PRIMARY KEY (org_id, visit_id, step)
ticket_assignment ticket_assignment_check CHECK ((valid_to >= valid_from))
ticket_assignment ticket_assignment_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_assignment ticket_assignment_org_id_visit_id_fkey FOREIGN KEY (org_id, visit_id) REFERENCES visit(org_id, id)
ticket_assignment ticket_assignment_pkey PRIMARY KEY (org_id, id)
ticket_charge ticket_charge_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
ticket_charge ticket_charge_kind_check CHECK ((kind = ANY (ARRAY[1, 2])))
ticket_charge ticket_charge_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_charge ticket_charge_org_id_visit_id_fkey FOREIGN KEY (org_id, visit_id) REFERENCES visit(org_id, id)
ticket_charge ticket_charge_pkey PRIMARY KEY (org_id, id)
ticket_charge ticket_charge_quantity_check CHECK (((quantity >= 1) AND (quantity <= 999)))
ticket_counter ticket_counter_pkey PRIMARY KEY (org_id, day)
ticket_event ticket_event_hash_check CHECK ((octet_length(hash) = 32))
ticket_event ticket_event_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_event ticket_event_pkey PRIMARY KEY (org_id, ticket_id, seq)
ticket_event ticket_event_previous_hash_check CHECK ((octet_length(previous_hash) = 32))
ticket_event ticket_event_seq_check CHECK ((seq > 0))
ticket_note ticket_note_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_note ticket_note_pkey PRIMARY KEY (org_id, id)
ticket_notice ticket_notice_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_notice ticket_notice_pkey PRIMARY KEY (org_id, id)
ticket_rating ticket_rating_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
ticket_rating ticket_rating_pkey PRIMARY KEY (org_id, ticket_id)
ticket_rating ticket_rating_stars_check CHECK (((stars >= 1) AND (stars <= 5)))
ticket_reason ticket_reason_key_check CHECK ((key ~ '^[a-z0-9_]{1,64}$'::text))
ticket_reason ticket_reason_pkey PRIMARY KEY (org_id, use, key)
ticket_reason ticket_reason_use_check CHECK ((use = ANY (ARRAY['decline'::text, 'cannot_complete'::text, 'cancel'::text, 'reschedule'::text, 'refuse_proof'::text, 'hold'::text, 'rework'::text])))
ticket_template ticket_template_org_id_key_version_key UNIQUE (org_id, key, version)
ticket_template ticket_template_pkey PRIMARY KEY (org_id, id)
ticket_template ticket_template_version_check CHECK ((version > 0))
token_family token_family_attempt_check CHECK ((octet_length(attempt) = ANY (ARRAY[0, 32])))
token_family token_family_next_salt_check CHECK ((octet_length(next_salt) = 12))
token_family token_family_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id)
token_family token_family_pkey PRIMARY KEY (org_id, id)
token_family token_family_salt_check CHECK ((octet_length(salt) = 12))
unit unit_gtin_check CHECK (((gtin = ''::text) OR (gtin ~ '^[0-9]{14}$'::text)))
unit unit_pkey PRIMARY KEY (org_id, unit_id)
unit unit_serial_check CHECK ((length(serial) <= 40))
unit unit_state_check CHECK ((state = ANY (ARRAY['stock'::text, 'sold'::text, 'installed'::text, 'scrapped'::text])))
visit visit_org_id_ticket_id_fkey FOREIGN KEY (org_id, ticket_id) REFERENCES ticket(org_id, id)
visit visit_org_id_ticket_id_ordinal_key UNIQUE (org_id, ticket_id, ordinal)
visit visit_pkey PRIMARY KEY (org_id, id)
visit visit_state_check CHECK (((state >= 1) AND (state <= 13)))

-- indexes
CREATE INDEX call_quota_last ON public.call_quota USING btree (org_id, last_at)
CREATE INDEX code_booking_at ON public.code_booking USING btree (org_id, at)
CREATE INDEX code_booking_target ON public.code_booking USING btree (org_id, target_id, at)
CREATE INDEX code_scan_at ON public.code_scan USING btree (org_id, at)
CREATE INDEX code_target ON public.code USING btree (org_id, target_id, kind)
CREATE INDEX customer_proposal_customer ON public.customer_proposal USING btree (org_id, customer_id, id DESC)
CREATE INDEX customer_proposal_open ON public.customer_proposal USING btree (org_id, id DESC) WHERE (decision = ''::text)
CREATE INDEX customer_proposal_purchase ON public.customer_proposal USING btree (org_id, purchase_id)
CREATE INDEX device_user ON public.device USING btree (org_id, user_id)
CREATE INDEX enrolment_code_expiry ON public.enrolment_code USING btree (expires_at)
CREATE INDEX pay_accrual_ticket ON public.pay_accrual USING btree (org_id, ticket_id)
CREATE INDEX pay_accrual_unpriced ON public.pay_accrual USING btree (org_id, completed_at) WHERE ((plan IS NULL) AND (clawed_at IS NULL))
CREATE INDEX pay_entry_payee ON public.pay_entry USING btree (org_id, payee_id, earned_at) WHERE (kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]))
CREATE INDEX pay_entry_ticket ON public.pay_entry USING btree (org_id, ticket_id) WHERE (kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]))
CREATE INDEX product_by_class ON public.product USING btree (org_id, class_id)
CREATE INDEX product_model ON public.product USING btree (org_id, model)
CREATE INDEX proof_open ON public.proof USING btree (org_id, server_time) WHERE (state = ANY (ARRAY[1, 2]))
CREATE INDEX proof_ticket ON public.proof USING btree (org_id, ticket_id)
CREATE INDEX proof_visit ON public.proof USING btree (org_id, visit_id)
CREATE INDEX purchase_customer ON public.purchase USING btree (org_id, customer_id, ordered_at DESC)
CREATE INDEX rank_score_order ON public.rank_score USING btree (org_id, board_id, ranked DESC, payee_id) WHERE (ranked IS NOT NULL)
CREATE INDEX sync_device_unsent ON public.sync_device USING btree (org_id, device_id) WHERE (unsent > 0)
CREATE INDEX sync_entry_entity ON public.sync_entry USING btree (org_id, entity_id, kind) WHERE (NOT removed)
CREATE INDEX sync_entry_tombstone ON public.sync_entry USING btree (org_id, at) WHERE removed
CREATE INDEX sync_mutation_parked ON public.sync_mutation USING btree (org_id, device_id, seq DESC) WHERE (outcome = 4)
CREATE INDEX sync_parked_open ON public.sync_parked USING btree (org_id, mutation_id) WHERE (resolution IS NULL)
CREATE INDEX sync_parked_told ON public.sync_parked USING btree (org_id, resolved_at) WHERE told
CREATE INDEX sync_parked_waiting ON public.sync_parked USING btree (org_id, device_id, subject, seq) WHERE ((resolution IS NULL) AND (subject IS NOT NULL))
CREATE INDEX team_member_user ON public.team_member USING btree (org_id, user_id)
CREATE INDEX technician_region ON public.technician USING btree (org_id, region_id)
CREATE INDEX ticket_archive ON public.ticket USING btree (org_id, changed_at) WHERE ((NOT archived) AND (state = ANY (ARRAY[4, 6, 7])))
CREATE INDEX ticket_assignment_ticket ON public.ticket_assignment USING btree (org_id, ticket_id, valid_from)
CREATE INDEX ticket_charge_ticket ON public.ticket_charge USING btree (org_id, ticket_id, server_time)
CREATE INDEX ticket_customer ON public.ticket USING btree (org_id, customer_id, opened_at DESC) WHERE (customer_id IS NOT NULL)
CREATE INDEX ticket_needs ON public.ticket USING btree (org_id, opened_at DESC, id DESC) WHERE ((needs <> '{}'::text[]) AND (state = ANY (ARRAY[1, 2, 5])))
CREATE INDEX ticket_note_ticket ON public.ticket_note USING btree (org_id, ticket_id, server_time)
CREATE INDEX ticket_notice_archive ON public.ticket_notice USING btree (org_id, at) WHERE (NOT archived)
CREATE INDEX ticket_opened ON public.ticket USING btree (org_id, opened_at DESC, id DESC)
CREATE INDEX ticket_region_opened ON public.ticket USING btree (org_id, region_id, opened_at DESC, id DESC)
CREATE INDEX ticket_rework ON public.ticket USING btree (org_id, rework_of) WHERE (rework_of IS NOT NULL)
CREATE INDEX ticket_state_opened ON public.ticket USING btree (org_id, state, opened_at DESC, id DESC)
CREATE INDEX ticket_technician ON public.ticket USING btree (org_id, technician_id, opened_at DESC, id DESC) WHERE (technician_id IS NOT NULL)
CREATE INDEX ticket_unit ON public.ticket USING btree (org_id, unit_id, opened_at DESC) WHERE (unit_id IS NOT NULL)
CREATE INDEX ticket_waiting ON public.ticket USING btree (org_id, urgency DESC, opened_at) WHERE ((technician_id IS NULL) AND (pool_team_id IS NULL) AND (state = ANY (ARRAY[1, 2])))
CREATE INDEX token_family_user ON public.token_family USING btree (org_id, user_id)
CREATE INDEX visit_day ON public.visit USING btree (org_id, (
CASE
    WHEN (scheduled_from IS NULL) THEN created_at
    ELSE scheduled_from
END)) WHERE (technician_id IS NOT NULL)
CREATE UNIQUE INDEX account_event_pkey ON public.account_event USING btree (org_id, id)
CREATE UNIQUE INDEX app_user_org_id_login_key ON public.app_user USING btree (org_id, login)
CREATE UNIQUE INDEX app_user_pkey ON public.app_user USING btree (org_id, id)
CREATE UNIQUE INDEX call_quota_pkey ON public.call_quota USING btree (org_id, key)
CREATE UNIQUE INDEX code_booking_pkey ON public.code_booking USING btree (org_id, request_id)
CREATE UNIQUE INDEX code_human ON public.code USING btree (org_id, human_code)
CREATE UNIQUE INDEX code_org_pkey ON public.code_org USING btree (handle)
CREATE UNIQUE INDEX code_pkey ON public.code USING btree (org_id, code_id)
CREATE UNIQUE INDEX code_scan_pkey ON public.code_scan USING btree (org_id, scan_id)
CREATE UNIQUE INDEX customer_phone ON public.customer USING btree (org_id, phone_hash) WHERE (phone_hash IS NOT NULL)
CREATE UNIQUE INDEX customer_pkey ON public.customer USING btree (org_id, id)
CREATE UNIQUE INDEX customer_proposal_pkey ON public.customer_proposal USING btree (org_id, id)
CREATE UNIQUE INDEX customer_ref ON public.customer USING btree (org_id, source, ref) WHERE (phone_hash IS NULL)
CREATE UNIQUE INDEX device_pkey ON public.device USING btree (org_id, id)
CREATE UNIQUE INDEX enrolment_code_pkey ON public.enrolment_code USING btree (code_hash)
CREATE UNIQUE INDEX import_refusal_pkey ON public.import_refusal USING btree (org_id, run_id, line, place)
CREATE UNIQUE INDEX import_run_open ON public.import_run USING btree (org_id, file_hash, mapping_hash) WHERE (finished_at IS NULL)
CREATE UNIQUE INDEX import_run_pkey ON public.import_run USING btree (org_id, id)
CREATE UNIQUE INDEX key_publication_pkey ON public.key_publication USING btree (org_id, key_id)
CREATE UNIQUE INDEX org_pkey ON public.org USING btree (id)
CREATE UNIQUE INDEX org_slug_key ON public.org USING btree (slug)
CREATE UNIQUE INDEX pay_accrual_pkey ON public.pay_accrual USING btree (org_id, source)
CREATE UNIQUE INDEX pay_entry_moved ON public.pay_entry USING btree (org_id, refers, kind) WHERE (kind = ANY (ARRAY['confirmation'::text, 'payout'::text]))
CREATE UNIQUE INDEX pay_entry_pkey ON public.pay_entry USING btree (org_id, id)
CREATE UNIQUE INDEX pay_entry_source ON public.pay_entry USING btree (org_id, source, component, payee_id) WHERE (kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]))
CREATE UNIQUE INDEX pay_measure_pkey ON public.pay_measure USING btree (org_id, payee_id, plan, month)
CREATE UNIQUE INDEX pay_plan_pkey ON public.pay_plan USING btree (org_id, plan, version)
CREATE UNIQUE INDEX pay_posting_pkey ON public.pay_posting USING btree (org_id, entry_id, ordinal)
CREATE UNIQUE INDEX price_item_org_id_kind_sku_key ON public.price_item USING btree (org_id, kind, sku)
CREATE UNIQUE INDEX price_item_pkey ON public.price_item USING btree (org_id, id)
CREATE UNIQUE INDEX price_pkey ON public.price USING btree (org_id, item_id, effective_from)
CREATE UNIQUE INDEX product_class_org_id_key_key ON public.product_class USING btree (org_id, key)
CREATE UNIQUE INDEX product_class_pkey ON public.product_class USING btree (org_id, id)
CREATE UNIQUE INDEX product_org_id_gtin_key ON public.product USING btree (org_id, gtin)
CREATE UNIQUE INDEX product_org_id_sku_key ON public.product USING btree (org_id, sku)
CREATE UNIQUE INDEX product_pkey ON public.product USING btree (org_id, id)
CREATE UNIQUE INDEX proof_custody_pkey ON public.proof_custody USING btree (org_id, proof_id, id)
CREATE UNIQUE INDEX proof_pkey ON public.proof USING btree (org_id, id)
CREATE UNIQUE INDEX proof_signature_pkey ON public.proof_signature USING btree (org_id, proof_id)
CREATE UNIQUE INDEX purchase_line_org_id_purchase_id_key_key ON public.purchase_line USING btree (org_id, purchase_id, key)
CREATE UNIQUE INDEX purchase_line_pkey ON public.purchase_line USING btree (org_id, purchase_id, item)
CREATE UNIQUE INDEX purchase_org_id_source_number_key ON public.purchase USING btree (org_id, source, number)
CREATE UNIQUE INDEX purchase_pkey ON public.purchase USING btree (org_id, id)
CREATE UNIQUE INDEX rank_board_pkey ON public.rank_board USING btree (org_id, id)
CREATE UNIQUE INDEX rank_bucket_pkey ON public.rank_bucket USING btree (org_id, board_id, level, bucket)
CREATE UNIQUE INDEX rank_dirty_pkey ON public.rank_dirty USING btree (org_id, board_id, payee_id)
CREATE UNIQUE INDEX rank_score_pkey ON public.rank_score USING btree (org_id, board_id, payee_id)
CREATE UNIQUE INDEX region_pkey ON public.region USING btree (org_id, id)
CREATE UNIQUE INDEX right_span_pkey ON public.right_span USING btree (org_id, user_id, role, scope, scope_id, since)
CREATE UNIQUE INDEX role_grant_pkey ON public.role_grant USING btree (org_id, user_id, role, scope, scope_id)
CREATE UNIQUE INDEX shop_pkey ON public.shop USING btree (org_id, id)
CREATE UNIQUE INDEX sign_in_address_pkey ON public.sign_in_address USING btree (org_id, user_id, address)
CREATE UNIQUE INDEX signing_key_pkey ON public.signing_key USING btree (id)
CREATE UNIQUE INDEX sync_contact_pkey ON public.sync_contact USING btree (org_id, device_id)
CREATE UNIQUE INDEX sync_device_pkey ON public.sync_device USING btree (org_id, device_id)
CREATE UNIQUE INDEX sync_entry_pkey ON public.sync_entry USING btree (org_id, feed, kind, entity_id)
CREATE UNIQUE INDEX sync_entry_seq ON public.sync_entry USING btree (org_id, feed, seq)
CREATE UNIQUE INDEX sync_feed_pkey ON public.sync_feed USING btree (org_id, feed)
CREATE UNIQUE INDEX sync_generation_pkey ON public.sync_generation USING btree (only_row)
CREATE UNIQUE INDEX sync_mutation_id ON public.sync_mutation USING btree (org_id, id) WHERE (NOT duplicate)
CREATE UNIQUE INDEX sync_mutation_pkey ON public.sync_mutation USING btree (org_id, device_id, seq)
CREATE UNIQUE INDEX sync_parked_edit_pkey ON public.sync_parked_edit USING btree (org_id, mutation_id, edition)
CREATE UNIQUE INDEX sync_parked_pkey ON public.sync_parked USING btree (org_id, mutation_id)
CREATE UNIQUE INDEX sync_rebuild_pkey ON public.sync_rebuild USING btree (org_id, projection)
CREATE UNIQUE INDEX sync_rights_pkey ON public.sync_rights USING btree (org_id, user_id)
CREATE UNIQUE INDEX sync_subscription_pkey ON public.sync_subscription USING btree (org_id, user_id, feed)
CREATE UNIQUE INDEX team_member_pkey ON public.team_member USING btree (org_id, team_id, user_id)
CREATE UNIQUE INDEX team_pkey ON public.team USING btree (org_id, id)
CREATE UNIQUE INDEX technician_pkey ON public.technician USING btree (org_id, user_id)
CREATE UNIQUE INDEX ticket_agreement_pkey ON public.ticket_agreement USING btree (org_id, ticket_id, charge_id, proof_id)
CREATE UNIQUE INDEX ticket_answer_pkey ON public.ticket_answer USING btree (org_id, visit_id, step)
CREATE UNIQUE INDEX ticket_assignment_open ON public.ticket_assignment USING btree (org_id, ticket_id) WHERE (valid_to IS NULL)
CREATE UNIQUE INDEX ticket_assignment_pkey ON public.ticket_assignment USING btree (org_id, id)
CREATE UNIQUE INDEX ticket_charge_pkey ON public.ticket_charge USING btree (org_id, id)
CREATE UNIQUE INDEX ticket_counter_pkey ON public.ticket_counter USING btree (org_id, day)
CREATE UNIQUE INDEX ticket_event_pkey ON public.ticket_event USING btree (org_id, ticket_id, seq)
CREATE UNIQUE INDEX ticket_note_pkey ON public.ticket_note USING btree (org_id, id)
CREATE UNIQUE INDEX ticket_notice_pkey ON public.ticket_notice USING btree (org_id, id)
CREATE UNIQUE INDEX ticket_open_unit ON public.ticket USING btree (org_id, unit_id) WHERE ((unit_id IS NOT NULL) AND (state = ANY (ARRAY[1, 2, 3, 5])))
CREATE UNIQUE INDEX ticket_org_id_number_key ON public.ticket USING btree (org_id, number)
CREATE UNIQUE INDEX ticket_pkey ON public.ticket USING btree (org_id, id)
CREATE UNIQUE INDEX ticket_rating_pkey ON public.ticket_rating USING btree (org_id, ticket_id)
CREATE UNIQUE INDEX ticket_reason_pkey ON public.ticket_reason USING btree (org_id, use, key)
CREATE UNIQUE INDEX ticket_source ON public.ticket USING btree (org_id, source, source_key) WHERE (source_key <> ''::text)
CREATE UNIQUE INDEX ticket_template_org_id_key_version_key ON public.ticket_template USING btree (org_id, key, version)
CREATE UNIQUE INDEX ticket_template_pkey ON public.ticket_template USING btree (org_id, id)
CREATE UNIQUE INDEX token_family_pkey ON public.token_family USING btree (org_id, id)
CREATE UNIQUE INDEX unit_label ON public.unit USING btree (org_id, gtin, serial) WHERE ((gtin <> ''::text) AND (serial <> ''::text))
CREATE UNIQUE INDEX unit_pkey ON public.unit USING btree (org_id, unit_id)
CREATE UNIQUE INDEX visit_org_id_ticket_id_ordinal_key ON public.visit USING btree (org_id, ticket_id, ordinal)
CREATE UNIQUE INDEX visit_pkey ON public.visit USING btree (org_id, id)

-- row security
account_event enabled forced
app_user enabled forced
call_quota enabled forced
code enabled forced
code_booking enabled forced
code_org enabled
code_scan enabled forced
customer enabled forced
customer_proposal enabled forced
device enabled forced
enrolment_code enabled
import_refusal enabled forced
import_run enabled forced
key_publication enabled forced
org enabled forced
pay_accrual enabled forced
pay_entry enabled forced
pay_measure enabled forced
pay_plan enabled forced
pay_posting enabled forced
price enabled forced
price_item enabled forced
product enabled forced
product_class enabled forced
proof enabled forced
proof_custody enabled forced
proof_signature enabled forced
purchase enabled forced
purchase_line enabled forced
rank_board enabled forced
rank_bucket enabled forced
rank_dirty enabled forced
rank_score enabled forced
region enabled forced
right_span enabled forced
role_grant enabled forced
shop enabled forced
sign_in_address enabled forced
signing_key
sync_contact enabled forced
sync_device enabled forced
sync_entry enabled forced
sync_feed enabled forced
sync_generation
sync_mutation enabled forced
sync_parked enabled forced
sync_parked_edit enabled forced
sync_rebuild enabled forced
sync_rights enabled forced
sync_subscription enabled forced
team enabled forced
team_member enabled forced
technician enabled forced
ticket enabled forced
ticket_agreement enabled forced
ticket_answer enabled forced
ticket_assignment enabled forced
ticket_charge enabled forced
ticket_counter enabled forced
ticket_event enabled forced
ticket_note enabled forced
ticket_notice enabled forced
ticket_rating enabled forced
ticket_reason enabled forced
ticket_template enabled forced
token_family enabled forced
unit enabled forced
visit enabled forced

-- policies
account_event tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
app_user tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
call_quota tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code_booking tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code_org older PERMISSIVE for SELECT to public using (signed_in_as_owner()) check ()
code_org tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code_scan tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
customer tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
customer_proposal tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
device tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
enrolment_code older PERMISSIVE for SELECT to public using (signed_in_as_owner()) check ()
enrolment_code tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
import_refusal tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
import_run tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
key_publication tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
org begin PERMISSIVE for INSERT to public using () check ((id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid))
org change PERMISSIVE for UPDATE to public using ((id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
org directory PERMISSIVE for SELECT to public using (true) check ()
pay_accrual tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_entry tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_measure tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_plan tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_posting tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
price tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
price_item tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
product tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
product_class tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
proof tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
proof_custody tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
proof_signature tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
purchase tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
purchase_line tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_board tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_bucket tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_dirty tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_score tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
region tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
right_span tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
role_grant tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
shop tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sign_in_address tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_contact tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_device tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_entry tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_feed tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_mutation tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_parked tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_parked_edit tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_rebuild tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_rights tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_subscription tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
team tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
team_member tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
technician tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_agreement tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_answer tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_assignment tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_charge tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_counter tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_event tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_note tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_notice tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_rating tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_reason tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
ticket_template tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
token_family tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
unit tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
visit tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()

-- rights
account_event doorstep_app: INSERT, SELECT
app_user doorstep_app: INSERT, SELECT, UPDATE
call_quota doorstep_app: DELETE, INSERT, SELECT, UPDATE
code doorstep_app: INSERT, SELECT, UPDATE
code_booking doorstep_app: DELETE, INSERT, SELECT, UPDATE
code_org doorstep_app: INSERT, SELECT
code_scan doorstep_app: DELETE, INSERT, SELECT, UPDATE
customer doorstep_app: DELETE, INSERT, SELECT, UPDATE
customer_proposal doorstep_app: INSERT, SELECT, UPDATE
device doorstep_app: INSERT, SELECT, UPDATE
enrolment_code doorstep_app: DELETE, INSERT, SELECT, UPDATE
goose_db_version doorstep_app: SELECT
import_refusal doorstep_app: DELETE, INSERT, SELECT, UPDATE
import_run doorstep_app: DELETE, INSERT, SELECT, UPDATE
key_publication doorstep_app: DELETE, INSERT, SELECT, UPDATE
org doorstep_app: INSERT, SELECT, UPDATE
pay_accrual doorstep_app: INSERT, SELECT, UPDATE
pay_entry doorstep_app: INSERT, SELECT
pay_line doorstep_app: SELECT
pay_measure doorstep_app: DELETE, INSERT, SELECT, UPDATE
pay_plan doorstep_app: INSERT, SELECT
pay_posting doorstep_app: INSERT, SELECT
price doorstep_app: DELETE, INSERT, SELECT, UPDATE
price_item doorstep_app: DELETE, INSERT, SELECT, UPDATE
product doorstep_app: DELETE, INSERT, SELECT, UPDATE
product_class doorstep_app: DELETE, INSERT, SELECT, UPDATE
proof doorstep_app: INSERT, SELECT, UPDATE
proof_custody doorstep_app: INSERT, SELECT
proof_signature doorstep_app: INSERT, SELECT
purchase doorstep_app: INSERT, SELECT, UPDATE
purchase_line doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_board doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_bucket doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_dirty doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_score doorstep_app: DELETE, INSERT, SELECT, UPDATE
region doorstep_app: DELETE, INSERT, SELECT, UPDATE
right_span doorstep_app: INSERT, SELECT, UPDATE
role_grant doorstep_app: DELETE, INSERT, SELECT, UPDATE
shop doorstep_app: DELETE, INSERT, SELECT, UPDATE
sign_in_address doorstep_app: DELETE, INSERT, SELECT, UPDATE
signing_key doorstep_app: INSERT, SELECT
sync_contact doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_device doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_entry doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_feed doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_generation doorstep_app: SELECT
sync_mutation doorstep_app: INSERT, SELECT
sync_parked doorstep_app: INSERT, SELECT, UPDATE
sync_parked_edit doorstep_app: INSERT, SELECT
sync_rebuild doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_rights doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_subscription doorstep_app: DELETE, INSERT, SELECT, UPDATE
team doorstep_app: DELETE, INSERT, SELECT, UPDATE
team_member doorstep_app: DELETE, INSERT, SELECT, UPDATE
technician doorstep_app: DELETE, INSERT, SELECT, UPDATE
ticket doorstep_app: INSERT, SELECT, UPDATE
ticket_agreement doorstep_app: INSERT, SELECT
ticket_answer doorstep_app: DELETE, INSERT, SELECT, UPDATE
ticket_assignment doorstep_app: INSERT, SELECT, UPDATE
ticket_charge doorstep_app: INSERT, SELECT
ticket_counter doorstep_app: DELETE, INSERT, SELECT, UPDATE
ticket_event doorstep_app: INSERT, SELECT
ticket_note doorstep_app: INSERT, SELECT
ticket_notice doorstep_app: DELETE, INSERT, SELECT, UPDATE
ticket_rating doorstep_app: INSERT, SELECT, UPDATE
ticket_reason doorstep_app: DELETE, INSERT, SELECT, UPDATE
ticket_template doorstep_app: DELETE, INSERT, SELECT, UPDATE
token_family doorstep_app: INSERT, SELECT, UPDATE
unit doorstep_app: INSERT, SELECT, UPDATE
visit doorstep_app: INSERT, SELECT, UPDATE

-- callers
org_of_enrolment_code(bytea) doorstep_app
org_of_handle(text) doorstep_app

-- views
pay_line with (security_invoker=true) as  SELECT e.org_id,
    e.id,
    e.kind,
    e.source,
    e.component,
    e.payee_id,
    e.ticket_id,
    e.ticket_number,
    e.refers,
    e.category,
    e.amount,
    e.currency,
    e.born_sure,
    e.earned_at,
    e.booked_at,
    e.plan_version,
    e.title_zh,
    e.title_en,
    e.trace,
    e.actor,
    e.reason,
        CASE
            WHEN (EXISTS ( SELECT
               FROM pay_entry p
              WHERE ((p.org_id = e.org_id) AND (p.refers = e.id) AND (p.kind = 'payout'::text)))) THEN 'paid'::text
            WHEN (e.born_sure OR (EXISTS ( SELECT
               FROM pay_entry c
              WHERE ((c.org_id = e.org_id) AND (c.refers = e.id) AND (c.kind = 'confirmation'::text))))) THEN 'confirmed'::text
            ELSE 'pending'::text
        END AS state
   FROM pay_entry e
  WHERE (e.kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]));

-- functions
CREATE OR REPLACE FUNCTION public.customer_proposal_stays()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
BEGIN
    IF OLD.decision <> '' THEN
        RAISE EXCEPTION 'a proposal that was decided stays as it is' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $function$
CREATE OR REPLACE FUNCTION public.identity_of(s text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog'
AS $function$
DECLARE
    before text;
    m text[];
BEGIN
    IF s ~ '^[A-Za-z0-9_/:-]*$' THEN
        RETURN s; -- nearly all
    END IF;
    LOOP
        before := s;
        FOR turn IN 1..2 LOOP
            s := translate(s, (SELECT string_agg(chr(65281 + i), '' ORDER BY i) FROM generate_series(0, 93) i),
                (SELECT string_agg(chr(33 + i), '' ORDER BY i) FROM generate_series(0, 93) i));
            s := regexp_replace(s, '[\u3000\u00a0\u2009\u202f]', ' ', 'g');
            s := regexp_replace(s, '[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u00ad\ufeff]', '', 'g');
            s := regexp_replace(s, '^[\u0009-\u000d\u0020\u0085\u1680\u2000-\u200a\u2028\u2029\u205f]+', '');
            s := regexp_replace(s, '[\u0009-\u000d\u0020\u0085\u1680\u2000-\u200a\u2028\u2029\u205f]+$', '');
            IF turn = 1 AND length(s) >= 3 AND left(s, 2) = '="' AND right(s, 1) = '"' THEN
                s := substr(s, 3, length(s) - 3);
            ELSIF turn = 1 AND left(s, 1) = '''' AND length(s) > 1 AND strpos(substr(s, 2), '''') = 0 THEN
                s := substr(s, 2);
            END IF;
        END LOOP;
        IF s ~ '^[0-9]+\.0+$' THEN
            s := split_part(s, '.', 1);
        ELSE
            m := regexp_match(s, '^([0-9])(?:\.([0-9]+)[Ee]\+?|[Ee]\+)([0-9]{1,3})$');
            IF m IS NOT NULL THEN
                IF m[3]::integer <> length(coalesce(m[2], '')) THEN
                    RETURN NULL;
                END IF;
                s := m[1] || coalesce(m[2], '');
            END IF;
        END IF;
        EXIT WHEN s = before;
    END LOOP;
    RETURN s;
END
$function$
CREATE OR REPLACE FUNCTION public.org_of_enrolment_code(hash bytea)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT org_id FROM public.enrolment_code WHERE code_hash = $1
$function$
CREATE OR REPLACE FUNCTION public.org_of_handle(name text)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT org_id FROM public.code_org WHERE handle = $1
$function$
CREATE OR REPLACE FUNCTION public.pay_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new entry', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$function$
CREATE OR REPLACE FUNCTION public.pay_balanced()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
    entry   uuid;
    parts   integer;
    total   numeric;
    moneys  integer;
BEGIN
    IF TG_TABLE_NAME = 'pay_entry' THEN
        entry := NEW.id;
    ELSE
        entry := NEW.entry_id;
    END IF;
    SELECT count(*), sum(p.amount), count(DISTINCT p.currency) INTO parts, total, moneys
    FROM pay_posting p WHERE p.org_id = NEW.org_id AND p.entry_id = entry;
    IF parts < 2 OR total <> 0 OR moneys <> 1 THEN
        RAISE EXCEPTION 'entry % does not balance: % postings in % currencies add up to %', entry, parts, moneys, total
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'pay_balanced';
    END IF;
    RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION public.signed_in_as_owner()
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT pg_has_role(session_user, relowner, 'MEMBER') FROM pg_class WHERE oid = 'public.org'::regclass
$function$
CREATE OR REPLACE FUNCTION public.ticket_event_only_grows()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'ticket_event only grows';
END
$function$

-- triggers
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON public.pay_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced()
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON public.pay_posting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_entry FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_plan FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_posting FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()
CREATE TRIGGER customer_proposal_stays BEFORE UPDATE ON public.customer_proposal FOR EACH ROW EXECUTE FUNCTION customer_proposal_stays()
CREATE TRIGGER ticket_event_never_emptied BEFORE TRUNCATE ON public.ticket_event FOR EACH STATEMENT EXECUTE FUNCTION ticket_event_only_grows()
CREATE TRIGGER ticket_event_only_grows BEFORE DELETE OR UPDATE ON public.ticket_event FOR EACH ROW EXECUTE FUNCTION ticket_event_only_grows()

-- extensions

