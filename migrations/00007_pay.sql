-- What technicians earn: plans, priced tickets, the ledger; and the boards on which they rank.

-- +goose Up

-- Published plan versions. body is the PlanVersion message; a version never changes.
CREATE TABLE pay_plan (
    org_id         uuid    NOT NULL,
    plan           text    NOT NULL,
    version        integer NOT NULL CHECK (version > 0),
    effective_from date    NOT NULL,
    body           bytea   NOT NULL,
    published_at   timestamptz NOT NULL,
    published_by   uuid    NOT NULL,
    PRIMARY KEY (org_id, plan, version)
);

-- A completed ticket with the facts that it was priced by. source is the event that completed it.
CREATE TABLE pay_accrual (
    org_id       uuid NOT NULL,
    source       uuid NOT NULL,
    ticket_id    uuid NOT NULL,
    facts        jsonb NOT NULL,
    completed_at timestamptz NOT NULL,
    accrued_at   timestamptz NOT NULL,
    -- The version that ruled; null while no plan could price it, with the reason in problem.
    plan         text,
    version      integer,
    problem      text NOT NULL DEFAULT '',
    -- What it added to the measures of which month: {payee: {tickets, base_fees}}.
    counted      jsonb NOT NULL DEFAULT '{}',
    month        date,
    approved_at  timestamptz,
    confirmed_at timestamptz,
    clawed_at    timestamptz,
    PRIMARY KEY (org_id, source),
    FOREIGN KEY (org_id, plan, version) REFERENCES pay_plan
);
CREATE INDEX pay_accrual_ticket ON pay_accrual (org_id, ticket_id);
CREATE INDEX pay_accrual_unpriced ON pay_accrual (org_id, completed_at) WHERE plan IS NULL AND clawed_at IS NULL;

-- Running measures of a payee's month. Its row lock orders the tickets of one payee and nobody else's.
CREATE TABLE pay_measure (
    org_id    uuid   NOT NULL,
    payee_id  uuid   NOT NULL,
    plan      text   NOT NULL,
    month     date   NOT NULL,
    tickets   bigint NOT NULL DEFAULT 0,
    base_fees bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, payee_id, plan, month)
) WITH (fillfactor = 70);

-- The ledger's entries. An accrual, clawback or correction is an earning line; a confirmation or payout refers
-- to the line that it moves on. Append-only.
CREATE TABLE pay_entry (
    org_id       uuid     NOT NULL,
    id           uuid     NOT NULL,
    kind         text     NOT NULL CHECK (kind IN ('accrual', 'clawback', 'correction', 'confirmation', 'payout')),
    source       uuid     NOT NULL,
    component    text     NOT NULL,
    payee_id     uuid     NOT NULL,
    ticket_id    uuid     NOT NULL,
    ticket_number text    NOT NULL,
    -- The line that this entry corrects, takes back, confirms or pays.
    refers       uuid,
    category     smallint NOT NULL CHECK (category BETWEEN 1 AND 4),
    amount       bigint   NOT NULL,
    currency     text     NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The line was sure from the start: it corrects one that was.
    born_sure    boolean  NOT NULL DEFAULT false,
    earned_at    timestamptz NOT NULL,
    booked_at    timestamptz NOT NULL,
    plan_version text     NOT NULL,
    title_zh     text     NOT NULL,
    title_en     text     NOT NULL,
    trace        bytea    NOT NULL,
    -- Who did it and why, where a person did.
    actor        uuid,
    reason       text     NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, refers) REFERENCES pay_entry,
    CHECK ((refers IS NULL) = (kind = 'accrual'))
);
-- Once for each source event, component and payee.
CREATE UNIQUE INDEX pay_entry_source ON pay_entry (org_id, source, component, payee_id)
    WHERE kind IN ('accrual', 'clawback', 'correction');
-- A line is confirmed once and paid once.
CREATE UNIQUE INDEX pay_entry_moved ON pay_entry (org_id, refers, kind) WHERE kind IN ('confirmation', 'payout');
CREATE INDEX pay_entry_payee ON pay_entry (org_id, payee_id, earned_at) WHERE kind IN ('accrual', 'clawback', 'correction');
CREATE INDEX pay_entry_ticket ON pay_entry (org_id, ticket_id) WHERE kind IN ('accrual', 'clawback', 'correction');

