-- The server signs in as a login that owns nothing. Tables that are read before the tenant is known get row-level security,
-- too, and what a server never does to a table it may no longer do.
--
-- Safe under an older version: it signs in as the owner, works as doorstep_app, and reads enrolment codes and handles
-- before it has set an org; the policies "older" let it, as long as it is there.

-- +goose Up

-- The directory: everybody reads it, an org's row is written within the org alone.
REVOKE DELETE ON org FROM doorstep_app;
ALTER TABLE org ENABLE ROW LEVEL SECURITY;
ALTER TABLE org FORCE ROW LEVEL SECURITY;
CREATE POLICY directory ON org FOR SELECT USING (true);
CREATE POLICY begin ON org FOR INSERT WITH CHECK (id = nullif(current_setting('doorstep.org', true), '')::uuid);
CREATE POLICY change ON org FOR UPDATE USING (id = nullif(current_setting('doorstep.org', true), '')::uuid);

-- +goose StatementBegin
CREATE FUNCTION signed_in_as_owner() RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(session_user, relowner, 'MEMBER') FROM pg_class WHERE oid = 'public.org'::regclass
$$;
-- +goose StatementEnd

-- These two are not forced: the functions below look as their owner, who must see the row.
ALTER TABLE enrolment_code ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON enrolment_code USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);
CREATE POLICY older ON enrolment_code FOR SELECT USING (signed_in_as_owner());
REVOKE UPDATE, DELETE ON code_org FROM doorstep_app;
ALTER TABLE code_org ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON code_org USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);
CREATE POLICY older ON code_org FOR SELECT USING (signed_in_as_owner());

-- Whoever knows a code, or a handle, learns whose it is; nobody can list them.
-- +goose StatementBegin
CREATE FUNCTION org_of_enrolment_code(hash bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT org_id FROM public.enrolment_code WHERE code_hash = $1
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION org_of_handle(name text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT org_id FROM public.code_org WHERE handle = $1
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION org_of_enrolment_code(bytea), org_of_handle(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION org_of_enrolment_code(bytea), org_of_handle(text) TO doorstep_app;

-- Keys are added and never changed; the database's history is the owner's to say.
REVOKE UPDATE, DELETE ON signing_key FROM doorstep_app;
REVOKE INSERT, UPDATE, DELETE ON sync_generation FROM doorstep_app;

-- What was acknowledged stays: no verdict is changed, and no row is taken out of what work, money and access are judged by.
REVOKE UPDATE, DELETE ON sync_mutation FROM doorstep_app;
REVOKE DELETE ON sync_parked, right_span, proof, ticket, visit, ticket_assignment, pay_accrual, purchase, app_user, device,
    token_family, code, unit FROM doorstep_app;

-- The server sees whether the schema is its own.
GRANT SELECT ON goose_db_version TO doorstep_app;

-- +goose Down
REVOKE SELECT ON goose_db_version FROM doorstep_app;
GRANT DELETE ON sync_parked, right_span, proof, ticket, visit, ticket_assignment, pay_accrual, purchase, app_user, device,
    token_family, code, unit TO doorstep_app;
GRANT UPDATE, DELETE ON sync_mutation TO doorstep_app;
GRANT INSERT, UPDATE, DELETE ON sync_generation TO doorstep_app;
GRANT UPDATE, DELETE ON signing_key TO doorstep_app;
DROP FUNCTION org_of_handle(text);
DROP FUNCTION org_of_enrolment_code(bytea);
DROP POLICY older ON code_org;
DROP POLICY tenant ON code_org;
ALTER TABLE code_org DISABLE ROW LEVEL SECURITY;
GRANT UPDATE, DELETE ON code_org TO doorstep_app;
DROP POLICY older ON enrolment_code;
DROP POLICY tenant ON enrolment_code;
ALTER TABLE enrolment_code DISABLE ROW LEVEL SECURITY;
DROP FUNCTION signed_in_as_owner();
DROP POLICY change ON org;
DROP POLICY begin ON org;
DROP POLICY directory ON org;
ALTER TABLE org NO FORCE ROW LEVEL SECURITY;
ALTER TABLE org DISABLE ROW LEVEL SECURITY;
GRANT DELETE ON org TO doorstep_app;
