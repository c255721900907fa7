-- Limits of one caller over all replicas, and what tells two holders of one refresh token apart.

-- +goose Up

-- How often something was done under a key (an address, a phone number, an account), all of them as keyed hashes. Rows that are old
-- are deleted, see server/quota. The company of all zeros holds what was tried under the names of companies that do not exist.
CREATE TABLE call_quota (
    org_id   uuid NOT NULL,
    key      bytea NOT NULL CHECK (octet_length(key) = 16),
    -- begun is the beginning of the window that is counted, last the newest of what was counted in it.
    begun_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    count    integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (org_id, key)
) WITH (fillfactor = 70);
CREATE INDEX call_quota_last ON call_quota (org_id, last_at);

-- From where a person has signed in by password before: address is a keyed hash.
CREATE TABLE sign_in_address (
    org_id  uuid NOT NULL,
    user_id uuid NOT NULL,
    address bytea NOT NULL CHECK (octet_length(address) = 16),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id, address),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);

-- The SHA-256 of the word with which the holder presented the token of generation attempt_of; 0 and empty while it never said one.
-- An older server moves the generation on and leaves both: then nothing is known of the newest token's word.
ALTER TABLE token_family ADD COLUMN attempt bytea NOT NULL DEFAULT '' CHECK (octet_length(attempt) IN (0, 32)),
    ADD COLUMN attempt_of bigint NOT NULL DEFAULT 0;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['call_quota', 'sign_in_address'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE token_family DROP COLUMN attempt, DROP COLUMN attempt_of;
DROP TABLE sign_in_address, call_quota;
