-- Files people attach to their messages; the bytes are in [uploads] folder.

CREATE TABLE uploads (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	content_type varchar(100) NOT NULL,
	size_bytes bigint NOT NULL CHECK (size_bytes > 0),
	created_at timestamptz NOT NULL DEFAULT now()
);
-- pages of a user's files, and the sum of their sizes, from the index alone
CREATE INDEX uploads_user ON uploads (user_id, id DESC) INCLUDE (size_bytes);
COMMENT ON TABLE uploads IS
	'Files that belong to somebody. Inserted and deleted, never changed; about 120 bytes and two index entries each. A file on disk without a row is removed by weir-worker.';
COMMENT ON COLUMN uploads.id IS 'UUIDv7; also the name of the file.';
COMMENT ON COLUMN uploads.user_id IS 'Whose file; nobody else gets it.';
COMMENT ON COLUMN uploads.content_type IS 'Told by its content, not by the sender.';
COMMENT ON COLUMN uploads.size_bytes IS 'Its length.';
COMMENT ON COLUMN uploads.created_at IS 'When it came.';
GRANT SELECT, INSERT, DELETE ON uploads TO weir_service;
