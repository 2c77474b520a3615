-- Its functions too, those of functions/catalog.sql.

DROP TABLE catalog_version, channel_models, channels, llm_models;
DROP FUNCTION IF EXISTS catalog_changed;
