-- What a signature covers: the lines that it shows, as they were shown. A line of the ticket is agreed to while it is
-- what an agreement says; alter it, and it no longer is. Agreements only add.

-- +goose Up
CREATE TABLE ticket_agreement (
    org_id        uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    charge_id     uuid NOT NULL,
    -- The signature.
    proof_id      uuid NOT NULL,
    kind          smallint NOT NULL CHECK (kind IN (1, 2)),
    price_item_id uuid NOT NULL,
    name          text NOT NULL,
    quantity      integer NOT NULL,
    unit_minor    bigint NOT NULL,
    currency      text NOT NULL,
    -- The app named the line; else it is what the technician had added before the signature.
    named         boolean NOT NULL,
    server_time   timestamptz NOT NULL,
    PRIMARY KEY (org_id, ticket_id, charge_id, proof_id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
);
REVOKE UPDATE, DELETE, TRUNCATE ON ticket_agreement FROM doorstep_app;
ALTER TABLE ticket_agreement ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_agreement FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ticket_agreement USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);

ALTER TABLE proof_signature ADD COLUMN content_hash bytea NOT NULL DEFAULT '';
ALTER TABLE proof_signature ADD COLUMN language text NOT NULL DEFAULT '';

-- The language that the customer reads, zh or en. A customer's record may not say it; a ticket has the company's then.
ALTER TABLE ticket ADD COLUMN language text NOT NULL DEFAULT 'zh';
ALTER TABLE customer ADD COLUMN language text NOT NULL DEFAULT '';
ALTER TABLE org ADD COLUMN language text NOT NULL DEFAULT 'zh' CHECK (language IN ('zh', 'en'));

-- Work that is dated ahead is parked together with what the device did afterwards on the same thing (subject), and
-- replayed in order.
ALTER TABLE sync_parked ADD COLUMN device_id uuid;
ALTER TABLE sync_parked ADD COLUMN seq bigint;
ALTER TABLE sync_parked ADD COLUMN subject uuid;
CREATE INDEX sync_parked_waiting ON sync_parked (org_id, device_id, subject, seq) WHERE resolution IS NULL AND subject IS NOT NULL;
-- Beside the device's time: by how many milliseconds its clock was ahead of the office's when it sent the mutation, where that
-- is known, and when the work was done by that, where the device's time cannot be.
ALTER TABLE sync_mutation ADD COLUMN clock_ahead_ms bigint;
ALTER TABLE sync_mutation ADD COLUMN corrected_time timestamptz;

-- +goose Down
ALTER TABLE sync_mutation DROP COLUMN corrected_time;
ALTER TABLE sync_mutation DROP COLUMN clock_ahead_ms;
DROP INDEX sync_parked_waiting;
ALTER TABLE sync_parked DROP COLUMN subject;
ALTER TABLE sync_parked DROP COLUMN seq;
ALTER TABLE sync_parked DROP COLUMN device_id;
ALTER TABLE org DROP COLUMN language;
ALTER TABLE customer DROP COLUMN language;
ALTER TABLE ticket DROP COLUMN language;
ALTER TABLE proof_signature DROP COLUMN language;
ALTER TABLE proof_signature DROP COLUMN content_hash;
DROP TABLE ticket_agreement;
