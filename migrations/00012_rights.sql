-- Versions of what users follow and of what their devices may do. The sweep of each replica compares them with what it
-- knows of the users that it serves, as it does with the heads of feeds, so that a lost poke is made up for.

-- +goose Up
CREATE TABLE sync_rights (
    org_id  uuid   NOT NULL,
    user_id uuid   NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (org_id, user_id)
) WITH (fillfactor = 70);
ALTER TABLE sync_rights ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_rights FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sync_rights USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);

-- The database continues from a backup: of a device that it never heard of it does not know how far its numbers are.
ALTER TABLE sync_generation ADD COLUMN restored boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE sync_generation DROP COLUMN restored;
DROP TABLE sync_rights;
