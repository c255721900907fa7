-- The role that serves requests: row-level security holds for it, because it owns nothing.
-- Roles belong to the whole cluster, so databases that are migrated at the same time meet here:
-- whoever comes second is content.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'doorstep_app') THEN
    BEGIN
      CREATE ROLE doorstep_app NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  -- A superuser is every role's member; another owner must be made one to SET ROLE.
  IF NOT pg_has_role(current_user, 'doorstep_app', 'MEMBER') THEN
    EXECUTE format('GRANT doorstep_app TO %I', current_user);
  END IF;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO doorstep_app;

-- +goose Down
-- The role stays: other databases of the cluster may stand on it.
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM doorstep_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM doorstep_app;
REVOKE USAGE ON SCHEMA public FROM doorstep_app;
