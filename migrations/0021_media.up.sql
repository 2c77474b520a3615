-- Pictures and films: tasks that a job carries, and what was asked of a provider for each.

ALTER TABLE tasks ADD COLUMN job_id uuid;
COMMENT ON COLUMN tasks.job_id IS 'The job that carries it, in place of an owner (no foreign key: jobs are removed); NULL: none. While the job lives the hold does.';

ALTER TABLE jobs ADD COLUMN woken boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN jobs.woken IS 'What it would wait for came while it ran: its next step is due at once.';

ALTER TABLE llm_models ADD COLUMN media jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(media) = 'object');
COMMENT ON COLUMN llm_models.media IS 'What a model for pictures or films takes, and how its provider calls it: docs/MEDIA.md; {}: a prompt.';

CREATE DOMAIN media_submit_state AS varchar(10) CHECK (VALUE IN ('intent', 'sent', 'accepted', 'unknown', 'over'));
COMMENT ON DOMAIN media_submit_state IS
	'intent: to be sent; sent: it may have left; accepted: the provider has a task; unknown: it may have one, and is not asked again; over: the task has ended.';

CREATE TABLE media_submits (
	task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
	state media_submit_state NOT NULL DEFAULT 'intent',
	op varchar(40) NOT NULL,
	input jsonb NOT NULL CHECK (jsonb_typeof(input) = 'object'),
	units jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(units) = 'object'),
	typical_s int NOT NULL CHECK (typical_s > 0),
	tried jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tried) = 'array'),
	channel_id bigint,
	channel_key_id bigint,
	token_hash bytea,
	external_id varchar(200),
	fetches int NOT NULL DEFAULT 0,
	provider_cost numeric(20,6),
	is_unconfirmed boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	sent_at timestamptz,
	accepted_at timestamptz,
	CONSTRAINT media_submits_external UNIQUE (channel_id, external_id)
);
CREATE INDEX media_submits_unknown ON media_submits (sent_at) WHERE state = 'unknown' OR is_unconfirmed;
COMMENT ON TABLE media_submits IS
	'What a provider is asked to make, one row for each task of a picture or film. Written with the task; what is sent is noted before it is sent, so that nothing is paid twice.';
COMMENT ON COLUMN media_submits.task_id IS 'The task.';
COMMENT ON COLUMN media_submits.state IS 'How far it has come.';
COMMENT ON COLUMN media_submits.op IS 'What was asked, as usage.op: images.generate, images.edit, videos.generate, videos.from_image, videos.storyboard.';
COMMENT ON COLUMN media_submits.input IS 'What is sent, in the provider''s words.';
COMMENT ON COLUMN media_submits.units IS 'What it counts as: {images} or {seconds}.';
COMMENT ON COLUMN media_submits.typical_s IS 'So long it takes as a rule, for a progress where the provider tells none.';
COMMENT ON COLUMN media_submits.tried IS 'Channels and keys that refused it: [[channel, key], ...].';
COMMENT ON COLUMN media_submits.channel_id IS 'The channel asked last (no foreign key); NULL: none yet.';
COMMENT ON COLUMN media_submits.channel_key_id IS 'With which of its keys; 0: without one.';
COMMENT ON COLUMN media_submits.token_hash IS 'SHA-256 of the token in its callback''s address.';
COMMENT ON COLUMN media_submits.external_id IS 'The provider''s id of the task.';
COMMENT ON COLUMN media_submits.fetches IS 'How often its results could not be fetched.';
COMMENT ON COLUMN media_submits.provider_cost IS 'What the provider says it took, in the provider''s own credits.';
COMMENT ON COLUMN media_submits.is_unconfirmed IS 'It ended without anybody knowing whether the provider made it, and took money for it.';
COMMENT ON COLUMN media_submits.created_at IS 'When it was asked for.';
COMMENT ON COLUMN media_submits.sent_at IS 'When it was sent last.';
COMMENT ON COLUMN media_submits.accepted_at IS 'When the provider''s id became known.';
GRANT SELECT, INSERT, UPDATE, DELETE ON media_submits TO weir_service;
