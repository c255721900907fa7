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
code_org.handle text collate C not null
code_org.org_id uuid not null
code_scan.org_id uuid not null
code_scan.scan_id uuid not null
code_scan.at timestamp with time zone not null
code_scan.who text not null
code_scan.user_id uuid
code_scan.kind smallint not null
code_scan.target_id uuid not null
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
key_publication.org_id uuid not null
key_publication.key_id text not null
org.id uuid not null
org.slug text not null
org.name_zh text not null
org.name_en text not null
org.time_zone text not null
org.currency text not null
org.created_at timestamp with time zone not null
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
rank_score.org_id uuid not null
rank_score.board_id uuid not null
rank_score.payee_id uuid not null
rank_score.score bigint not null
rank_score.pending bigint not null
rank_score.ranked bigint
rank_score.ranked_pending bigint not null default 0
rank_score.dirty boolean not null
region.org_id uuid not null
region.id uuid not null
region.name_zh text not null
region.name_en text not null
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
signing_key.id text not null
signing_key.use text not null
signing_key.public bytea not null
signing_key.sealed bytea not null
signing_key.sign_from timestamp with time zone not null
signing_key.verify_until timestamp with time zone
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
token_family.org_id uuid not null
token_family.id uuid not null
token_family.user_id uuid not null
token_family.is_device boolean not null
token_family.generation bigint not null
token_family.salt bytea not null
token_family.next_salt bytea not null
token_family.presented_at timestamp with time zone not null
token_family.ended_at timestamp with time zone
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
unit_ticket.org_id uuid not null
unit_ticket.ticket_id uuid not null
unit_ticket.unit_id uuid not null
unit_ticket.opened_at timestamp with time zone not null
unit_ticket.closed_at timestamp with time zone

-- constraints
account_event account_event_pkey PRIMARY KEY (org_id, id)
app_user app_user_org_id_login_key UNIQUE (org_id, login)
app_user app_user_pkey PRIMARY KEY (org_id, id)
code code_human_code_check CHECK ((length(human_code) = 8))
code code_kind_check CHECK (((kind >= 1) AND (kind <= 3)))
code code_pkey PRIMARY KEY (org_id, code_id)
code_booking code_booking_pkey PRIMARY KEY (org_id, request_id)
code_org code_org_handle_check CHECK (((handle = lower(handle)) AND ((length(handle) >= 4) AND (length(handle) <= 253))))
code_org code_org_pkey PRIMARY KEY (handle)
code_scan code_scan_pkey PRIMARY KEY (org_id, scan_id)
device device_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id)
device device_pkey PRIMARY KEY (org_id, id)
enrolment_code enrolment_code_pkey PRIMARY KEY (code_hash)
key_publication key_publication_pkey PRIMARY KEY (org_id, key_id)
org org_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
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
rank_board rank_board_pkey PRIMARY KEY (org_id, id)
rank_bucket rank_bucket_pkey PRIMARY KEY (org_id, board_id, level, bucket)
rank_score rank_score_pkey PRIMARY KEY (org_id, board_id, payee_id)
region region_pkey PRIMARY KEY (org_id, id)
role_grant role_grant_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id) ON DELETE CASCADE
role_grant role_grant_pkey PRIMARY KEY (org_id, user_id, role, scope, scope_id)
role_grant role_grant_role_check CHECK ((role = ANY (ARRAY['technician'::text, 'clerk'::text, 'dispatcher'::text, 'supervisor'::text, 'finance'::text, 'dealer'::text, 'admin'::text])))
role_grant role_grant_scope_check CHECK ((scope = ANY (ARRAY['org'::text, 'region'::text, 'team'::text, 'store'::text, 'self'::text])))
shop shop_check CHECK (((latitude IS NULL) = (longitude IS NULL)))
shop shop_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision)))
shop shop_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
shop shop_org_id_region_id_fkey FOREIGN KEY (org_id, region_id) REFERENCES region(org_id, id)
shop shop_pkey PRIMARY KEY (org_id, id)
signing_key signing_key_pkey PRIMARY KEY (id)
signing_key signing_key_public_check CHECK ((octet_length(public) = 32))
signing_key signing_key_use_check CHECK ((use = ANY (ARRAY['token'::text, 'code'::text, 'receipt'::text])))
sync_device sync_device_pkey PRIMARY KEY (org_id, device_id)
sync_entry sync_entry_pkey PRIMARY KEY (org_id, feed, kind, entity_id)
sync_feed sync_feed_pkey PRIMARY KEY (org_id, feed)
sync_generation sync_generation_generation_check CHECK ((octet_length(generation) = 8))
sync_generation sync_generation_only_row_check CHECK (only_row)
sync_generation sync_generation_pkey PRIMARY KEY (only_row)
sync_mutation sync_mutation_pkey PRIMARY KEY (org_id, device_id, seq)
sync_parked sync_parked_pkey PRIMARY KEY (org_id, mutation_id)
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
token_family token_family_next_salt_check CHECK ((octet_length(next_salt) = 12))
token_family token_family_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES app_user(org_id, id)
token_family token_family_pkey PRIMARY KEY (org_id, id)
token_family token_family_salt_check CHECK ((octet_length(salt) = 12))
unit unit_gtin_check CHECK (((gtin = ''::text) OR (gtin ~ '^[0-9]{14}$'::text)))
unit unit_pkey PRIMARY KEY (org_id, unit_id)
unit unit_serial_check CHECK ((length(serial) <= 40))
unit unit_state_check CHECK ((state = ANY (ARRAY['stock'::text, 'sold'::text, 'installed'::text, 'scrapped'::text])))
unit_ticket unit_ticket_org_id_unit_id_fkey FOREIGN KEY (org_id, unit_id) REFERENCES unit(org_id, unit_id)
unit_ticket unit_ticket_pkey PRIMARY KEY (org_id, ticket_id)

