-- Conversations that were shared by a link, as they were then.

CREATE TABLE conversation_shares (
	id uuid PRIMARY KEY,
	token varchar(64) NOT NULL UNIQUE,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
	title varchar(500) NOT NULL,
	messages jsonb NOT NULL,
	uploads uuid[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversation_shares_user ON conversation_shares (user_id, id DESC);
CREATE INDEX conversation_shares_conversation ON conversation_shares (conversation_id);
COMMENT ON TABLE conversation_shares IS
	'Snapshots that whoever has the link may read. To revoke one is to delete it; it goes with its conversation. A few rows a user, each as large as its conversation.';
COMMENT ON COLUMN conversation_shares.id IS 'UUIDv7.';
COMMENT ON COLUMN conversation_shares.token IS 'The end of the link: 128 random bits. Whoever has it reads the snapshot and nothing else, so it is kept as it is, to be shown to its owner again.';
COMMENT ON COLUMN conversation_shares.user_id IS 'Who shared it.';
COMMENT ON COLUMN conversation_shares.conversation_id IS 'What was shared.';
COMMENT ON COLUMN conversation_shares.title IS 'Its title then.';
COMMENT ON COLUMN conversation_shares.messages IS 'Array of {role, content, model, created_at, attachments}: questions and finished answers, nothing of money.';
COMMENT ON COLUMN conversation_shares.uploads IS 'Files of the owner that its messages show, to be read with the link as long as the owner keeps them.';
COMMENT ON COLUMN conversation_shares.created_at IS 'When it was shared.';
GRANT SELECT, INSERT, DELETE ON conversation_shares TO weir_service;
