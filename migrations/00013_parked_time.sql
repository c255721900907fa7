-- When the office decided that parked work was done, and when a parked mutation was last tried again.

-- +goose Up
-- Beside the device's time, which stays in sync_mutation: null leaves it as it came.
ALTER TABLE sync_parked_edit ADD COLUMN decided_at timestamptz;
ALTER TABLE sync_parked ADD COLUMN last_at timestamptz;

-- +goose Down
ALTER TABLE sync_parked DROP COLUMN last_at;
ALTER TABLE sync_parked_edit DROP COLUMN decided_at;
