-- Who is who: orgs, places, people, rights, devices, and the secrets by which they get in.

-- +goose Up

-- The directory of tenants. It has no tenant itself: a sign-in begins with an org's short name.
CREATE TABLE org (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name_zh    text NOT NULL,
    name_en    text NOT NULL,
    time_zone  text NOT NULL,
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL
);

-- The installation's signing keys. sealed is the private half, encrypted by the secret file.
CREATE TABLE signing_key (
    id           text PRIMARY KEY,
    use          text NOT NULL CHECK (use IN ('token', 'code', 'receipt')),
    public       bytea NOT NULL CHECK (octet_length(public) = 32),
    sealed       bytea NOT NULL,
    sign_from    timestamptz NOT NULL,
    verify_until timestamptz
);

-- One-time codes for a user's next device, as keyed hashes. No tenant: whoever types one has no org yet.
CREATE TABLE enrolment_code (
    code_hash  bytea PRIMARY KEY,
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    device_id  uuid
);
CREATE INDEX enrolment_code_expiry ON enrolment_code (expires_at);

CREATE TABLE region (
    org_id  uuid NOT NULL,
    id      uuid NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE team (
    org_id    uuid NOT NULL,
    id        uuid NOT NULL,
    region_id uuid NOT NULL,
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, region_id) REFERENCES region
);

CREATE TABLE shop (
    org_id    uuid NOT NULL,
    id        uuid NOT NULL,
    region_id uuid NOT NULL,
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    latitude  double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, region_id) REFERENCES region,
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE app_user (
    org_id     uuid NOT NULL,
    id         uuid NOT NULL,
    login      text NOT NULL,
    name_zh    text NOT NULL,
    name_en    text NOT NULL,
    -- argon2id in PHC form; empty for who has no password.
    password   text NOT NULL DEFAULT '',
    disabled   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, login)
);

-- scope_id is the region, team or shop; all zeros for the scopes org and self.
CREATE TABLE role_grant (
    org_id   uuid NOT NULL,
    user_id  uuid NOT NULL,
    role     text NOT NULL CHECK (role IN ('technician', 'clerk', 'dispatcher', 'supervisor', 'finance', 'dealer', 'admin')),
    scope    text NOT NULL CHECK (scope IN ('org', 'region', 'team', 'store', 'self')),
    scope_id uuid NOT NULL,
    PRIMARY KEY (org_id, user_id, role, scope, scope_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);

-- When grants and memberships held: work done offline is judged by the rights of the moment at which it was done.
-- role is 'member' for a technician's team. It only grows, but for the end of a span.
CREATE TABLE right_span (
    org_id   uuid NOT NULL,
    user_id  uuid NOT NULL,
    role     text NOT NULL,
    scope    text NOT NULL,
    scope_id uuid NOT NULL,
    since    timestamptz NOT NULL,
    until    timestamptz,
    PRIMARY KEY (org_id, user_id, role, scope, scope_id, since),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user
);

CREATE TABLE technician (
    org_id         uuid NOT NULL,
    user_id        uuid NOT NULL,
    badge          text NOT NULL,
    -- Shown to peers in rankings instead of the name; empty for the name.
    alias          text NOT NULL DEFAULT '',
    region_id      uuid NOT NULL,
    skills         text[] NOT NULL DEFAULT '{}',
    home_latitude  double precision CHECK (home_latitude BETWEEN -90 AND 90),
    home_longitude double precision CHECK (home_longitude BETWEEN -180 AND 180),
    daily_capacity smallint NOT NULL CHECK (daily_capacity BETWEEN 0 AND 100),
    -- Minutes since midnight in the org's zone.
    day_start      smallint NOT NULL CHECK (day_start BETWEEN 0 AND 1439),
    day_end        smallint NOT NULL CHECK (day_end BETWEEN 1 AND 1440 AND day_end > day_start),
    gold           boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE,
    FOREIGN KEY (org_id, region_id) REFERENCES region,
    CHECK ((home_latitude IS NULL) = (home_longitude IS NULL))
);
CREATE INDEX technician_region ON technician (org_id, region_id);

CREATE TABLE team_member (
    org_id  uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (org_id, team_id, user_id),
    FOREIGN KEY (org_id, team_id) REFERENCES team,
    FOREIGN KEY (org_id, user_id) REFERENCES technician ON DELETE CASCADE
);
CREATE INDEX team_member_user ON team_member (org_id, user_id);

CREATE TABLE device (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    user_id     uuid NOT NULL,
    name        text NOT NULL,
    app_version text NOT NULL,
    enrolled_at timestamptz NOT NULL,
    revoked_at  timestamptz,
    -- Why: by the office, or because a refresh token was used twice.
    revoked_for text,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user
);
CREATE INDEX device_user ON device (org_id, user_id);

-- A family of refresh tokens: of a device, whose id it shares, or of a console session. It keeps no token, see
-- server/account/refresh.go.
CREATE TABLE token_family (
    org_id       uuid NOT NULL,
    id           uuid NOT NULL,
    user_id      uuid NOT NULL,
    is_device    boolean NOT NULL,
    generation   bigint NOT NULL,
    salt         bytea NOT NULL CHECK (octet_length(salt) = 12),
    next_salt    bytea NOT NULL CHECK (octet_length(next_salt) = 12),
    presented_at timestamptz NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user
);
CREATE INDEX token_family_user ON token_family (org_id, user_id);

-- Which public keys stand in the org's feed already.
CREATE TABLE key_publication (
    org_id uuid NOT NULL,
    key_id text NOT NULL,
    PRIMARY KEY (org_id, key_id)
);

-- What was done to accounts, by whom. It only grows.
CREATE TABLE account_event (
    org_id  uuid NOT NULL,
    id      uuid NOT NULL,
    at      timestamptz NOT NULL,
    -- user:<id> or system:<name>.
    actor   text NOT NULL,
    kind    text NOT NULL,
    subject uuid NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (org_id, id)
);
REVOKE UPDATE, DELETE ON account_event FROM doorstep_app;

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['region', 'team', 'shop', 'app_user', 'role_grant', 'right_span', 'technician', 'team_member', 'device', 'token_family', 'key_publication', 'account_event'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE account_event, key_publication, token_family, device, team_member, technician, right_span, role_grant, app_user, shop, team, region,
    enrolment_code, signing_key, org;
