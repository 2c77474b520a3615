-- Its functions too, those of functions/files.sql.

DROP FUNCTION IF EXISTS upload_add(uuid, uuid, text, bigint, bigint);
DROP TABLE uploads;
