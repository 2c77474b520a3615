-- Search: which chunks a word is in is told by the index and by narrow rows, whose long texts stand apart.

-- For rows that come from now on, if they are longer than 2 kB: they are found, and shown, as those before them.
ALTER TABLE kb_chunk SET (toast_tuple_target = 128);
ALTER TABLE kb_chunk ALTER COLUMN heading SET STORAGE MAIN, ALTER COLUMN text_hash SET STORAGE MAIN;
