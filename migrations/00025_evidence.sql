-- What customers' records are compared with, and what was charged, stays as it was written.

-- +goose Up
-- The address that a proposed position belongs to, where the proposal has no address of its own.
ALTER TABLE customer_proposal ADD COLUMN of_address text NOT NULL DEFAULT '';
REVOKE DELETE, TRUNCATE ON customer_proposal, ticket_rating FROM doorstep_app;
REVOKE UPDATE, DELETE, TRUNCATE ON ticket_charge, ticket_note FROM doorstep_app;

-- +goose StatementBegin
CREATE FUNCTION customer_proposal_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.decision <> '' THEN
        RAISE EXCEPTION 'a proposal that was decided stays as it is' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER customer_proposal_stays BEFORE UPDATE ON customer_proposal FOR EACH ROW EXECUTE FUNCTION customer_proposal_stays();

CREATE INDEX ticket_rework ON ticket (org_id, rework_of) WHERE rework_of IS NOT NULL;

-- +goose Down
DROP INDEX ticket_rework;
DROP TRIGGER customer_proposal_stays ON customer_proposal;
DROP FUNCTION customer_proposal_stays();
GRANT DELETE ON customer_proposal, ticket_rating TO doorstep_app;
GRANT UPDATE, DELETE ON ticket_charge, ticket_note TO doorstep_app;
ALTER TABLE customer_proposal DROP COLUMN of_address;
