-- Which of the provider's models was asked: some are asked after by its name.

ALTER TABLE media_submits ADD COLUMN model varchar(200);
COMMENT ON COLUMN media_submits.model IS 'The provider''s name of the model asked last; NULL: none yet, or before this column.';
