-- Of several keys of a channel the first is kept; every channel is of type chat again.
ALTER TABLE channels
	ADD COLUMN type varchar(20) NOT NULL DEFAULT 'chat' CHECK (type IN ('chat', 'image', 'video', 'embedding', 'audio')),
	ADD COLUMN api_key_enc bytea,
	DROP COLUMN groups, DROP COLUMN region, DROP COLUMN tag, DROP COLUMN proxy_enc, DROP COLUMN blacklist,
	DROP COLUMN param_override, DROP COLUMN header_override, DROP COLUMN rpm, DROP COLUMN max_concurrent,
	DROP COLUMN test_model, DROP COLUMN auto_disable;
COMMENT ON COLUMN channels.type IS 'Kind of service: chat, image, video, embedding or audio.';
COMMENT ON COLUMN channels.api_key_enc IS 'API key sealed with AES-256-GCM under the installation''s key (nonce, ciphertext, tag); NULL: none needed.';
UPDATE channels ch SET api_key_enc = (SELECT k.key_enc FROM channel_keys k WHERE k.channel_id = ch.id
	ORDER BY k.status <> 'active', k.sort, k.id LIMIT 1);
-- what the triggers of that change still have to do stands in the way of an index
SET CONSTRAINTS ALL IMMEDIATE;
CREATE INDEX channels_enabled_type ON channels (enabled, type);
DROP TABLE channel_keys;
ALTER TABLE llm_models DROP COLUMN strategy, DROP COLUMN group_strategies;
COMMENT ON TABLE catalog_version IS 'One row: the version of llm_models, channels and channel_models together.';
DROP DOMAIN channel_strategy, channel_key_status;
