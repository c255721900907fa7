-- The ticket room: templates and reasons, tickets with their visits, assignments, facts of the work, the
-- hash-chained trail, and notices to technicians.

-- +goose Up

-- One version of a checklist; versions are never changed. body is a doorstep.field.v1.Template.
CREATE TABLE ticket_template (
    org_id     uuid NOT NULL,
    id         uuid NOT NULL,
    key        text NOT NULL,
    version    integer NOT NULL CHECK (version > 0),
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key, version)
);

CREATE TABLE ticket_reason (
    org_id  uuid NOT NULL,
    use     text NOT NULL CHECK (use IN ('decline', 'cannot_complete', 'cancel', 'reschedule', 'refuse_proof', 'hold', 'rework')),
    key     text NOT NULL CHECK (key ~ '^[a-z0-9_]{1,64}$'),
    id      uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    PRIMARY KEY (org_id, use, key)
);

-- The last number that was given out on a day of the company.
CREATE TABLE ticket_counter (
    org_id uuid NOT NULL,
    day    date NOT NULL,
    last   integer NOT NULL,
    PRIMARY KEY (org_id, day)
) WITH (fillfactor = 50);

CREATE TABLE ticket (
    org_id           uuid NOT NULL,
    id               uuid NOT NULL,
    number           text NOT NULL,
    state            smallint NOT NULL CHECK (state BETWEEN 1 AND 7),
    money_state      smallint NOT NULL DEFAULT 0 CHECK (money_state BETWEEN 0 AND 4),
    business_type    smallint NOT NULL CHECK (business_type BETWEEN 1 AND 4),
    urgency          smallint NOT NULL CHECK (urgency BETWEEN 1 AND 2),
    customer_id      uuid,
    customer_name    text NOT NULL,
    customer_phone   text NOT NULL,
    address          text NOT NULL,
    -- The address without the door, for those who may not know it.
    area             text NOT NULL,
    latitude         double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude        double precision CHECK (longitude BETWEEN -180 AND 180),
    vip              boolean NOT NULL,
    product_id       uuid,
    product_name     text NOT NULL,
    model            text NOT NULL,
    class_id         uuid,
    unit_id          uuid,
    serial           text NOT NULL,
    purchased_at     timestamptz,
    warranty_until   timestamptz,
    order_id         uuid,
    order_number     text NOT NULL,
    store_id         uuid,
    store_name       text NOT NULL,
    region_id        uuid,
    template_id      uuid,
    skills           text[] NOT NULL,
    duration_minutes integer NOT NULL,
    -- Who brought it and under which key of theirs: the same again opens nothing.
    source           text NOT NULL,
    source_key       text NOT NULL,
    -- The five windows.
    wanted_from      timestamptz,
    wanted_to        timestamptz,
    arrival_from     timestamptz,
    arrival_to       timestamptz,
    scheduled_from   timestamptz,
    scheduled_to     timestamptz,
    due_from         timestamptz,
    due_to           timestamptz,
    actual_from      timestamptz,
    actual_to        timestamptz,
    -- Who has it now, by which visit; and the team that may claim it.
    technician_id    uuid,
    technician_name  text NOT NULL DEFAULT '',
    visit_id         uuid,
    visit_state      smallint NOT NULL DEFAULT 0,
    pool_team_id     uuid,
    -- The teams that see it: of who has it, or had it last, or the pool's.
    team_ids         uuid[] NOT NULL DEFAULT '{}',
    held_at          timestamptz,
    canceled_at      timestamptz,
    closed_at        timestamptz,
    decision_reason  text NOT NULL DEFAULT '',
    rework_of        uuid,
    -- Something came that a person should look at.
    review           boolean NOT NULL DEFAULT false,
    event_seq        bigint NOT NULL DEFAULT 0,
    event_hash       bytea NOT NULL,
    opened_at        timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    -- It has left the feeds by age.
    archived         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, number),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
) WITH (fillfactor = 80);
-- A second scan of a unit finds the open ticket, also when both come at once.
CREATE UNIQUE INDEX ticket_open_unit ON ticket (org_id, unit_id) WHERE unit_id IS NOT NULL AND state IN (1, 2, 3, 5);
CREATE UNIQUE INDEX ticket_source ON ticket (org_id, source, source_key) WHERE source_key <> '';
-- The lists of the office, newest first.
CREATE INDEX ticket_opened ON ticket (org_id, opened_at DESC, id DESC);
CREATE INDEX ticket_state_opened ON ticket (org_id, state, opened_at DESC, id DESC);
CREATE INDEX ticket_region_opened ON ticket (org_id, region_id, opened_at DESC, id DESC);
CREATE INDEX ticket_technician ON ticket (org_id, technician_id, opened_at DESC, id DESC) WHERE technician_id IS NOT NULL;
-- What waits for somebody.
CREATE INDEX ticket_waiting ON ticket (org_id, urgency DESC, opened_at)
    WHERE technician_id IS NULL AND pool_team_id IS NULL AND state IN (1, 2);
-- History of a unit and of a customer.
CREATE INDEX ticket_unit ON ticket (org_id, unit_id, opened_at DESC) WHERE unit_id IS NOT NULL;
CREATE INDEX ticket_customer ON ticket (org_id, customer_id, opened_at DESC) WHERE customer_id IS NOT NULL;
-- What leaves the feeds by age.
CREATE INDEX ticket_archive ON ticket (org_id, changed_at) WHERE NOT archived AND state IN (4, 6, 7);

