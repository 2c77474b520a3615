DROP FUNCTION upload_add(uuid, uuid, text, bigint, bigint);
DROP TABLE uploads;
