-- Units of products, printed codes, who scanned and what was booked.

-- +goose Up

-- Which tenant a public address belongs to: the handle in links and signed codes (the last five bytes of the org's
-- id in base32), or a company's own host. No tenant's data, hence no org first and no policy: it is read before
-- the tenant is known.
CREATE TABLE code_org (
    handle text COLLATE "C" PRIMARY KEY CHECK (handle = lower(handle) AND length(handle) BETWEEN 4 AND 253),
    org_id uuid NOT NULL
);

CREATE TABLE unit (
    org_id         uuid NOT NULL,
    unit_id        uuid NOT NULL,
    product_id     uuid NOT NULL,
    -- GTIN-14, or empty when the product has none.
    gtin           text COLLATE "C" NOT NULL DEFAULT '' CHECK (gtin = '' OR gtin ~ '^[0-9]{14}$'),
    serial         text COLLATE "C" NOT NULL DEFAULT '' CHECK (length(serial) <= 40),
    store_id       uuid,
    state          text NOT NULL DEFAULT 'stock' CHECK (state IN ('stock', 'sold', 'installed', 'scrapped')),
    purchased_at   timestamptz,
    warranty_until timestamptz,
    order_number   text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, unit_id)
);
CREATE UNIQUE INDEX unit_label ON unit (org_id, gtin, serial) WHERE gtin <> '' AND serial <> '';

CREATE TABLE code (
    org_id        uuid NOT NULL,
    code_id       uuid NOT NULL,
    -- 1 unit, 2 entry, 3 ticket, as CodeKind on the wire.
    kind          smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    target_id     uuid NOT NULL,
    human_code    text COLLATE "C" NOT NULL CHECK (length(human_code) = 8),
    issued_at     timestamptz NOT NULL,
    issued_by     uuid,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    revoked_by    uuid,
    revoke_reason text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, code_id)
);
CREATE UNIQUE INDEX code_human ON code (org_id, human_code);
CREATE INDEX code_target ON code (org_id, target_id, kind);

-- Who scanned what. Strangers are counted, not recognized: no address is kept.
CREATE TABLE code_scan (
    org_id    uuid NOT NULL,
    scan_id   uuid NOT NULL,
    at        timestamptz NOT NULL,
    -- stranger, clerk, technician, office
    who       text NOT NULL,
    user_id   uuid,
    kind      smallint NOT NULL,
    target_id uuid NOT NULL,
    PRIMARY KEY (org_id, scan_id)
);
CREATE INDEX code_scan_at ON code_scan (org_id, at);

-- What was booked from a code, by the request's own id, so that sending a form twice books once.
CREATE TABLE code_booking (
    org_id     uuid NOT NULL,
    request_id uuid NOT NULL,
    target_id  uuid NOT NULL,
    ticket_id  uuid NOT NULL,
    number     text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (org_id, request_id)
);
CREATE INDEX code_booking_target ON code_booking (org_id, target_id, at);
CREATE INDEX code_booking_at ON code_booking (org_id, at);

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['unit', 'code', 'code_scan', 'code_booking'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE code_booking, code_scan, code, unit, code_org;
