-- Knowledge: bases of documents, their text in chunks, and the vectors that these are found by.

ALTER DOMAIN task_type DROP CONSTRAINT task_type_check;
-- NOT VALID: as in 0010
ALTER DOMAIN task_type ADD CONSTRAINT task_type_check CHECK (VALUE IN ('chat', 'image', 'video', 'relay', 'embed')) NOT VALID;
ALTER TYPE credits_change_type ADD VALUE IF NOT EXISTS 'embed_cost';
COMMENT ON COLUMN tasks.type IS 'chat, image, video, relay or embed.';

CREATE DOMAIN kb_state AS varchar(10) CHECK (VALUE IN ('pending', 'parsing', 'chunking', 'embedding', 'ready', 'failed'));
COMMENT ON DOMAIN kb_state IS 'How far a version of a document is: the last two are its end.';
CREATE DOMAIN kb_space_state AS varchar(10) CHECK (VALUE IN ('building', 'active', 'retired'));
COMMENT ON DOMAIN kb_space_state IS 'building: not searched yet; active: the one that is searched; retired: to be removed.';
CREATE DOMAIN kb_run_state AS varchar(10) CHECK (VALUE IN ('waiting', 'running', 'done', 'failed', 'cancelled'));
COMMENT ON DOMAIN kb_run_state IS 'How far the vectors of a version in a space are.';