-- Debits above zero, credits below. Append-only; an entry's postings add up to zero.
CREATE TABLE pay_posting (
    org_id   uuid     NOT NULL,
    entry_id uuid     NOT NULL,
    ordinal  smallint NOT NULL,
    account  text     NOT NULL,
    -- All zeros on the company's own accounts.
    payee_id uuid     NOT NULL,
    amount   bigint   NOT NULL,
    currency text     NOT NULL,
    PRIMARY KEY (org_id, entry_id, ordinal),
    FOREIGN KEY (org_id, entry_id) REFERENCES pay_entry
);

-- Lines with the state that later entries gave them.
CREATE VIEW pay_line WITH (security_invoker = true) AS
SELECT e.*, CASE
        WHEN EXISTS (SELECT FROM pay_entry p WHERE p.org_id = e.org_id AND p.refers = e.id AND p.kind = 'payout') THEN 'paid'
        WHEN e.born_sure OR EXISTS (SELECT FROM pay_entry c WHERE c.org_id = e.org_id AND c.refers = e.id AND c.kind = 'confirmation') THEN 'confirmed'
        ELSE 'pending' END AS state
FROM pay_entry e
WHERE e.kind IN ('accrual', 'clawback', 'correction');

-- +goose StatementBegin
CREATE FUNCTION pay_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new entry', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pay_entry FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pay_posting FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pay_plan FOR EACH STATEMENT EXECUTE FUNCTION pay_append_only();

-- +goose StatementBegin
CREATE FUNCTION pay_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
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
$$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON pay_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced();
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON pay_posting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay_balanced();

-- One board: among whom, over which time.
CREATE TABLE rank_board (
    org_id       uuid     NOT NULL,
    id           uuid     NOT NULL,
    scope        smallint NOT NULL,
    scope_id     uuid     NOT NULL,
    period       smallint NOT NULL,
    starts       date     NOT NULL,
    currency     text     NOT NULL,
    payees       bigint   NOT NULL DEFAULT 0,
    -- null until it was first put in order.
    refreshed_at timestamptz,
    PRIMARY KEY (org_id, id)
) WITH (fillfactor = 70);

-- A payee's score on a board. score and pending are written by the payee's own transactions, ranked and
-- ranked_pending by the board's refresh: they are what the board shows.
CREATE TABLE rank_score (
    org_id         uuid    NOT NULL,
    board_id       uuid    NOT NULL,
    payee_id       uuid    NOT NULL,
    score          bigint  NOT NULL,
    pending        bigint  NOT NULL,
    ranked         bigint,
    ranked_pending bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, board_id, payee_id)
) WITH (fillfactor = 80);
CREATE INDEX rank_score_order ON rank_score (org_id, board_id, ranked DESC, payee_id) WHERE ranked IS NOT NULL;

-- Scores that changed since their board was put in order. A table of its own, small at all times, so that no plan
-- reads the whole board for a few changes.
CREATE TABLE rank_dirty (
    org_id   uuid NOT NULL,
    board_id uuid NOT NULL,
    payee_id uuid NOT NULL,
    PRIMARY KEY (org_id, board_id, payee_id)
);

-- How many payees have a score in each bucket, at four widths: bucket = score >> (8 × level). A rank is a sum
-- over at most 255 siblings a level, however many payees there are.
CREATE TABLE rank_bucket (
    org_id   uuid     NOT NULL,
    board_id uuid     NOT NULL,
    level    smallint NOT NULL,
    bucket   bigint   NOT NULL,
    n        bigint   NOT NULL,
    PRIMARY KEY (org_id, board_id, level, bucket)
) WITH (fillfactor = 80);

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['pay_plan', 'pay_accrual', 'pay_measure', 'pay_entry', 'pay_posting', 'rank_board', 'rank_score', 'rank_dirty', 'rank_bucket'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd
REVOKE UPDATE, DELETE, TRUNCATE ON pay_entry, pay_posting, pay_plan FROM doorstep_app;
REVOKE INSERT, UPDATE, DELETE ON pay_line FROM doorstep_app;

-- +goose Down
DROP VIEW pay_line;
DROP TABLE rank_bucket, rank_dirty, rank_score, rank_board, pay_posting, pay_entry, pay_measure, pay_accrual, pay_plan;
DROP FUNCTION pay_balanced(), pay_append_only();
