-- Messages are found by their words.

CREATE TABLE message_words (
	message_id uuid PRIMARY KEY REFERENCES conversation_messages ON DELETE CASCADE,
	user_id uuid NOT NULL,
	written_at timestamptz NOT NULL,
	words tsvector NOT NULL
);
CREATE INDEX message_words_words ON message_words USING gin (words);
COMMENT ON TABLE message_words IS
	'What messages are found by: a row for each question and answer that has text, made by weir-worker a moment after it was written. About as large as the texts.';
COMMENT ON COLUMN message_words.message_id IS 'The message; goes with it.';
COMMENT ON COLUMN message_words.user_id IS 'Whose it is, as conversation_messages.user_id.';
COMMENT ON COLUMN message_words.written_at IS 'conversation_messages.created_at: hits come newest first.';
COMMENT ON COLUMN message_words.words IS
	'Its words (search/terms.h) without their places, and message_lexeme() of its user, by which one''s own alone are searched.';

CREATE TABLE message_news (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	message_id uuid NOT NULL
);
COMMENT ON TABLE message_news IS
	'Messages whose text was written and whose words were not yet noted; empty when weir-worker runs. A row is added by the transaction that writes a text, and by nothing else.';
COMMENT ON COLUMN message_news.id IS 'Increasing id: the order in which they are taken.';
COMMENT ON COLUMN message_news.message_id IS 'The message; it may be gone.';

CREATE TABLE message_words_past (
	is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
	before_id uuid
);
INSERT INTO message_words_past (before_id) VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff');
COMMENT ON TABLE message_words_past IS 'One row: how far back the words of messages from before this table were noted.';
COMMENT ON COLUMN message_words_past.is_one IS 'There is one row.';
COMMENT ON COLUMN message_words_past.before_id IS 'Messages with a lower id are still to come; NULL: all were noted.';

GRANT SELECT, INSERT, UPDATE, DELETE ON message_words TO weir_service;
GRANT SELECT, INSERT, DELETE ON message_news TO weir_service;
GRANT SELECT, UPDATE ON message_words_past TO weir_service;