-- indexes
CREATE INDEX code_booking_target ON public.code_booking USING btree (org_id, target_id, at)
CREATE INDEX code_scan_target ON public.code_scan USING btree (org_id, target_id, at)
CREATE INDEX code_target ON public.code USING btree (org_id, target_id, kind)
CREATE INDEX device_user ON public.device USING btree (org_id, user_id)
CREATE INDEX enrolment_code_expiry ON public.enrolment_code USING btree (expires_at)
CREATE INDEX pay_accrual_ticket ON public.pay_accrual USING btree (org_id, ticket_id)
CREATE INDEX pay_accrual_unpriced ON public.pay_accrual USING btree (org_id, completed_at) WHERE ((plan IS NULL) AND (clawed_at IS NULL))
CREATE INDEX pay_entry_payee ON public.pay_entry USING btree (org_id, payee_id, earned_at) WHERE (kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]))
CREATE INDEX pay_entry_ticket ON public.pay_entry USING btree (org_id, ticket_id) WHERE (kind = ANY (ARRAY['accrual'::text, 'clawback'::text, 'correction'::text]))
CREATE INDEX rank_score_dirty ON public.rank_score USING btree (org_id, board_id) WHERE dirty
CREATE INDEX rank_score_order ON public.rank_score USING btree (org_id, board_id, ranked DESC, payee_id) WHERE (ranked IS NOT NULL)
CREATE INDEX sync_entry_entity ON public.sync_entry USING btree (org_id, entity_id, kind) WHERE (NOT removed)
CREATE INDEX sync_entry_tombstone ON public.sync_entry USING btree (org_id, at) WHERE removed
CREATE INDEX sync_parked_open ON public.sync_parked USING btree (org_id, mutation_id) WHERE (resolution IS NULL)
CREATE INDEX team_member_user ON public.team_member USING btree (org_id, user_id)
CREATE INDEX technician_region ON public.technician USING btree (org_id, region_id)
CREATE INDEX token_family_user ON public.token_family USING btree (org_id, user_id)
CREATE INDEX unit_ticket_unit ON public.unit_ticket USING btree (org_id, unit_id, opened_at)
CREATE UNIQUE INDEX account_event_pkey ON public.account_event USING btree (org_id, id)
CREATE UNIQUE INDEX app_user_org_id_login_key ON public.app_user USING btree (org_id, login)
CREATE UNIQUE INDEX app_user_pkey ON public.app_user USING btree (org_id, id)
CREATE UNIQUE INDEX code_booking_pkey ON public.code_booking USING btree (org_id, request_id)
CREATE UNIQUE INDEX code_human ON public.code USING btree (org_id, human_code)
CREATE UNIQUE INDEX code_org_pkey ON public.code_org USING btree (handle)
CREATE UNIQUE INDEX code_pkey ON public.code USING btree (org_id, code_id)
CREATE UNIQUE INDEX code_scan_pkey ON public.code_scan USING btree (org_id, scan_id)
CREATE UNIQUE INDEX device_pkey ON public.device USING btree (org_id, id)
CREATE UNIQUE INDEX enrolment_code_pkey ON public.enrolment_code USING btree (code_hash)
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
CREATE UNIQUE INDEX rank_board_pkey ON public.rank_board USING btree (org_id, id)
CREATE UNIQUE INDEX rank_bucket_pkey ON public.rank_bucket USING btree (org_id, board_id, level, bucket)
CREATE UNIQUE INDEX rank_score_pkey ON public.rank_score USING btree (org_id, board_id, payee_id)
CREATE UNIQUE INDEX region_pkey ON public.region USING btree (org_id, id)
CREATE UNIQUE INDEX role_grant_pkey ON public.role_grant USING btree (org_id, user_id, role, scope, scope_id)
CREATE UNIQUE INDEX shop_pkey ON public.shop USING btree (org_id, id)
CREATE UNIQUE INDEX signing_key_pkey ON public.signing_key USING btree (id)
CREATE UNIQUE INDEX sync_device_pkey ON public.sync_device USING btree (org_id, device_id)
CREATE UNIQUE INDEX sync_entry_pkey ON public.sync_entry USING btree (org_id, feed, kind, entity_id)
CREATE UNIQUE INDEX sync_entry_seq ON public.sync_entry USING btree (org_id, feed, seq)
CREATE UNIQUE INDEX sync_feed_pkey ON public.sync_feed USING btree (org_id, feed)
CREATE UNIQUE INDEX sync_generation_pkey ON public.sync_generation USING btree (only_row)
CREATE UNIQUE INDEX sync_mutation_id ON public.sync_mutation USING btree (org_id, id) WHERE (NOT duplicate)
CREATE UNIQUE INDEX sync_mutation_pkey ON public.sync_mutation USING btree (org_id, device_id, seq)
CREATE UNIQUE INDEX sync_parked_pkey ON public.sync_parked USING btree (org_id, mutation_id)
CREATE UNIQUE INDEX sync_subscription_pkey ON public.sync_subscription USING btree (org_id, user_id, feed)
CREATE UNIQUE INDEX team_member_pkey ON public.team_member USING btree (org_id, team_id, user_id)
CREATE UNIQUE INDEX team_pkey ON public.team USING btree (org_id, id)
CREATE UNIQUE INDEX technician_pkey ON public.technician USING btree (org_id, user_id)
CREATE UNIQUE INDEX token_family_pkey ON public.token_family USING btree (org_id, id)
CREATE UNIQUE INDEX unit_label ON public.unit USING btree (org_id, gtin, serial) WHERE ((gtin <> ''::text) AND (serial <> ''::text))
CREATE UNIQUE INDEX unit_pkey ON public.unit USING btree (org_id, unit_id)
CREATE UNIQUE INDEX unit_ticket_open ON public.unit_ticket USING btree (org_id, unit_id) WHERE (closed_at IS NULL)
CREATE UNIQUE INDEX unit_ticket_pkey ON public.unit_ticket USING btree (org_id, ticket_id)

