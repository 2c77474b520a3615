-- What is kept: one row for the same bytes, whoever brought them, in a folder or in a bucket.

CREATE TABLE objects (
	id uuid PRIMARY KEY,
	name varchar(95) NOT NULL UNIQUE,
	sha256 bytea UNIQUE CHECK (octet_length(sha256) = 32),
	size_bytes bigint NOT NULL CHECK (size_bytes > 0),
	place varchar(10) NOT NULL DEFAULT 'local' CHECK (place IN ('local', 's3')),
	uses int NOT NULL DEFAULT 0 CHECK (uses >= 0),
	created_at timestamptz NOT NULL DEFAULT now()
);
-- what nobody uses any more; what is to go to the bucket
CREATE INDEX objects_unused ON objects (id) WHERE uses = 0;
CREATE INDEX objects_local ON objects (id) WHERE place = 'local';
COMMENT ON TABLE objects IS
	'Bytes that are kept, once for all who brought the same. Who keeps one refers to it by object_id in a table with the trigger count_object(). About 250 bytes and five index entries each. A file on disk or in the bucket without a row is removed by weir-worker.';
COMMENT ON COLUMN objects.id IS 'UUIDv7.';
COMMENT ON COLUMN objects.name IS 'Where the bytes are: below [uploads] folder, or behind [storage] prefix in the bucket. Never used again.';
COMMENT ON COLUMN objects.sha256 IS 'Of its bytes; NULL: they came before this table, and are not shared.';
COMMENT ON COLUMN objects.size_bytes IS 'Its length.';
COMMENT ON COLUMN objects.place IS 'local: in the folder; s3: in the bucket, and perhaps still in the folder.';
COMMENT ON COLUMN objects.uses IS 'How many rows refer to it: kept by count_object(). Whoever brings it uses it in the same transaction: at 0 it may go.';
COMMENT ON COLUMN objects.created_at IS 'When it was first brought.';
GRANT SELECT, INSERT, UPDATE, DELETE ON objects TO weir_service;

-- The files there are stay where they are.
INSERT INTO objects (id, name, size_bytes, uses, created_at)
	SELECT id, right(id::text, 2) || '/' || id::text, size_bytes, 1, created_at FROM uploads;
ALTER TABLE uploads ADD COLUMN object_id uuid REFERENCES objects;
UPDATE uploads SET object_id = id;
CREATE INDEX uploads_object ON uploads (object_id);
COMMENT ON COLUMN uploads.object_id IS 'Its bytes; never NULL: file_upload() sees to what older programs add.';
COMMENT ON COLUMN uploads.id IS 'UUIDv7.';
COMMENT ON TABLE uploads IS
	'Files that belong to somebody. Inserted and deleted, never changed; about 140 bytes and three index entries each.';
