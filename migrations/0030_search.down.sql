DROP FUNCTION IF EXISTS kb_search_bases(uuid, uuid[], bigint[]);
DROP FUNCTION IF EXISTS kb_search(uuid, uuid[], bigint[], varbit[], bigint[], text[], float8[], bigint, uuid[], int, int, int, int);
ALTER TABLE kb_space DROP COLUMN batch, ADD COLUMN centroids bytea;
COMMENT ON COLUMN kb_space.centroids IS 'Of the lists of kb_code: float4, little-endian, of centred vectors; NULL: there are no lists.';
COMMENT ON TABLE kb_code IS 'The signs of centred vectors, a bit for each number: read whole, from the index alone, to find candidates.';
ALTER TABLE kb_code RENAME COLUMN batch TO list;
COMMENT ON COLUMN kb_code.list IS 'The list of the nearest centroid; 0 where there are none.';
ALTER TABLE kb_chunk ALTER COLUMN heading SET STORAGE EXTENDED, ALTER COLUMN text_hash SET STORAGE EXTENDED;
ALTER TABLE kb_chunk RESET (toast_tuple_target);