-- row security
account_event enabled forced
app_user enabled forced
code enabled forced
code_booking enabled forced
code_org
code_scan enabled forced
device enabled forced
enrolment_code
key_publication enabled forced
org
pay_accrual enabled forced
pay_entry enabled forced
pay_measure enabled forced
pay_plan enabled forced
pay_posting enabled forced
rank_board enabled forced
rank_bucket enabled forced
rank_score enabled forced
region enabled forced
role_grant enabled forced
shop enabled forced
signing_key
sync_device enabled forced
sync_entry enabled forced
sync_feed enabled forced
sync_generation
sync_mutation enabled forced
sync_parked enabled forced
sync_subscription enabled forced
team enabled forced
team_member enabled forced
technician enabled forced
token_family enabled forced
unit enabled forced
unit_ticket enabled forced

-- policies
account_event tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
app_user tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code_booking tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
code_scan tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
device tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
key_publication tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_accrual tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_entry tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_measure tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_plan tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
pay_posting tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_board tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_bucket tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
rank_score tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
region tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
role_grant tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
shop tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_device tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_entry tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_feed tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_mutation tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_parked tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
sync_subscription tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
team tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
team_member tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
technician tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
token_family tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
unit tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()
unit_ticket tenant PERMISSIVE for ALL to public using ((org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)) check ()

