-- How channels and their keys fare: what happened, what was counted, when they are asked next.

CREATE DOMAIN channel_event_kind AS varchar(20) CHECK (VALUE IN ('down', 'up', 'key_off', 'key_on', 'probe_failed'));
COMMENT ON DOMAIN channel_event_kind IS
	'down: not asked for a while; up: asked again; key_off: its provider refuses the key, key_on: it takes it again; probe_failed: a ping was not answered.';
CREATE DOMAIN channel_failure AS varchar(20)
	CHECK (VALUE IN ('success', 'connect', 'timeout', 'rate_limited', 'server', 'refused', 'cut', 'client'));
COMMENT ON DOMAIN channel_failure IS
	'What came of a try: success; no connection; too slow; 429; 5xx or no answer at all; 401, 402, 403 or no credit; broken off; what was asked is at fault.';

CREATE TABLE channel_health (
	channel_id bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
	key_id bigint NOT NULL DEFAULT 0,
	next_at timestamptz NOT NULL,
	failed int NOT NULL DEFAULT 0,
	pinged_at timestamptz,
	outcome channel_failure,
	http_status int,
	first_byte_ms int,
	last_success_at timestamptz,
	PRIMARY KEY (channel_id, key_id)
);
COMMENT ON TABLE channel_health IS 'When channels and their keys are pinged, and what came of it. A row per key, or one for a channel without.';
COMMENT ON COLUMN channel_health.channel_id IS 'The channel.';
COMMENT ON COLUMN channel_health.key_id IS 'Its key; 0: the channel has none.';
COMMENT ON COLUMN channel_health.next_at IS 'Not pinged before; while one is under way, when it is given up.';
COMMENT ON COLUMN channel_health.failed IS 'Pings in a row that failed.';
COMMENT ON COLUMN channel_health.pinged_at IS 'When the last ping ended; NULL: never.';
COMMENT ON COLUMN channel_health.outcome IS 'What came of it.';
COMMENT ON COLUMN channel_health.http_status IS 'Of its answer; 0: none.';
COMMENT ON COLUMN channel_health.first_byte_ms IS 'How long it took.';
COMMENT ON COLUMN channel_health.last_success_at IS 'When a call last succeeded, to within some seconds; NULL: never.';

CREATE TABLE channel_hours (
	channel_id bigint NOT NULL,
	hour timestamptz NOT NULL,
	key_id bigint NOT NULL DEFAULT 0,
	tries bigint NOT NULL DEFAULT 0,
	successes bigint NOT NULL DEFAULT 0,
	connect bigint NOT NULL DEFAULT 0,
	timeout bigint NOT NULL DEFAULT 0,
	rate_limited bigint NOT NULL DEFAULT 0,
	server bigint NOT NULL DEFAULT 0,
	refused bigint NOT NULL DEFAULT 0,
	cut bigint NOT NULL DEFAULT 0,
	client bigint NOT NULL DEFAULT 0,
	skips bigint NOT NULL DEFAULT 0,
	switches bigint NOT NULL DEFAULT 0,
	opens bigint NOT NULL DEFAULT 0,
	first_bytes bigint NOT NULL DEFAULT 0,
	first_byte_ms bigint NOT NULL DEFAULT 0,
	histogram bigint[] NOT NULL DEFAULT '{}',
	calls bigint NOT NULL DEFAULT 0,
	request_tokens bigint NOT NULL DEFAULT 0,
	response_tokens bigint NOT NULL DEFAULT 0,
	cost numeric(20,6) NOT NULL DEFAULT 0,
	usage_at timestamptz,
	PRIMARY KEY (channel_id, hour, key_id)
);
CREATE INDEX channel_hours_hour ON channel_hours (hour);
COMMENT ON TABLE channel_hours IS 'What channels and their keys did, by the hour. Outlives them.';
COMMENT ON COLUMN channel_hours.channel_id IS 'The channel.';
COMMENT ON COLUMN channel_hours.hour IS 'The hour it begins with.';
COMMENT ON COLUMN channel_hours.key_id IS 'Its key; 0: tries without a key, and what calls of the whole channel used.';
COMMENT ON COLUMN channel_hours.tries IS 'Times it was asked; those under way are not yet among the next.';
COMMENT ON COLUMN channel_hours.successes IS 'Answers that came to their end.';
COMMENT ON COLUMN channel_hours.connect IS 'No connection, or no answer on it.';
COMMENT ON COLUMN channel_hours.timeout IS '408, 504, no content in time.';
COMMENT ON COLUMN channel_hours.rate_limited IS '429.';
COMMENT ON COLUMN channel_hours.server IS '5xx, or something that is no answer.';
COMMENT ON COLUMN channel_hours.refused IS '401, 402, 403, credit used up.';
COMMENT ON COLUMN channel_hours.cut IS 'Broke off after the first content.';
COMMENT ON COLUMN channel_hours.client IS 'What was asked is at fault.';
COMMENT ON COLUMN channel_hours.skips IS 'Times it was passed over, being open or off.';
COMMENT ON COLUMN channel_hours.switches IS 'Calls that went on elsewhere after it had failed.';
COMMENT ON COLUMN channel_hours.opens IS 'Times its breaker opened.';
COMMENT ON COLUMN channel_hours.first_bytes IS 'Tries that brought content.';
COMMENT ON COLUMN channel_hours.first_byte_ms IS 'Sum of the times to the first content.';
COMMENT ON COLUMN channel_hours.histogram IS 'How many of these took up to 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 s, and longer.';
COMMENT ON COLUMN channel_hours.calls IS 'Settled tasks that the channel served.';
COMMENT ON COLUMN channel_hours.request_tokens IS 'Tokens sent in them.';
COMMENT ON COLUMN channel_hours.response_tokens IS 'Tokens received in them.';
COMMENT ON COLUMN channel_hours.cost IS 'Credits charged for them.';
COMMENT ON COLUMN channel_hours.usage_at IS 'When table usage was last summed up for these four; NULL: not yet.';

CREATE TABLE channel_events (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	channel_id bigint NOT NULL,
	channel varchar(200) NOT NULL,
	key_id bigint,
	key varchar(200),
	kind channel_event_kind NOT NULL,
	cause channel_failure,
	http_status int,
	until_at timestamptz,
	detail text,
	host varchar(255)
);
CREATE INDEX channel_events_channel ON channel_events (channel_id, id);
CREATE INDEX channel_events_at ON channel_events USING brin (at);
COMMENT ON TABLE channel_events IS 'What changed with channels and their keys. Outlives them.';
COMMENT ON COLUMN channel_events.id IS 'Increasing id.';
COMMENT ON COLUMN channel_events.at IS 'When.';
COMMENT ON COLUMN channel_events.channel_id IS 'The channel.';
COMMENT ON COLUMN channel_events.channel IS 'Its name at that time.';
COMMENT ON COLUMN channel_events.key_id IS 'The key; NULL: the channel has none.';
COMMENT ON COLUMN channel_events.key IS 'Its name at that time.';
COMMENT ON COLUMN channel_events.kind IS 'What changed.';
COMMENT ON COLUMN channel_events.cause IS 'The failure that did it; of up, the one that had.';
COMMENT ON COLUMN channel_events.http_status IS 'Of that failure; 0: no answer.';
COMMENT ON COLUMN channel_events.until_at IS 'Of down: not asked before.';
COMMENT ON COLUMN channel_events.detail IS 'What the provider said, without secrets.';
COMMENT ON COLUMN channel_events.host IS 'The host that noticed.';

GRANT SELECT, INSERT, UPDATE, DELETE ON channel_health, channel_hours, channel_events TO weir_service;
