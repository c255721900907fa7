-- The life of data: how far a rebuild of feeds from the rooms' tables has come, and per company how long finished
-- work stays on phones.

-- +goose Up

CREATE TABLE sync_rebuild (
    org_id      uuid    NOT NULL,
    projection  text    NOT NULL,
    -- The program that runs it: another one begins anew, for it may project otherwise.
    version     text    NOT NULL,
    -- The roots are walked first, then the entries that no root stands for; after is the last id done of either.
    walked      boolean NOT NULL DEFAULT false,
    after       uuid    NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    of          bigint  NOT NULL,
    roots       bigint  NOT NULL DEFAULT 0,
    written     bigint  NOT NULL DEFAULT 0,
    removed     bigint  NOT NULL DEFAULT 0,
    aged        bigint  NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (org_id, projection)
);
ALTER TABLE sync_rebuild ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_rebuild FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sync_rebuild USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);

-- How many days finished tickets and old notices stay on phones; null is the installation's own setting.
ALTER TABLE org ADD COLUMN finished_days integer CHECK (finished_days BETWEEN 1 AND 3650);

-- +goose Down
ALTER TABLE org DROP COLUMN finished_days;
DROP TABLE sync_rebuild;
