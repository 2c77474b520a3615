-- Usage, summed up by hours and days: what pages ask for over a year need not read each call.

CREATE TABLE usage_hours (
	hour timestamptz NOT NULL,
	user_id uuid NOT NULL,
	key_id uuid,
	model varchar(200),
	channel varchar(200),
	status varchar(20) NOT NULL,
	calls bigint NOT NULL,
	errors bigint NOT NULL,
	request_tokens bigint NOT NULL,
	response_tokens bigint NOT NULL,
	cached_tokens bigint NOT NULL,
	cache_write_tokens bigint NOT NULL,
	reasoning_tokens bigint NOT NULL,
	cost numeric(20,6) NOT NULL,
	overrun numeric(20,6) NOT NULL,
	latency_ms bigint NOT NULL,
	latency_calls bigint NOT NULL,
	first_token_ms bigint NOT NULL,
	first_token_calls bigint NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX usage_hours_one ON usage_hours (user_id, hour, key_id, model, channel, status) NULLS NOT DISTINCT;
CREATE INDEX usage_hours_hour ON usage_hours (hour);
COMMENT ON TABLE usage_hours IS
	'Usage by hour, user, key, model, channel and status: the rows of usage up to usage_rolled.id, added up by weir-worker. With the rows above that it is exact at every moment.';
COMMENT ON COLUMN usage_hours.hour IS 'Begin of the hour of the settlement, in UTC.';
COMMENT ON COLUMN usage_hours.user_id IS 'Who used it.';
COMMENT ON COLUMN usage_hours.key_id IS 'API key it came through; NULL: none.';
COMMENT ON COLUMN usage_hours.model IS 'Name of the model; NULL: not known.';
COMMENT ON COLUMN usage_hours.channel IS 'Name of the channel; NULL: none served it.';
COMMENT ON COLUMN usage_hours.status IS 'How the calls ended: completed, failed or cancelled.';
COMMENT ON COLUMN usage_hours.calls IS 'How many.';
COMMENT ON COLUMN usage_hours.errors IS 'Of these, those with an error code.';
COMMENT ON COLUMN usage_hours.request_tokens IS 'Tokens sent.';
COMMENT ON COLUMN usage_hours.response_tokens IS 'Tokens received.';
COMMENT ON COLUMN usage_hours.cached_tokens IS 'Of request_tokens: read from the provider''s cache.';
COMMENT ON COLUMN usage_hours.cache_write_tokens IS 'Of request_tokens: written to the provider''s cache.';
COMMENT ON COLUMN usage_hours.reasoning_tokens IS 'Of response_tokens: the model''s reasoning.';
COMMENT ON COLUMN usage_hours.cost IS 'Credits charged.';
COMMENT ON COLUMN usage_hours.overrun IS 'Cost above what was held.';
COMMENT ON COLUMN usage_hours.latency_ms IS 'Sum of the times of latency_calls calls.';
COMMENT ON COLUMN usage_hours.latency_calls IS 'Calls of which the time is known.';
COMMENT ON COLUMN usage_hours.first_token_ms IS 'Sum of the times to the first content of first_token_calls calls.';
COMMENT ON COLUMN usage_hours.first_token_calls IS 'Calls that had content.';

CREATE TABLE usage_days (
	day date NOT NULL,
	user_id uuid NOT NULL,
	key_id uuid,
	model varchar(200),
	channel varchar(200),
	status varchar(20) NOT NULL,
	calls bigint NOT NULL,
	errors bigint NOT NULL,
	request_tokens bigint NOT NULL,
	response_tokens bigint NOT NULL,
	cached_tokens bigint NOT NULL,
	cache_write_tokens bigint NOT NULL,
	reasoning_tokens bigint NOT NULL,
	cost numeric(20,6) NOT NULL,
	overrun numeric(20,6) NOT NULL,
	latency_ms bigint NOT NULL,
	latency_calls bigint NOT NULL,
	first_token_ms bigint NOT NULL,
	first_token_calls bigint NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX usage_days_one ON usage_days (user_id, day, key_id, model, channel, status) NULLS NOT DISTINCT;
CREATE INDEX usage_days_day ON usage_days (day);
COMMENT ON TABLE usage_days IS 'The same by days (of UTC).';
COMMENT ON COLUMN usage_days.day IS 'Day of the settlement, in UTC.';
COMMENT ON COLUMN usage_days.user_id IS 'As in usage_hours, as are all below.';
COMMENT ON COLUMN usage_days.key_id IS 'API key; NULL: none.';
COMMENT ON COLUMN usage_days.model IS 'Name of the model.';
COMMENT ON COLUMN usage_days.channel IS 'Name of the channel.';
COMMENT ON COLUMN usage_days.status IS 'How the calls ended.';
COMMENT ON COLUMN usage_days.calls IS 'How many.';
COMMENT ON COLUMN usage_days.errors IS 'Of these, those with an error code.';
COMMENT ON COLUMN usage_days.request_tokens IS 'Tokens sent.';
COMMENT ON COLUMN usage_days.response_tokens IS 'Tokens received.';
COMMENT ON COLUMN usage_days.cached_tokens IS 'Read from the cache.';
COMMENT ON COLUMN usage_days.cache_write_tokens IS 'Written to the cache.';
COMMENT ON COLUMN usage_days.reasoning_tokens IS 'The model''s reasoning.';
COMMENT ON COLUMN usage_days.cost IS 'Credits charged.';
COMMENT ON COLUMN usage_days.overrun IS 'Cost above what was held.';
COMMENT ON COLUMN usage_days.latency_ms IS 'Sum of times.';
COMMENT ON COLUMN usage_days.latency_calls IS 'Calls of which the time is known.';
COMMENT ON COLUMN usage_days.first_token_ms IS 'Sum of times to the first content.';
COMMENT ON COLUMN usage_days.first_token_calls IS 'Calls that had content.';

CREATE TABLE usage_rolled (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	id bigint NOT NULL DEFAULT 0,
	next_id bigint NOT NULL DEFAULT 0,
	next_xid xid8
);
INSERT INTO usage_rolled DEFAULT VALUES;
COMMENT ON TABLE usage_rolled IS 'How far usage has been added up: one row.';
COMMENT ON COLUMN usage_rolled.one IS 'Always true.';
COMMENT ON COLUMN usage_rolled.id IS 'Rows of usage up to this id are in usage_hours and usage_days, those above it are not.';
COMMENT ON COLUMN usage_rolled.next_id IS 'As far it may go once no transaction is left that began to write before next_xid.';
COMMENT ON COLUMN usage_rolled.next_xid IS
	'Ids are taken in order and committed in any. Who took one up to next_id has a transaction id below this: when all of those have ended, no row up to next_id is still to come. NULL: next_id is reached.';

GRANT SELECT, INSERT, UPDATE ON usage_hours, usage_days TO weir_service;
GRANT SELECT, UPDATE ON usage_rolled TO weir_service;
