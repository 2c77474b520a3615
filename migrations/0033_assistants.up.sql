-- Assistants that users make and share, what a conversation sets for itself, and prompts that are kept.

CREATE TABLE assistants (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	name varchar(100) NOT NULL,
	description text NOT NULL DEFAULT '',
	avatar varchar(16) NOT NULL DEFAULT '',
	picture_id uuid REFERENCES uploads ON DELETE SET NULL,
	prompt text NOT NULL DEFAULT '',
	model_id bigint REFERENCES llm_models ON DELETE SET NULL,
	temperature real CHECK (temperature BETWEEN 0 AND 2),
	top_p real CHECK (top_p BETWEEN 0 AND 1),
	max_tokens int CHECK (max_tokens > 0),
	context_messages int CHECK (context_messages >= 0),
	openers text[] NOT NULL DEFAULT '{}' CHECK (cardinality(openers) <= 6),
	knowledge_ids uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(knowledge_ids) <= 10),
	knowledge_mode varchar(10) NOT NULL DEFAULT 'auto' CHECK (knowledge_mode IN ('auto', 'always', 'off')),
	share varchar(10) NOT NULL DEFAULT 'private' CHECK (share IN ('private', 'link', 'house')),
	token varchar(64) UNIQUE,
	is_barred boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX assistants_user ON assistants (user_id, id DESC);
CREATE INDEX assistants_house ON assistants (id DESC) WHERE share = 'house' OR is_barred;
CREATE INDEX assistants_picture ON assistants (picture_id) WHERE picture_id IS NOT NULL;
CREATE INDEX assistants_model ON assistants (model_id) WHERE model_id IS NOT NULL;
COMMENT ON TABLE assistants IS
	'Assistants that users make: a prompt with a model and how that is asked. What admins make is in agents. At most 100 a user, a few KB each.';
COMMENT ON COLUMN assistants.id IS 'UUIDv7.';
COMMENT ON COLUMN assistants.user_id IS 'Whose it is; nobody else changes it or sees its prompt.';
COMMENT ON COLUMN assistants.name IS 'Shown to whoever may use it.';
COMMENT ON COLUMN assistants.description IS 'What it is for.';
COMMENT ON COLUMN assistants.avatar IS 'An emoji; empty: none.';
COMMENT ON COLUMN assistants.picture_id IS 'In place of the emoji: a picture of its owner''s uploads, shown to whoever may use it; NULL: none.';
COMMENT ON COLUMN assistants.prompt IS 'System prompt put before the conversation.';
COMMENT ON COLUMN assistants.model_id IS 'Model it runs on; NULL: the default one, also once that model is gone.';
COMMENT ON COLUMN assistants.temperature IS 'Sampling temperature; NULL: the provider''s default.';
COMMENT ON COLUMN assistants.top_p IS 'Nucleus sampling; NULL: the provider''s default.';
COMMENT ON COLUMN assistants.max_tokens IS 'Most tokens of one answer; NULL: what the model allows.';
COMMENT ON COLUMN assistants.context_messages IS 'At most so many earlier messages go upstream; NULL: as many as the site allows and the model takes.';
COMMENT ON COLUMN assistants.openers IS 'Questions to begin with.';
COMMENT ON COLUMN assistants.knowledge_ids IS 'Bases it looks into (no foreign keys: those that are gone, or that whoever asks may not read, are passed over).';
COMMENT ON COLUMN assistants.knowledge_mode IS 'When it does: auto, where something fits; always, with each question; off.';
COMMENT ON COLUMN assistants.share IS 'Who may use it besides its owner: private, nobody; link, who has taken it by its link; house, everybody.';
COMMENT ON COLUMN assistants.token IS 'The end of its link: 128 random bits; NULL: it is private.';
COMMENT ON COLUMN assistants.is_barred IS 'An admin has taken it back: nobody but its owner uses it, whatever share says.';
COMMENT ON COLUMN assistants.created_at IS 'When it was made.';
COMMENT ON COLUMN assistants.updated_at IS 'Last change.';

CREATE TABLE assistant_keeps (
	assistant_id uuid REFERENCES assistants ON DELETE CASCADE,
	user_id uuid REFERENCES users ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, assistant_id)
);
CREATE INDEX assistant_keeps_assistant ON assistant_keeps (assistant_id);
COMMENT ON TABLE assistant_keeps IS 'Who has taken an assistant by its link. They go when it becomes private.';
COMMENT ON COLUMN assistant_keeps.assistant_id IS 'The assistant.';
COMMENT ON COLUMN assistant_keeps.user_id IS 'Who has taken it.';
COMMENT ON COLUMN assistant_keeps.created_at IS 'When that was.';

CREATE TABLE prompts (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	name varchar(100) NOT NULL,
	text text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX prompts_user ON prompts (user_id, id DESC);
COMMENT ON TABLE prompts IS 'Texts that users keep for their questions. At most 500 a user.';
COMMENT ON COLUMN prompts.id IS 'UUIDv7.';
COMMENT ON COLUMN prompts.user_id IS 'Whose it is.';
COMMENT ON COLUMN prompts.name IS 'By which it is found.';
COMMENT ON COLUMN prompts.text IS 'The text; {{name}} is a variable that is asked for when it is used.';
COMMENT ON COLUMN prompts.created_at IS 'When it was made.';
COMMENT ON COLUMN prompts.updated_at IS 'Last change.';

ALTER TABLE conversations ADD COLUMN assistant_id uuid, ADD COLUMN assistant_name varchar(100), ADD COLUMN prompt text,
	ADD COLUMN temperature real, ADD COLUMN top_p real, ADD COLUMN context_messages int,
	ADD CONSTRAINT conversations_settings CHECK (temperature BETWEEN 0 AND 2 AND top_p BETWEEN 0 AND 1 AND context_messages >= 0
		AND (assistant_id IS NULL OR agent_id IS NULL)) NOT VALID;
COMMENT ON COLUMN conversations.assistant_id IS 'Assistant it runs with; NULL: none. No foreign key: once that is gone, or not for its user any more, it goes on without and says so.';
COMMENT ON COLUMN conversations.assistant_name IS 'Its name when the conversation began; NULL: none.';
COMMENT ON COLUMN conversations.prompt IS 'System prompt of this conversation alone, also an empty one; NULL: that of its agent or assistant.';
COMMENT ON COLUMN conversations.temperature IS 'As of its agent or assistant, for this conversation alone; NULL: theirs.';
COMMENT ON COLUMN conversations.top_p IS 'The same.';
COMMENT ON COLUMN conversations.context_messages IS 'The same.';

GRANT SELECT, INSERT, UPDATE, DELETE ON assistants, prompts TO weir_service;
GRANT SELECT, INSERT, DELETE ON assistant_keeps TO weir_service;
