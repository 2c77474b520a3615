-- Search: which chunks a word is in is told by the index and by narrow rows, whose long texts stand apart; and the codes
-- of large spaces are kept in memory, so that what came since has to be told.

-- For rows that come from now on, if they are longer than 2 kB: they are found, and shown, as those before them.
ALTER TABLE kb_chunk SET (toast_tuple_target = 128);
ALTER TABLE kb_chunk ALTER COLUMN heading SET STORAGE MAIN, ALTER COLUMN text_hash SET STORAGE MAIN;

ALTER TABLE kb_code RENAME COLUMN list TO batch;
COMMENT ON COLUMN kb_code.batch IS 'kb_space.batch when it came: what is greater is new to who read the others.';
COMMENT ON TABLE kb_code IS 'The signs of centred vectors, a bit for each number: read whole, from the index alone, to find candidates; those of large spaces are kept in memory by the responders.';

ALTER TABLE kb_space DROP COLUMN centroids, ADD COLUMN batch int NOT NULL DEFAULT 0;
COMMENT ON COLUMN kb_space.batch IS 'Counts the batches of vectors that were kept.';