CREATE TABLE visit (
    org_id         uuid NOT NULL,
    id             uuid NOT NULL,
    ticket_id      uuid NOT NULL,
    ordinal        integer NOT NULL,
    state          smallint NOT NULL CHECK (state BETWEEN 1 AND 13),
    technician_id  uuid,
    scheduled_from timestamptz,
    scheduled_to   timestamptz,
    -- When it happened by the device; the events keep both times.
    accepted_at    timestamptz,
    traveling_at   timestamptz,
    arrived_at     timestamptz,
    finished_at    timestamptz,
    reason         text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, ticket_id, ordinal),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
) WITH (fillfactor = 80);
-- Load of a technician on a day.
CREATE INDEX visit_day ON visit (org_id, coalesce(scheduled_from, created_at)) WHERE technician_id IS NOT NULL;

-- Spans in which a technician had a ticket.
CREATE TABLE ticket_assignment (
    org_id          uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    visit_id        uuid NOT NULL,
    technician_id   uuid NOT NULL,
    technician_name text NOT NULL,
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz CHECK (valid_to >= valid_from),
    -- auto, office or claim; by whom, user:<id> or system:<name>.
    way             text NOT NULL,
    actor           text NOT NULL,
    reason_zh       text NOT NULL,
    reason_en       text NOT NULL,
    -- The reasons as data, and how the next best compared.
    score           jsonb,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket,
    FOREIGN KEY (org_id, visit_id) REFERENCES visit
);
CREATE UNIQUE INDEX ticket_assignment_open ON ticket_assignment (org_id, ticket_id) WHERE valid_to IS NULL;
CREATE INDEX ticket_assignment_ticket ON ticket_assignment (org_id, ticket_id, valid_from);

-- The newest answer to each step of a visit; value is a doorstep.field.v1.TaskAnswer.
CREATE TABLE ticket_answer (
    org_id      uuid NOT NULL,
    visit_id    uuid NOT NULL,
    step        text NOT NULL,
    value       bytea NOT NULL,
    device_id   uuid NOT NULL,
    device_time timestamptz NOT NULL,
    server_time timestamptz NOT NULL,
    PRIMARY KEY (org_id, visit_id, step),
    FOREIGN KEY (org_id, visit_id) REFERENCES visit
);

CREATE TABLE ticket_note (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    ticket_id   uuid NOT NULL,
    text        text NOT NULL,
    author_id   uuid NOT NULL,
    author      text NOT NULL,
    device_time timestamptz NOT NULL,
    server_time timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
);
CREATE INDEX ticket_note_ticket ON ticket_note (org_id, ticket_id, server_time);

-- Parts (kind 1) and surcharges (kind 2), with the price that held when they were added.
CREATE TABLE ticket_charge (
    org_id        uuid NOT NULL,
    id            uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    visit_id      uuid NOT NULL,
    kind          smallint NOT NULL CHECK (kind IN (1, 2)),
    price_item_id uuid NOT NULL,
    name          text NOT NULL,
    quantity      integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    unit_minor    bigint NOT NULL,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    device_time   timestamptz NOT NULL,
    server_time   timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket,
    FOREIGN KEY (org_id, visit_id) REFERENCES visit
);
CREATE INDEX ticket_charge_ticket ON ticket_charge (org_id, ticket_id, server_time);

-- The trail of a ticket: a hash chain that only grows. payload is JSON, kept byte for byte as it was hashed.
CREATE TABLE ticket_event (
    org_id        uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    seq           bigint NOT NULL CHECK (seq > 0),
    kind          text NOT NULL,
    device_time   timestamptz NOT NULL,
    server_time   timestamptz NOT NULL,
    actor         text NOT NULL,
    payload       text NOT NULL,
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (org_id, ticket_id, seq),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
);
REVOKE UPDATE, DELETE, TRUNCATE ON ticket_event FROM doorstep_app;
-- +goose StatementBegin
CREATE FUNCTION ticket_event_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ticket_event only grows';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER ticket_event_only_grows BEFORE UPDATE OR DELETE ON ticket_event
    FOR EACH ROW EXECUTE FUNCTION ticket_event_only_grows();
CREATE TRIGGER ticket_event_never_emptied BEFORE TRUNCATE ON ticket_event
    FOR EACH STATEMENT EXECUTE FUNCTION ticket_event_only_grows();

CREATE TABLE ticket_notice (
    org_id        uuid NOT NULL,
    id            uuid NOT NULL,
    technician_id uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    kind          text NOT NULL,
    text_zh       text NOT NULL,
    text_en       text NOT NULL,
    at            timestamptz NOT NULL,
    archived      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, ticket_id) REFERENCES ticket
);
CREATE INDEX ticket_notice_archive ON ticket_notice (org_id, at) WHERE NOT archived;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticket_template', 'ticket_reason', 'ticket_counter', 'ticket', 'visit', 'ticket_assignment',
        'ticket_answer', 'ticket_note', 'ticket_charge', 'ticket_event', 'ticket_notice'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE ticket_notice, ticket_event, ticket_charge, ticket_note, ticket_answer, ticket_assignment, visit, ticket,
    ticket_counter, ticket_reason, ticket_template;
DROP FUNCTION ticket_event_only_grows;
