-- What is said of a customer beside the record, tickets that lack what a visit needs, and what customers do themselves.

-- +goose Up

-- The customer's name as it was told with the order; empty for an order of before this column.
ALTER TABLE purchase ADD COLUMN customer_name text NOT NULL DEFAULT '';

-- What somebody said of a customer that is known already, and each change of the record. Open until decided.
CREATE TABLE customer_proposal (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    customer_id uuid NOT NULL,
    -- The order with which it was said.
    purchase_id uuid NOT NULL,
    -- Empty and null leave the record as it is; vip is only ever granted.
    name        text NOT NULL,
    address     text NOT NULL,
    latitude    double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude   double precision CHECK (longitude BETWEEN -180 AND 180),
    vip         boolean NOT NULL,
    source      text NOT NULL,
    actor       text NOT NULL,
    at          timestamptz NOT NULL,
    decision    text NOT NULL DEFAULT '' CHECK (decision IN ('', 'accepted', 'dismissed')),
    decided_by  text NOT NULL DEFAULT '',
    decided_at  timestamptz,
    -- What the record said before, as JSON, where it was accepted.
    replaced    jsonb,
    PRIMARY KEY (org_id, id),
    CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CHECK ((decision = '') = (decided_at IS NULL)),
    FOREIGN KEY (org_id, customer_id) REFERENCES customer
);
CREATE INDEX customer_proposal_customer ON customer_proposal (org_id, customer_id, id DESC);
CREATE INDEX customer_proposal_open ON customer_proposal (org_id, id DESC) WHERE decision = '';
CREATE INDEX customer_proposal_purchase ON customer_proposal (org_id, purchase_id);

-- What a ticket lacks before anybody can go there: name, phone, address, confirmation. And why the rules found nobody.
ALTER TABLE ticket ADD COLUMN needs text[] NOT NULL DEFAULT '{}';
ALTER TABLE ticket ADD COLUMN unassigned jsonb;
CREATE INDEX ticket_needs ON ticket (org_id, opened_at DESC, id DESC) WHERE needs <> '{}' AND state IN (1, 2, 5);

-- A company of before this column assigns by hand until it says otherwise; a new one by itself.
ALTER TABLE org ADD COLUMN auto_assign boolean NOT NULL DEFAULT false;
ALTER TABLE org ALTER COLUMN auto_assign SET DEFAULT true;

-- The language (BCP 47) of the page on which it was booked; empty when not known.
ALTER TABLE code_booking ADD COLUMN language text NOT NULL DEFAULT '' CHECK (length(language) <= 35);

-- What the customer says of a completed job.
CREATE TABLE ticket_rating (
    org_id     uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    visit_id   uuid NOT NULL,
    -- Whose visit it was.
    technician_id uuid NOT NULL,
    stars      smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    comment    text NOT NULL,
    rated_at   timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, ticket_id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
);

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['customer_proposal', 'ticket_rating'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE ticket_rating, customer_proposal;
ALTER TABLE code_booking DROP COLUMN language;
ALTER TABLE org DROP COLUMN auto_assign;
DROP INDEX ticket_needs;
ALTER TABLE ticket DROP COLUMN unassigned, DROP COLUMN needs;
ALTER TABLE purchase DROP COLUMN customer_name;
