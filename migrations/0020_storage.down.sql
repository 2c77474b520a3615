-- What was brought since then and is shared, or in the bucket, is lost to the programs before.

DROP TRIGGER IF EXISTS uploads_file ON uploads;
DROP TRIGGER IF EXISTS uploads_count ON uploads;
DROP FUNCTION IF EXISTS upload_put, object_put, objects_drop, storage_used, count_object, file_upload;
ALTER TABLE uploads DROP COLUMN object_id;
DROP TABLE objects;
COMMENT ON COLUMN uploads.id IS 'UUIDv7; also the name of the file.';
COMMENT ON TABLE uploads IS
	'Files that belong to somebody. Inserted and deleted, never changed; about 120 bytes and two index entries each. A file on disk without a row is removed by weir-worker.';
