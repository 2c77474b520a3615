DROP TRIGGER channel_models_version ON channel_models;
DROP TRIGGER channels_version ON channels;
DROP TRIGGER llm_models_version ON llm_models;
DROP FUNCTION catalog_changed();
DROP TABLE catalog_version;
