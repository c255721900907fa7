-- Every table with its kind, and the statements that spread a fresh installation, written by a test.

-- account_event: tenant
-- app_user: tenant
-- call_quota: tenant
-- code: tenant
-- code_booking: tenant
-- code_org: local
-- code_scan: tenant
-- customer: tenant
-- customer_proposal: tenant
-- device: tenant
-- enrolment_code: local
-- goose_db_version: local
-- import_refusal: tenant
-- import_run: tenant
-- key_publication: tenant
-- org: reference
-- pay_accrual: tenant
-- pay_entry: tenant
-- pay_measure: tenant
-- pay_plan: tenant
-- pay_posting: tenant
-- price: tenant
-- price_item: tenant
-- product: tenant
-- product_class: tenant
-- proof: tenant
-- proof_custody: tenant
-- proof_signature: tenant
-- purchase: tenant
-- purchase_line: tenant
-- rank_board: tenant
-- rank_bucket: tenant
-- rank_dirty: tenant
-- rank_score: tenant
-- region: tenant
-- right_span: tenant
-- river_job: local
-- river_leader: local
-- river_migration: local
-- river_notification: local
-- river_queue: local
-- role_grant: tenant
-- shop: tenant
-- sign_in_address: tenant
-- signing_key: local
-- sync_contact: tenant
-- sync_device: tenant
-- sync_entry: tenant
-- sync_feed: tenant
-- sync_generation: reference
-- sync_mutation: tenant
-- sync_parked: tenant
-- sync_parked_edit: tenant
-- sync_rebuild: tenant
-- sync_rights: tenant
-- sync_subscription: tenant
-- team: tenant
-- team_member: tenant
-- technician: tenant
-- ticket: tenant
-- ticket_agreement: tenant
-- ticket_answer: tenant
-- ticket_assignment: tenant
-- ticket_charge: tenant
-- ticket_counter: tenant
-- ticket_event: tenant
-- ticket_note: tenant
-- ticket_notice: tenant
-- ticket_rating: tenant
-- ticket_reason: tenant
-- ticket_template: tenant
-- token_family: tenant
-- unit: tenant
-- visit: tenant

DROP TRIGGER IF EXISTS customer_proposal_stays ON public.customer_proposal;
DROP TRIGGER IF EXISTS append_only ON public.pay_entry;
DROP TRIGGER IF EXISTS balanced ON public.pay_entry;
DROP TRIGGER IF EXISTS append_only ON public.pay_plan;
DROP TRIGGER IF EXISTS append_only ON public.pay_posting;
DROP TRIGGER IF EXISTS balanced ON public.pay_posting;
DROP TRIGGER IF EXISTS ticket_event_never_emptied ON public.ticket_event;
DROP TRIGGER IF EXISTS ticket_event_only_grows ON public.ticket_event;
SELECT create_reference_table('public.org');
SELECT create_reference_table('public.sync_generation');
SELECT create_distributed_table('public.account_event', 'org_id', colocate_with => 'none', shard_count => 64);
SELECT create_distributed_table('public.app_user', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.call_quota', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.code', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.code_booking', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.code_scan', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.customer', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.import_run', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.key_publication', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.pay_entry', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.pay_measure', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.pay_plan', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.price_item', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.product_class', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.proof', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.rank_board', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.rank_bucket', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.rank_dirty', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.rank_score', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.region', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_contact', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_device', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_entry', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_feed', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_mutation', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_parked', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_rebuild', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_rights', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_subscription', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_counter', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_reason', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_template', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.unit', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.customer_proposal', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.device', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.import_refusal', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.pay_accrual', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.pay_posting', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.price', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.product', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.proof_custody', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.proof_signature', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.purchase', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.right_span', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.role_grant', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.shop', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sign_in_address', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.sync_parked_edit', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.team', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.technician', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_agreement', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_event', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_note', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_notice', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_rating', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.token_family', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.visit', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.purchase_line', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.team_member', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_answer', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_assignment', 'org_id', colocate_with => 'public.account_event');
SELECT create_distributed_table('public.ticket_charge', 'org_id', colocate_with => 'public.account_event');
