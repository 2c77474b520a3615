-- The version of the models and channels changes when they do.

CREATE OR REPLACE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE catalog_version v SET version = pg_current_xact_id() WHERE v.version <> pg_current_xact_id();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalog_changed() IS 'Trigger: the models and channels have another version when this transaction ends.';
DROP TRIGGER IF EXISTS llm_models_version ON llm_models;
CREATE CONSTRAINT TRIGGER llm_models_version AFTER INSERT OR UPDATE OR DELETE ON llm_models
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
DROP TRIGGER IF EXISTS channels_version ON channels;
CREATE CONSTRAINT TRIGGER channels_version AFTER INSERT OR UPDATE OR DELETE ON channels
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
DROP TRIGGER IF EXISTS channel_models_version ON channel_models;
CREATE CONSTRAINT TRIGGER channel_models_version AFTER INSERT OR UPDATE OR DELETE ON channel_models
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
-- not by what is noted of a key in passing: its balance, its last error
DROP TRIGGER IF EXISTS channel_keys_version ON channel_keys;
CREATE CONSTRAINT TRIGGER channel_keys_version AFTER INSERT OR DELETE
	OR UPDATE OF channel_id, name, key_enc, status, weight, sort, rpm, max_concurrent ON channel_keys
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
