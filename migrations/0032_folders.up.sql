-- Conversations in order: folders, pinned, archived and temporary ones, and titles that a model makes.

CREATE TABLE conversation_folders (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	name varchar(100) NOT NULL CHECK (name <> ''),
	position int NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversation_folders_user ON conversation_folders (user_id, position);
COMMENT ON TABLE conversation_folders IS 'Folders people put their conversations into. A few rows a user.';
COMMENT ON COLUMN conversation_folders.id IS 'UUIDv7.';
COMMENT ON COLUMN conversation_folders.user_id IS 'Whose it is.';
COMMENT ON COLUMN conversation_folders.name IS 'Its name; two may have the same.';
COMMENT ON COLUMN conversation_folders.position IS 'Its place among the folders of its owner, the least first.';
COMMENT ON COLUMN conversation_folders.created_at IS 'When it was made.';
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation_folders TO weir_service;

ALTER TABLE conversations
	ADD COLUMN folder_id uuid REFERENCES conversation_folders ON DELETE SET NULL,
	ADD COLUMN pinned_at timestamptz,
	ADD COLUMN archived_at timestamptz,
	ADD COLUMN temporary_until timestamptz,
	ADD COLUMN title_wanted boolean NOT NULL DEFAULT false;
-- what leaves a folder when that goes, and what is in it
CREATE INDEX conversations_folder ON conversations (folder_id) WHERE folder_id IS NOT NULL;
-- what weir-worker looks for
CREATE INDEX conversations_temporary ON conversations (temporary_until) WHERE temporary_until IS NOT NULL;
CREATE INDEX conversations_title_wanted ON conversations (updated_at) WHERE title_wanted;
COMMENT ON COLUMN conversations.folder_id IS 'The folder it is in, its owner''s own; NULL: none.';
COMMENT ON COLUMN conversations.pinned_at IS 'When its owner pinned it: it stands above the others; NULL: not pinned.';
COMMENT ON COLUMN conversations.archived_at IS 'When its owner put it away: it is listed among those alone; NULL: it is not.';
COMMENT ON COLUMN conversations.temporary_until IS
	'It is temporary: in no list, never searched, shared or exported, and removed at this time at the latest; NULL: it is kept.';
COMMENT ON COLUMN conversations.title_wanted IS 'A model is to make its title, once it has an answer: [chat] title_model.';
