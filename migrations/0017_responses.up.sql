-- Answers that providers keep (OpenAI's Responses API): which account has them.

CREATE TABLE response_pins (
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	id varchar(256) NOT NULL,
	channel_id bigint NOT NULL,
	key_id bigint NOT NULL,
	model_id bigint,
	tokens bigint NOT NULL CHECK (tokens >= 0),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, id)
);
CREATE INDEX response_pins_created ON response_pins (created_at);
COMMENT ON TABLE response_pins IS
	'Answers that a provider keeps and that may be named later: by these rows such a request reaches the account that has them. Kept for 30 days.';
COMMENT ON COLUMN response_pins.user_id IS 'Whose it is.';
COMMENT ON COLUMN response_pins.id IS 'The provider''s id of it, such as resp_123.';
COMMENT ON COLUMN response_pins.channel_id IS 'The channel through which it came (no foreign key: who names an answer whose channel is gone is told so).';
COMMENT ON COLUMN response_pins.key_id IS 'The channel''s key with which it was asked (the same); 0: without one.';
COMMENT ON COLUMN response_pins.model_id IS 'The model that gave it (no foreign key: models may be deleted).';
COMMENT ON COLUMN response_pins.tokens IS 'What was asked and answered in all, which an answer that follows it reads again.';
COMMENT ON COLUMN response_pins.created_at IS 'When it was settled.';
GRANT SELECT, INSERT, UPDATE, DELETE ON response_pins TO weir_service;