-- rights
account_event doorstep_app: INSERT, SELECT
app_user doorstep_app: DELETE, INSERT, SELECT, UPDATE
code doorstep_app: DELETE, INSERT, SELECT, UPDATE
code_booking doorstep_app: DELETE, INSERT, SELECT, UPDATE
code_org doorstep_app: DELETE, INSERT, SELECT, UPDATE
code_scan doorstep_app: DELETE, INSERT, SELECT, UPDATE
device doorstep_app: DELETE, INSERT, SELECT, UPDATE
enrolment_code doorstep_app: DELETE, INSERT, SELECT, UPDATE
key_publication doorstep_app: DELETE, INSERT, SELECT, UPDATE
org doorstep_app: DELETE, INSERT, SELECT, UPDATE
pay_accrual doorstep_app: DELETE, INSERT, SELECT, UPDATE
pay_entry doorstep_app: INSERT, SELECT
pay_line doorstep_app: SELECT
pay_measure doorstep_app: DELETE, INSERT, SELECT, UPDATE
pay_plan doorstep_app: INSERT, SELECT
pay_posting doorstep_app: INSERT, SELECT
rank_board doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_bucket doorstep_app: DELETE, INSERT, SELECT, UPDATE
rank_score doorstep_app: DELETE, INSERT, SELECT, UPDATE
region doorstep_app: DELETE, INSERT, SELECT, UPDATE
role_grant doorstep_app: DELETE, INSERT, SELECT, UPDATE
shop doorstep_app: DELETE, INSERT, SELECT, UPDATE
signing_key doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_device doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_entry doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_feed doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_generation doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_mutation doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_parked doorstep_app: DELETE, INSERT, SELECT, UPDATE
sync_subscription doorstep_app: DELETE, INSERT, SELECT, UPDATE
team doorstep_app: DELETE, INSERT, SELECT, UPDATE
team_member doorstep_app: DELETE, INSERT, SELECT, UPDATE
technician doorstep_app: DELETE, INSERT, SELECT, UPDATE
token_family doorstep_app: DELETE, INSERT, SELECT, UPDATE
unit doorstep_app: DELETE, INSERT, SELECT, UPDATE
unit_ticket doorstep_app: DELETE, INSERT, SELECT, UPDATE

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

-- triggers
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON public.pay_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced()
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON public.pay_posting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_entry FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_plan FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.pay_posting FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only()

-- extensions

