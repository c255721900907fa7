-- The sync engine's tables: feeds and their entries, who follows what, devices and their mutations.
-- Every tenant table has org_id first in each key and row-level security; see docs/ARCHITECTURE.md.

-- +goose Up

-- doorstep_app holds what a server may do; the server's login is a member of it. Roles belong to the whole cluster, so they
-- are made before the migrations run: see roles.go. What each table grants is seen to again after them: see rights.go.
GRANT USAGE ON SCHEMA public TO doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO doorstep_app;


-- One history of the database. `doorstep admin restored` changes it after a restore.
CREATE TABLE sync_generation (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bytea NOT NULL CHECK (octet_length(generation) = 8),
    since      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO sync_generation (generation) VALUES (decode(substr(md5(gen_random_uuid()::text), 1, 16), 'hex'));

CREATE TABLE sync_feed (
    org_id uuid   NOT NULL,
    feed   text   COLLATE "C" NOT NULL,
    seq    bigint NOT NULL DEFAULT 0,
    floor  bigint NOT NULL DEFAULT 0,
    digest bigint NOT NULL DEFAULT 0,
    live   bigint NOT NULL DEFAULT 0,
    bytes  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, feed)
) WITH (fillfactor = 70);

CREATE TABLE sync_entry (
    org_id    uuid    NOT NULL,
    feed      text    COLLATE "C" NOT NULL,
    kind      integer NOT NULL,
    entity_id uuid    NOT NULL,
    seq       bigint  NOT NULL,
    removed   boolean NOT NULL,
    body      bytea   NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (org_id, feed, kind, entity_id)
) WITH (fillfactor = 85);
-- Reads of a delta.
CREATE UNIQUE INDEX sync_entry_seq ON sync_entry (org_id, feed, seq);
-- Which feeds hold an entity.
CREATE INDEX sync_entry_entity ON sync_entry (org_id, entity_id, kind) WHERE NOT removed;
-- Tombstones by age, for their collection.
CREATE INDEX sync_entry_tombstone ON sync_entry (org_id, at) WHERE removed;

CREATE TABLE sync_subscription (
    org_id  uuid NOT NULL,
    user_id uuid NOT NULL,
    feed    text COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, user_id, feed)
);

CREATE TABLE sync_device (
    org_id     uuid   NOT NULL,
    device_id  uuid   NOT NULL,
    last_seq   bigint NOT NULL DEFAULT 0,
    generation bytea  NOT NULL,
    unsent     integer NOT NULL DEFAULT 0,
    seen_at    timestamptz,
    PRIMARY KEY (org_id, device_id)
) WITH (fillfactor = 70);

CREATE TABLE sync_mutation (
    org_id      uuid     NOT NULL,
    device_id   uuid     NOT NULL,
    seq         bigint   NOT NULL,
    id          uuid     NOT NULL,
    user_id     uuid     NOT NULL,
    kind        text     NOT NULL,
    args        bytea    NOT NULL,
    device_time timestamptz NOT NULL,
    outcome     smallint NOT NULL,
    code        text     NOT NULL,
    detail      text     NOT NULL,
    changes     jsonb,
    at          timestamptz NOT NULL,
    receipt     bytea    NOT NULL,
    key_id      text     NOT NULL,
    -- The same id came before, under another number or from another device.
    duplicate   boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, device_id, seq)
);
CREATE UNIQUE INDEX sync_mutation_id ON sync_mutation (org_id, id) WHERE NOT duplicate;

-- Mutations that a person must decide about. The verdict that the device got stays in sync_mutation.
CREATE TABLE sync_parked (
    org_id      uuid    NOT NULL,
    mutation_id uuid    NOT NULL,
    parked_at   timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    last_code   text    NOT NULL,
    last_detail text    NOT NULL,
    -- replayed or dismissed; null while open.
    resolution  text,
    resolved_at timestamptz,
    resolved_by uuid,
    reason      text NOT NULL DEFAULT '',
    edited_args bytea,
    PRIMARY KEY (org_id, mutation_id)
);
CREATE INDEX sync_parked_open ON sync_parked (org_id, mutation_id) WHERE resolution IS NULL;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['sync_feed', 'sync_entry', 'sync_subscription', 'sync_device', 'sync_mutation', 'sync_parked'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE sync_parked, sync_mutation, sync_device, sync_subscription, sync_entry, sync_feed, sync_generation;
-- The role stays: other databases of the cluster may stand on it.
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM doorstep_app;
REVOKE USAGE ON SCHEMA public FROM doorstep_app;
