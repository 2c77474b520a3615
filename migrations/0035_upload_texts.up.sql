-- The text of documents that people attach to their messages.

CREATE TABLE upload_texts (
	upload_id uuid PRIMARY KEY REFERENCES uploads ON DELETE CASCADE,
	filename varchar(255) NOT NULL DEFAULT '',
	lang varchar(2) NOT NULL DEFAULT 'en' CHECK (lang IN ('en', 'zh')),
	state varchar(10) NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'ready', 'failed')),
	code varchar(50) CHECK ((code IS NOT NULL) = (state = 'failed')),
	kind varchar(10),
	pages int NOT NULL DEFAULT 0 CHECK (pages >= 0),
	chars bigint NOT NULL DEFAULT 0 CHECK (chars >= 0),
	tokens bigint NOT NULL DEFAULT 0 CHECK (tokens >= 0),
	object_id uuid REFERENCES objects CHECK (object_id IS NULL OR state = 'ready'),
	attempts int NOT NULL DEFAULT 0,
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX upload_texts_object ON upload_texts (object_id);
COMMENT ON TABLE upload_texts IS
	'What weir-parse read in an upload that is a document: one row for each of them, which goes with the upload. Written when it comes, twice while it is read, and never after. About 150 bytes and two index entries each; the text is an object, which does not count against the quota.';
COMMENT ON COLUMN upload_texts.upload_id IS 'The document.';
COMMENT ON COLUMN upload_texts.filename IS 'As its sender called it, without folders; empty: not said.';
COMMENT ON COLUMN upload_texts.lang IS 'Of its sender, by which a text without a declared charset is guessed.';
COMMENT ON COLUMN upload_texts.state IS 'reading, ready or failed.';
COMMENT ON COLUMN upload_texts.code IS 'Why it failed: a row of src/parse/codes.def.';
COMMENT ON COLUMN upload_texts.kind IS 'pdf, docx, pptx, xlsx, epub, odt, html, md, txt or csv; NULL: not known (yet).';
COMMENT ON COLUMN upload_texts.pages IS 'Pages, slides or sheets; 0: it has none.';
COMMENT ON COLUMN upload_texts.chars IS 'Length of the text in code points.';
COMMENT ON COLUMN upload_texts.tokens IS 'Our estimate of what the text takes of a prompt.';
COMMENT ON COLUMN upload_texts.object_id IS 'The text, compressed with gzip; NULL: there is none (yet).';
COMMENT ON COLUMN upload_texts.attempts IS 'How often reading it was begun.';
COMMENT ON COLUMN upload_texts.updated_at IS 'Last change.';
GRANT SELECT, INSERT, UPDATE, DELETE ON upload_texts TO weir_service;
