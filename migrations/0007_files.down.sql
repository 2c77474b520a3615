-- Its functions too, those of functions/files.sql.

DROP FUNCTION IF EXISTS upload_add;
DROP TABLE uploads;