CREATE TABLE kb (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	name varchar(200) NOT NULL,
	description varchar(2000) NOT NULL DEFAULT '',
	model_id bigint REFERENCES llm_models ON DELETE SET NULL,
	chunk_tokens int NOT NULL DEFAULT 250 CHECK (chunk_tokens BETWEEN 50 AND 2000),
	chunk_overlap int NOT NULL DEFAULT 15 CHECK (chunk_overlap BETWEEN 0 AND 50),
	is_shared boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz
);
CREATE INDEX kb_user ON kb (user_id, id DESC);
CREATE INDEX kb_deleted ON kb (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX kb_shared ON kb (id) WHERE is_shared;
CREATE INDEX kb_model ON kb (model_id);
COMMENT ON TABLE kb IS 'Knowledge bases: documents that are searched together. A few per user.';
COMMENT ON COLUMN kb.id IS 'UUIDv7.';
COMMENT ON COLUMN kb.user_id IS 'Who made it, and alone changes it.';
COMMENT ON COLUMN kb.name IS 'Shown name.';
COMMENT ON COLUMN kb.description IS 'What it is about.';
COMMENT ON COLUMN kb.model_id IS 'Model whose vectors its chunks get; NULL: none, it is searched by its words alone.';
COMMENT ON COLUMN kb.chunk_tokens IS 'So many tokens a chunk has about.';
COMMENT ON COLUMN kb.chunk_overlap IS 'Of these so many percent are repeated from the chunk before, within a section.';
COMMENT ON COLUMN kb.is_shared IS 'Everybody may read it.';
COMMENT ON COLUMN kb.created_at IS 'When it was made.';
COMMENT ON COLUMN kb.updated_at IS 'Last change of its own.';
COMMENT ON COLUMN kb.deleted_at IS 'Nobody sees it any more, and weir-worker removes it piece by piece; NULL: it is there.';

CREATE TABLE kb_share (
	kb_id uuid NOT NULL REFERENCES kb ON DELETE CASCADE,
	user_id uuid REFERENCES users ON DELETE CASCADE,
	user_group group_name REFERENCES user_groups ON DELETE CASCADE,
	CHECK (num_nonnulls(user_id, user_group) = 1),
	CONSTRAINT kb_share_one UNIQUE NULLS NOT DISTINCT (kb_id, user_id, user_group)
);
CREATE INDEX kb_share_user ON kb_share (user_id);
CREATE INDEX kb_share_group ON kb_share (user_group);
COMMENT ON TABLE kb_share IS 'Who else may read a base: a user or a group of users.';
COMMENT ON COLUMN kb_share.kb_id IS 'The base.';
COMMENT ON COLUMN kb_share.user_id IS 'This user; NULL: it is a group.';
COMMENT ON COLUMN kb_share.user_group IS 'All of this group; NULL: it is a user.';

CREATE TABLE kb_document (
	id uuid PRIMARY KEY,
	kb_id uuid NOT NULL REFERENCES kb ON DELETE CASCADE,
	user_id uuid NOT NULL,
	version int NOT NULL DEFAULT 1,
	next_version int,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CHECK (next_version > version)
);
CREATE INDEX kb_document_kb ON kb_document (kb_id, id DESC);
COMMENT ON TABLE kb_document IS 'Documents of a base. What changes with each version is in kb_version.';
COMMENT ON COLUMN kb_document.id IS 'UUIDv7.';
COMMENT ON COLUMN kb_document.kb_id IS 'Its base; goes with it.';
COMMENT ON COLUMN kb_document.user_id IS 'Owner of the base, who pays for its vectors: always kb.user_id, hence no foreign key of its own.';
COMMENT ON COLUMN kb_document.version IS 'The one that is found and shown: only its chunks are answers.';
COMMENT ON COLUMN kb_document.next_version IS 'One that takes its place once it is ready; NULL: none.';
COMMENT ON COLUMN kb_document.created_at IS 'When it was added.';
COMMENT ON COLUMN kb_document.updated_at IS 'Last change.';

CREATE TABLE kb_version (
	document_id uuid NOT NULL REFERENCES kb_document ON DELETE CASCADE,
	version int NOT NULL CHECK (version > 0),
	kb_id uuid NOT NULL,
	user_id uuid NOT NULL,
	state kb_state NOT NULL DEFAULT 'pending',
	code varchar(50),
	detail varchar(1000),
	filename varchar(255) NOT NULL DEFAULT '',
	title varchar(500) NOT NULL DEFAULT '',
	source_url varchar(2000),
	kind varchar(20),
	lang varchar(10),
	object_id uuid REFERENCES objects,
	sha256 bytea CHECK (octet_length(sha256) = 32),
	size_bytes bigint NOT NULL DEFAULT 0,
	pages int,
	chars int,
	chunks int NOT NULL DEFAULT 0,
	job_id uuid,
	attempts int NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	ready_at timestamptz,
	PRIMARY KEY (document_id, version)
);
CREATE INDEX kb_version_content ON kb_version (kb_id, sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX kb_version_user ON kb_version (user_id) INCLUDE (size_bytes);
CREATE INDEX kb_version_object ON kb_version (object_id);
CREATE INDEX kb_version_live ON kb_version (updated_at) WHERE state NOT IN ('ready', 'failed');
COMMENT ON TABLE kb_version IS 'Versions of documents. Of one that was replaced the text stays, so that what was cited can be read; its file and its chunks go.';
COMMENT ON COLUMN kb_version.document_id IS 'The document; goes with it.';
COMMENT ON COLUMN kb_version.version IS 'From 1.';
COMMENT ON COLUMN kb_version.kb_id IS 'Base of the document.';
COMMENT ON COLUMN kb_version.user_id IS 'Owner of the base: its bytes count against the room of this user.';
COMMENT ON COLUMN kb_version.state IS 'How far it is. embedding: its vectors in the space that is, or will be, searched.';
COMMENT ON COLUMN kb_version.code IS 'Why it failed, or (ready) what is missing: a stable code; NULL: nothing.';
COMMENT ON COLUMN kb_version.detail IS 'The same for operators, in words.';
COMMENT ON COLUMN kb_version.filename IS 'What it was called where it came from.';
COMMENT ON COLUMN kb_version.title IS 'Shown name: given, or the document''s own, or its file name.';
COMMENT ON COLUMN kb_version.source_url IS 'Where it is fetched from; NULL: it was sent.';
COMMENT ON COLUMN kb_version.kind IS 'What it is by its content: pdf, docx, html, text ...; NULL: not looked at yet.';
COMMENT ON COLUMN kb_version.lang IS 'Language of who added it, which helps to guess an encoding: zh or en.';
COMMENT ON COLUMN kb_version.object_id IS 'Its bytes as they came; NULL: not fetched yet, or replaced since.';
COMMENT ON COLUMN kb_version.sha256 IS 'Of these bytes.';
COMMENT ON COLUMN kb_version.size_bytes IS 'Their length; 0 once they are not kept any more.';
COMMENT ON COLUMN kb_version.pages IS 'Pages, slides or sheets; NULL: not known, or it has none.';
COMMENT ON COLUMN kb_version.chars IS 'Code points of its text; NULL: not parsed yet.';
COMMENT ON COLUMN kb_version.chunks IS 'How many chunks it was cut into.';
COMMENT ON COLUMN kb_version.job_id IS 'The job that parses it (no foreign key: jobs are removed).';
COMMENT ON COLUMN kb_version.attempts IS 'How often parsing was begun.';
COMMENT ON COLUMN kb_version.created_at IS 'When it came.';
COMMENT ON COLUMN kb_version.updated_at IS 'Last change.';
COMMENT ON COLUMN kb_version.ready_at IS 'When it was ready.';

CREATE TABLE kb_text (
	document_id uuid NOT NULL,
	version int NOT NULL,
	object_id uuid NOT NULL REFERENCES objects,
	PRIMARY KEY (document_id, version),
	FOREIGN KEY (document_id, version) REFERENCES kb_version ON DELETE CASCADE
);
CREATE INDEX kb_text_object ON kb_text (object_id);
COMMENT ON TABLE kb_text IS 'Canonical texts of versions: UTF-8, with a form feed between pages, compressed with gzip. What chunks and citations count in are its code points.';
COMMENT ON COLUMN kb_text.document_id IS 'The document.';
COMMENT ON COLUMN kb_text.version IS 'Its version.';
COMMENT ON COLUMN kb_text.object_id IS 'The compressed bytes.';

CREATE TABLE kb_space (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kb_id uuid NOT NULL REFERENCES kb ON DELETE CASCADE,
	model_id bigint NOT NULL,
	model varchar(200) NOT NULL,
	state kb_space_state NOT NULL DEFAULT 'building',
	dims int CHECK (dims > 0),
	mean bytea,
	mean_count int NOT NULL DEFAULT 0,
	mean_version int NOT NULL DEFAULT 0,
	centroids bytea,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CHECK (octet_length(mean) = 4 * dims)
);
ALTER TABLE kb_space ALTER COLUMN mean SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX kb_space_active ON kb_space (kb_id) WHERE state = 'active';
CREATE UNIQUE INDEX kb_space_building ON kb_space (kb_id) WHERE state = 'building';
CREATE INDEX kb_space_kb ON kb_space (kb_id);
CREATE INDEX kb_space_retired ON kb_space (id) WHERE state = 'retired';
COMMENT ON TABLE kb_space IS 'Vectors of one model for one base. Another model builds a space beside the one that is searched, and takes its place when it is complete.';
COMMENT ON COLUMN kb_space.id IS 'Increasing id.';
COMMENT ON COLUMN kb_space.kb_id IS 'The base.';
COMMENT ON COLUMN kb_space.model_id IS 'The model (no foreign key: what was made with it stays).';
COMMENT ON COLUMN kb_space.model IS 'Its name.';
COMMENT ON COLUMN kb_space.state IS 'Is it searched?';
COMMENT ON COLUMN kb_space.dims IS 'Numbers of a vector; NULL: none came yet.';
COMMENT ON COLUMN kb_space.mean IS 'What is subtracted from each vector before it is kept: float4, little-endian; NULL: none came yet.';
COMMENT ON COLUMN kb_space.mean_count IS 'It is the mean of so many vectors: 32 are enough.';
COMMENT ON COLUMN kb_space.mean_version IS 'Counts its changes: whoever writes vectors says by which it made them.';
COMMENT ON COLUMN kb_space.centroids IS 'Of the lists of kb_code: float4, little-endian, of centred vectors; NULL: there are no lists.';
COMMENT ON COLUMN kb_space.created_at IS 'When it was begun.';
COMMENT ON COLUMN kb_space.updated_at IS 'Last change.';

CREATE TABLE kb_chunk (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kb_id uuid NOT NULL,
	document_id uuid NOT NULL,
	version int NOT NULL,
	ord int NOT NULL,
	page_from int,
	page_to int,
	c0 int NOT NULL CHECK (c0 >= 0),
	c1 int NOT NULL CHECK (c1 > c0),
	heading text NOT NULL DEFAULT '',
	body text NOT NULL,
	ntok int NOT NULL,
	tsv tsvector NOT NULL,
	text_hash bytea NOT NULL CHECK (octet_length(text_hash) = 32),
	CONSTRAINT kb_chunk_ord UNIQUE (document_id, version, ord),
	FOREIGN KEY (document_id, version) REFERENCES kb_version ON DELETE CASCADE
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX kb_chunk_tsv ON kb_chunk USING gin (tsv);
-- how rare a word is, is read from the statistics
ALTER TABLE kb_chunk ALTER COLUMN tsv SET STATISTICS 1000;
COMMENT ON TABLE kb_chunk IS 'Pieces of documents that are found. About 1.5 kB each. Answers are those of kb_document.version alone.';
COMMENT ON COLUMN kb_chunk.id IS 'Increasing id.';
COMMENT ON COLUMN kb_chunk.kb_id IS 'Base of the document.';
COMMENT ON COLUMN kb_chunk.document_id IS 'The document.';
COMMENT ON COLUMN kb_chunk.version IS 'Its version.';
COMMENT ON COLUMN kb_chunk.ord IS 'Place in it, from 0.';
COMMENT ON COLUMN kb_chunk.page_from IS 'Page it begins on, from 1; NULL: there are no pages.';
COMMENT ON COLUMN kb_chunk.page_to IS 'Page it ends on.';
COMMENT ON COLUMN kb_chunk.c0 IS 'Where it begins in the canonical text, in code points.';
COMMENT ON COLUMN kb_chunk.c1 IS 'Where it ends, exclusive.';
COMMENT ON COLUMN kb_chunk.heading IS 'Title and headings above it: "Title › A › B". Put before the text where it is embedded and where words are looked for.';
COMMENT ON COLUMN kb_chunk.body IS 'Its text.';
COMMENT ON COLUMN kb_chunk.ntok IS 'About so many tokens.';
COMMENT ON COLUMN kb_chunk.tsv IS 'Its words (search/terms.h), and kb_lexeme() of its base, by which one base alone is searched.';
COMMENT ON COLUMN kb_chunk.text_hash IS 'SHA-256 of what is embedded: heading and text.';

CREATE TABLE kb_code (
	space_id bigint NOT NULL REFERENCES kb_space ON DELETE CASCADE,
	chunk_id bigint NOT NULL REFERENCES kb_chunk ON DELETE CASCADE,
	list int NOT NULL DEFAULT 0,
	code varbit NOT NULL,
	PRIMARY KEY (chunk_id, space_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE kb_code ALTER COLUMN code SET STORAGE PLAIN;
CREATE INDEX kb_code_scan ON kb_code (space_id, list) INCLUDE (chunk_id, code);
COMMENT ON TABLE kb_code IS 'The signs of centred vectors, a bit for each number: read whole, from the index alone, to find candidates.';
COMMENT ON COLUMN kb_code.space_id IS 'The space.';
COMMENT ON COLUMN kb_code.chunk_id IS 'The chunk.';
COMMENT ON COLUMN kb_code.list IS 'The list of the nearest centroid; 0 where there are none.';
COMMENT ON COLUMN kb_code.code IS 'As many bits as the space has dims.';

CREATE TABLE kb_vec (
	chunk_id bigint NOT NULL REFERENCES kb_chunk ON DELETE CASCADE,
	space_id bigint NOT NULL REFERENCES kb_space ON DELETE CASCADE,
	v bytea,
	skipped varchar(50),
	PRIMARY KEY (chunk_id, space_id),
	CHECK (num_nonnulls(v, skipped) = 1)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE kb_vec ALTER COLUMN v SET STORAGE PLAIN;
CREATE INDEX kb_vec_space ON kb_vec (space_id);
COMMENT ON TABLE kb_vec IS 'Vectors of chunks, for the exact order of candidates. A chunk without a row is still to be embedded.';
COMMENT ON COLUMN kb_vec.chunk_id IS 'The chunk.';
COMMENT ON COLUMN kb_vec.space_id IS 'The space.';
COMMENT ON COLUMN kb_vec.v IS 'A scale (float4, little-endian) and the centred vector as int8; NULL: skipped.';
COMMENT ON COLUMN kb_vec.skipped IS 'Why it has none: a stable code; it is found by its words alone.';

CREATE TABLE kb_run (
	document_id uuid NOT NULL,
	version int NOT NULL,
	space_id bigint NOT NULL REFERENCES kb_space ON DELETE CASCADE,
	state kb_run_state NOT NULL DEFAULT 'waiting',
	code varchar(50),
	detail varchar(1000),
	job_id uuid,
	task_id uuid,
	channel_id bigint,
	tokens bigint NOT NULL DEFAULT 0,
	cost numeric(20,6) NOT NULL DEFAULT 0,
	vectors int NOT NULL DEFAULT 0,
	skipped int NOT NULL DEFAULT 0,
	cached int NOT NULL DEFAULT 0,
	failures int NOT NULL DEFAULT 0,
	run_at timestamptz NOT NULL DEFAULT now(),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (document_id, version, space_id),
	FOREIGN KEY (document_id, version) REFERENCES kb_version ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX kb_run_space ON kb_run (space_id, state);
CREATE INDEX kb_run_live ON kb_run (updated_at) WHERE state IN ('waiting', 'running');
COMMENT ON TABLE kb_run IS 'The making of vectors for one version of a document in one space: how far it is, and the task that pays for it.';
COMMENT ON COLUMN kb_run.document_id IS 'The document.';
COMMENT ON COLUMN kb_run.version IS 'Its version.';
COMMENT ON COLUMN kb_run.space_id IS 'The space.';
COMMENT ON COLUMN kb_run.state IS 'done only once each chunk has a vector or is skipped.';
COMMENT ON COLUMN kb_run.code IS 'Why it failed: a stable code; NULL: it did not.';
COMMENT ON COLUMN kb_run.detail IS 'The same for operators, in words.';
COMMENT ON COLUMN kb_run.job_id IS 'The job that does it (no foreign key: jobs are removed).';
COMMENT ON COLUMN kb_run.task_id IS 'The task that is held for it, or was last (no foreign key); NULL: none yet.';
COMMENT ON COLUMN kb_run.channel_id IS 'Channel that answered last.';
COMMENT ON COLUMN kb_run.tokens IS 'Tokens of this task that were embedded.';
COMMENT ON COLUMN kb_run.cost IS 'What they cost, in credits; charged when the task ends.';
COMMENT ON COLUMN kb_run.vectors IS 'Chunks that have a vector.';
COMMENT ON COLUMN kb_run.skipped IS 'Chunks that were skipped.';
COMMENT ON COLUMN kb_run.cached IS 'Of the vectors: came from kb_embed_cache, and cost nothing.';
COMMENT ON COLUMN kb_run.failures IS 'How often its provider failed since a batch went well.';
COMMENT ON COLUMN kb_run.run_at IS 'Not before this time: its provider asked for a pause.';
COMMENT ON COLUMN kb_run.created_at IS 'When it was wanted.';
COMMENT ON COLUMN kb_run.updated_at IS 'Last change.';

CREATE TABLE kb_embed_cache (
	hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
	v bytea NOT NULL,
	used_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE kb_embed_cache ALTER COLUMN v SET STORAGE PLAIN;
CREATE INDEX kb_embed_cache_used ON kb_embed_cache USING brin (used_at);
COMMENT ON TABLE kb_embed_cache IS 'Vectors of texts that were embedded before, whoever asked: the same text is not paid twice. What was not used for [knowledge] cache_days goes.';
COMMENT ON COLUMN kb_embed_cache.hash IS 'SHA-256 of model, dims and text.';
COMMENT ON COLUMN kb_embed_cache.v IS 'The vector as the model gave it: float2, little-endian.';
COMMENT ON COLUMN kb_embed_cache.used_at IS 'When it was used last, to the day.';

ALTER TABLE agents ADD COLUMN knowledge_ids uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(knowledge_ids) <= 10),
	ADD COLUMN knowledge_mode varchar(10) NOT NULL DEFAULT 'auto' CHECK (knowledge_mode IN ('auto', 'always', 'off'));
COMMENT ON COLUMN agents.knowledge_ids IS 'Bases it looks into (no foreign keys: those that are gone, or that the user may not read, are passed over).';
COMMENT ON COLUMN agents.knowledge_mode IS 'When it does: auto, where something fits; always, with each question; off.';
-- the large ones: no row is rewritten or looked at
ALTER TABLE conversations ADD COLUMN knowledge_ids uuid[], ADD COLUMN knowledge_mode varchar(10),
	ADD CONSTRAINT conversations_knowledge CHECK (cardinality(knowledge_ids) <= 10 AND knowledge_mode IN ('auto', 'always', 'off')) NOT VALID;
COMMENT ON COLUMN conversations.knowledge_ids IS 'Bases it looks into, as agents.knowledge_ids; NULL: those of its agent.';
COMMENT ON COLUMN conversations.knowledge_mode IS 'When it does; NULL: as its agent, or auto.';
-- It reads rows of the table, which PostgreSQL 17 does not let grow then; it comes again with its area.
DROP FUNCTION IF EXISTS message_json(conversation_messages);
ALTER TABLE conversation_messages ADD COLUMN citations jsonb NOT NULL DEFAULT '[]',
	ADD CONSTRAINT conversation_messages_citations CHECK (jsonb_typeof(citations) = 'array') NOT VALID;
COMMENT ON COLUMN conversation_messages.citations IS 'What an answer refers to: [{n, knowledge_id, document_id, version, title, page, c0, c1, quote}].';

GRANT SELECT, INSERT, UPDATE, DELETE ON kb, kb_share, kb_document, kb_version, kb_text, kb_space, kb_chunk, kb_code, kb_vec, kb_run, kb_embed_cache
	TO weir_service;
