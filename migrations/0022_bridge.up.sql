-- What happened, for other programs: kept here until a message broker has it.

CREATE TABLE event_outbox (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	topic varchar(60) NOT NULL,
	body jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE event_outbox IS
	'Events that the broker of [bridge] has not confirmed yet. A row is written in the transaction of what happened, by triggers that do so for sessions of programs with a bridge alone; weir-worker publishes and removes it.';
COMMENT ON COLUMN event_outbox.id IS 'Increasing id: the message''s id at the broker.';
COMMENT ON COLUMN event_outbox.topic IS 'What happened: task.ended, usage.rolled_up, credits.granted, channel.down ….';
COMMENT ON COLUMN event_outbox.body IS 'The message.';
COMMENT ON COLUMN event_outbox.created_at IS 'When it happened.';
GRANT SELECT, INSERT, UPDATE, DELETE ON event_outbox TO weir_service;
