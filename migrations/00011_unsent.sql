-- Few devices have something unsent at a time; whoever asks for them should not look at all. Not by seen_at, which
-- every push changes: it would have to be written there each time.

-- +goose Up
CREATE INDEX sync_device_unsent ON sync_device (org_id, device_id) WHERE unsent > 0;

-- +goose Down
DROP INDEX sync_device_unsent;
