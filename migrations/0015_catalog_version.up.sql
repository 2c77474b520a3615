-- Which state of the models and channels holds, so that programs may keep them in memory and yet never act on an old
-- one: whoever reads the version together with other things knows whether what it keeps belongs to the same snapshot.
--
-- The version is the transaction that changed them last. Its row is written at the end of that transaction, so that two
-- who change different rows at once wait for each other there and nowhere else, and cannot lock each other out.

CREATE TABLE catalog_version (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	version xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON TABLE catalog_version IS 'One row: the version of llm_models, channels and channel_models together.';
COMMENT ON COLUMN catalog_version.one IS 'Always true: there is one row.';
COMMENT ON COLUMN catalog_version.version IS 'The transaction that last changed one of them.';
INSERT INTO catalog_version DEFAULT VALUES;

CREATE FUNCTION catalog_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE catalog_version v SET version = pg_current_xact_id() WHERE v.version <> pg_current_xact_id();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION catalog_changed() IS 'Trigger: the models and channels have another version when this transaction ends.';

CREATE CONSTRAINT TRIGGER llm_models_version AFTER INSERT OR UPDATE OR DELETE ON llm_models
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
CREATE CONSTRAINT TRIGGER channels_version AFTER INSERT OR UPDATE OR DELETE ON channels
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
CREATE CONSTRAINT TRIGGER channel_models_version AFTER INSERT OR UPDATE OR DELETE ON channel_models
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();

GRANT SELECT, UPDATE (version) ON catalog_version TO weir_service;
