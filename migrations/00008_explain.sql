-- What devices said of themselves when they last called, and what was edited of parked mutations.

-- +goose Up
-- Written now and then from memory, never in the way of a pull: it explains, nothing is decided by it.
CREATE TABLE sync_contact (
    org_id        uuid  NOT NULL,
    device_id     uuid  NOT NULL,
    pulled_at     timestamptz,
    -- The cursor that the device sent last, so what it holds for sure, and the one it was given then.
    held          bytea NOT NULL DEFAULT '',
    given         bytea NOT NULL DEFAULT '',
    app_version   text  NOT NULL DEFAULT '',
    -- How far the device's clock was ahead of the office's.
    ahead_ms      bigint,
    oldest_unsent timestamptz,
    PRIMARY KEY (org_id, device_id)
) WITH (fillfactor = 70);

-- Edited payloads of parked mutations: the one that came stays in sync_mutation. It only grows.
CREATE TABLE sync_parked_edit (
    org_id      uuid    NOT NULL,
    mutation_id uuid    NOT NULL,
    edition     integer NOT NULL CHECK (edition > 0),
    args        bytea   NOT NULL,
    edited_by   uuid    NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (org_id, mutation_id, edition),
    FOREIGN KEY (org_id, mutation_id) REFERENCES sync_parked
);
REVOKE UPDATE, DELETE ON sync_parked_edit FROM doorstep_app;
-- An owner who is no superuser is bound by row-level security, too, while it is forced.
ALTER TABLE sync_parked NO FORCE ROW LEVEL SECURITY;
INSERT INTO sync_parked_edit (org_id, mutation_id, edition, args, edited_by, at)
SELECT org_id, mutation_id, 1, edited_args, coalesce(resolved_by, '00000000-0000-0000-0000-000000000000'), coalesce(resolved_at, parked_at)
FROM sync_parked WHERE edited_args IS NOT NULL;
ALTER TABLE sync_parked FORCE ROW LEVEL SECURITY;

-- The author was told of the decision by an entity in a feed of theirs, which leaves again with age.
ALTER TABLE sync_parked ADD COLUMN told boolean NOT NULL DEFAULT false;
CREATE INDEX sync_parked_told ON sync_parked (org_id, resolved_at) WHERE told;
CREATE INDEX sync_mutation_parked ON sync_mutation (org_id, device_id, seq DESC) WHERE outcome = 4;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['sync_contact', 'sync_parked_edit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP INDEX sync_mutation_parked, sync_parked_told;
ALTER TABLE sync_parked DROP COLUMN told;
DROP TABLE sync_parked_edit, sync_contact;
