-- The proof room: manifests of photos and signatures, what was found in the bytes, and who had to do with them.

-- +goose Up

CREATE TABLE proof (
    org_id      uuid     NOT NULL,
    id          uuid     NOT NULL,
    ticket_id   uuid     NOT NULL,
    visit_id    uuid     NOT NULL,
    step        text     NOT NULL,
    -- ProofKind and ProofState of doorstep.field.v1.
    kind        smallint NOT NULL CHECK (kind BETWEEN 1 AND 6),
    state       smallint NOT NULL CHECK (state BETWEEN 1 AND 4),
    refusal     text     NOT NULL DEFAULT '',
    -- What the phone announced.
    sha256      bytea    NOT NULL CHECK (octet_length(sha256) = 32),
    size        bigint   NOT NULL CHECK (size > 0),
    media_type  text     NOT NULL,
    device_time timestamptz NOT NULL,
    latitude    double precision,
    longitude   double precision,
    accuracy_m  real,
    device_id   uuid     NOT NULL,
    user_id     uuid     NOT NULL,
    server_time timestamptz NOT NULL,
    -- On whose feed it stands.
    holder_id   uuid,
    -- The transport of the bytes.
    upload_id   text     NOT NULL DEFAULT '',
    upload_at   timestamptz,
    attempts    integer  NOT NULL DEFAULT 0,
    received_at timestamptz,
    verified_at timestamptz,
    -- When it was first reported that the bytes do not come, or are gone from the store.
    overdue_at  timestamptz,
    lost_at     timestamptz,
    -- What the bytes told.
    width       integer,
    height      integer,
    orientation smallint,
    exif_latitude   double precision,
    exif_longitude  double precision,
    exif_accuracy_m real,
    exif_taken      timestamptz,
    -- exif_taken has a known zone; else it is the camera's wall clock.
    exif_zoned      boolean NOT NULL DEFAULT false,
    -- Media types of what was made of the bytes; empty for none.
    thumbnail_type  text NOT NULL DEFAULT '',
    shared_type     text NOT NULL DEFAULT '',
    receipt     bytea,
    receipt_key text     NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, id)
) WITH (fillfactor = 80);
CREATE INDEX proof_ticket ON proof (org_id, ticket_id);
CREATE INDEX proof_visit ON proof (org_id, visit_id);
-- What the sweeps look at.
CREATE INDEX proof_open ON proof (org_id, server_time) WHERE state IN (1, 2);

-- Signatures only ever add.
CREATE TABLE proof_signature (
    org_id      uuid  NOT NULL,
    proof_id    uuid  NOT NULL,
    signer_name text  NOT NULL,
    terms       text  NOT NULL,
    ticket_hash bytea NOT NULL,
    -- The mutation's arguments as they came (SignSignature): proof.sha256 is their hash.
    content     bytea NOT NULL,
    image       bytea NOT NULL,
    PRIMARY KEY (org_id, proof_id),
    FOREIGN KEY (org_id, proof_id) REFERENCES proof
);
REVOKE UPDATE, DELETE, TRUNCATE ON proof_signature FROM doorstep_app;

CREATE TABLE proof_custody (
    org_id      uuid NOT NULL,
    proof_id    uuid NOT NULL,
    id          uuid NOT NULL,
    event       text NOT NULL CHECK (event IN ('captured', 'received', 'verified', 'refused', 'viewed', 'exported', 'lost')),
    device_time timestamptz NOT NULL,
    server_time timestamptz NOT NULL,
    -- user:<id> or system:<name>.
    actor       text NOT NULL,
    device_id   uuid,
    detail      text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, proof_id, id),
    FOREIGN KEY (org_id, proof_id) REFERENCES proof
);
REVOKE UPDATE, DELETE, TRUNCATE ON proof_custody FROM doorstep_app;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['proof', 'proof_signature', 'proof_custody'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE proof_custody, proof_signature, proof;
