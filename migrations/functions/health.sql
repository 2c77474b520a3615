-- How channels and their keys fare: events, keys that are turned off and on, pings, counts by the hour.
-- Rows are locked in this order: channel_health, channel_keys.  Nobody here holds locks of other areas.

CREATE OR REPLACE FUNCTION channel_event_add(p_kind text, p_channel_id bigint, p_key_id bigint, p_cause text, p_http_status int,
	p_until_ms bigint, p_detail text, p_host text) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	INSERT INTO channel_events (channel_id, channel, key_id, key, kind, cause, http_status, until_at, detail, host)
	SELECT ch.id, ch.name, nullif(p_key_id, 0), k.name, p_kind, p_cause, p_http_status,
		CASE WHEN p_until_ms > 0 THEN to_timestamp(p_until_ms / 1000.0) END, nullif(left(p_detail, 500), ''), p_host
	FROM channels ch LEFT JOIN channel_keys k ON k.id = p_key_id AND k.channel_id = ch.id
	WHERE ch.id = p_channel_id
$$;
COMMENT ON FUNCTION channel_event_add(text, bigint, bigint, text, int, bigint, text, text) IS
	'Notes what changed with a channel or its key (p_key_id 0: it has none), by the names they have now. Nothing for a channel that is gone.';

CREATE OR REPLACE FUNCTION channel_key_off(p_channel_id bigint, p_key_id bigint, p_cause text, p_http_status int, p_detail text,
	p_host text, p_first_ms bigint) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO channel_health AS h (channel_id, key_id, next_at)
	SELECT k.channel_id, k.id, now() + p_first_ms * interval '1 millisecond' FROM channel_keys k
	WHERE k.id = p_key_id AND k.channel_id = p_channel_id AND k.status = 'active'
	ON CONFLICT (channel_id, key_id) DO UPDATE SET next_at = excluded.next_at, failed = 0;
	UPDATE channel_keys k
	SET status = 'off', off_reason = CASE WHEN coalesce(p_detail, '') <> '' THEN left(p_detail, 500)
			ELSE 'refused, HTTP ' || p_http_status END,
		off_at = now(), last_error = nullif(left(p_detail, 500), ''), last_error_at = now()
	FROM channels ch
	WHERE k.id = p_key_id AND k.channel_id = p_channel_id AND k.status = 'active' AND ch.id = k.channel_id AND ch.auto_disable;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM channel_event_add('key_off', p_channel_id, p_key_id, p_cause, p_http_status, NULL, p_detail, p_host);
	RETURN true;
END
$$;
COMMENT ON FUNCTION channel_key_off(bigint, bigint, text, int, text, text, bigint) IS
	'Turns a key off that its provider refuses, with an event; its first probe is due in p_first_ms. False, and nothing done: it is not active, or its channel has auto_disable off.';

CREATE OR REPLACE FUNCTION channel_pings_take(p_limit int, p_every_ms bigint, p_first_ms bigint)
	RETURNS TABLE (channel_id bigint, key_id bigint)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	DELETE FROM channel_health h
	WHERE (h.key_id <> 0 AND NOT EXISTS (SELECT FROM channel_keys k WHERE k.id = h.key_id))
		OR (h.key_id = 0 AND EXISTS (SELECT FROM channel_keys k WHERE k.channel_id = h.channel_id));
	INSERT INTO channel_health (channel_id, key_id, next_at)
	SELECT ch.id, coalesce(k.id, 0),
		now() + CASE WHEN k.status = 'off' THEN p_first_ms ELSE p_every_ms END * interval '1 millisecond'
	FROM channels ch LEFT JOIN channel_keys k ON k.channel_id = ch.id
	WHERE NOT EXISTS (SELECT FROM channel_health h WHERE h.channel_id = ch.id AND h.key_id = coalesce(k.id, 0))
	ON CONFLICT DO NOTHING;
	RETURN QUERY
	UPDATE channel_health h SET next_at = now() + interval '1 minute'
	FROM (SELECT d.channel_id, d.key_id FROM channel_health d JOIN channels ch ON ch.id = d.channel_id
			LEFT JOIN channel_keys k ON k.id = d.key_id
		WHERE d.next_at <= now() AND ch.enabled AND (k.status = 'off' OR (coalesce(k.status, 'active') = 'active' AND p_every_ms > 0
			AND coalesce(d.last_success_at, '-infinity') < now() - p_every_ms * interval '1 millisecond'))
		ORDER BY d.next_at LIMIT p_limit FOR UPDATE OF d SKIP LOCKED) AS due
	WHERE h.channel_id = due.channel_id AND h.key_id = due.key_id
	RETURNING h.channel_id, h.key_id;
END
$$;
COMMENT ON FUNCTION channel_pings_take(int, bigint, bigint) IS
	'Takes what is to be pinged now, for a minute, in which nobody else takes it: keys that are off, and those of enabled channels (key_id 0: a channel without) that no call reached for p_every_ms (0: none of these). New ones wait for that time, keys that are off for p_first_ms.';

CREATE OR REPLACE FUNCTION channel_ping_done(p_channel_id bigint, p_key_id bigint, p_outcome text, p_http_status int, p_ms int,
	p_detail text, p_host text, p_every_ms bigint, p_first_ms bigint, p_max_ms bigint) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_failed int;
	v_status text;
	v_wait_ms numeric := p_every_ms;
	v_fine boolean;
BEGIN
	SELECT h.failed INTO v_failed FROM channel_health h WHERE h.channel_id = p_channel_id AND h.key_id = p_key_id FOR UPDATE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT k.status INTO v_status FROM channel_keys k WHERE k.id = p_key_id AND k.channel_id = p_channel_id;
	-- A key that was refused need not be answered well: who says 400 or 429 to it takes it.
	v_fine := p_outcome = 'success' OR (v_status IS NOT DISTINCT FROM 'off' AND p_outcome IN ('client', 'rate_limited') AND p_http_status > 0);
	IF NOT v_fine AND v_status = 'off' THEN
		v_wait_ms := least(p_max_ms, p_first_ms * 2.0 ^ least(v_failed + 1, 40));
	ELSIF NOT v_fine THEN
		v_wait_ms := least(p_every_ms, p_first_ms);
	END IF;
	UPDATE channel_health h
	SET pinged_at = clock_timestamp(), outcome = p_outcome, http_status = p_http_status, first_byte_ms = p_ms,
		failed = CASE WHEN v_fine THEN 0 ELSE v_failed + 1 END,
		next_at = now() + v_wait_ms * interval '1 millisecond'
	WHERE h.channel_id = p_channel_id AND h.key_id = p_key_id;
	IF v_fine AND v_status = 'off' THEN
		UPDATE channel_keys k SET status = 'active', off_reason = NULL, off_at = NULL WHERE k.id = p_key_id AND k.status = 'off';
		PERFORM channel_event_add('key_on', p_channel_id, p_key_id, NULL, NULL, NULL, NULL, p_host);
		RETURN 'key_on';
	ELSIF v_fine THEN
		RETURN NULL;
	END IF;
	IF p_key_id <> 0 THEN
		UPDATE channel_keys k SET last_error = nullif(left(p_detail, 500), ''), last_error_at = now() WHERE k.id = p_key_id;
	END IF;
	IF v_status = 'active' AND p_outcome = 'refused' AND v_failed > 0
		AND channel_key_off(p_channel_id, p_key_id, p_outcome, p_http_status, p_detail, p_host, p_first_ms) THEN
		RETURN 'key_off';
	END IF;
	IF v_status IS NOT DISTINCT FROM 'off' OR v_failed = 0 THEN
		PERFORM channel_event_add('probe_failed', p_channel_id, p_key_id, p_outcome, p_http_status, NULL, p_detail, p_host);
		RETURN 'probe_failed';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION channel_ping_done(bigint, bigint, text, int, int, text, text, bigint, bigint, bigint) IS
	'Notes what came of a ping, and when the next is due: in p_every_ms; a failure is looked at again in p_first_ms, of a key that is off after twice as long each time, up to p_max_ms. Success, and any other answer than a refusal, turns a key on that was off; a second refusal in a row turns one off. Answers the event it noted, or NULL: of pings that go on failing the first is noted, and each of a key that is off.';

CREATE OR REPLACE FUNCTION channel_hours_add(p_counts json) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO channel_hours AS h (channel_id, hour, key_id, tries, successes, connect, timeout, rate_limited, server, refused,
		cut, client, skips, switches, opens, first_bytes, first_byte_ms, histogram)
	SELECT c.channel_id, date_trunc('hour', now(), 'UTC'), c.key_id, c.tries, c.successes, c.connect, c.timeout, c.rate_limited,
		c.server, c.refused, c.cut, c.client, c.skips, c.switches, c.opens, c.first_bytes, c.first_byte_ms, c.histogram
	FROM json_to_recordset(p_counts) AS c (channel_id bigint, key_id bigint, tries bigint, successes bigint, connect bigint,
		timeout bigint, rate_limited bigint, server bigint, refused bigint, cut bigint, client bigint, skips bigint,
		switches bigint, opens bigint, first_bytes bigint, first_byte_ms bigint, histogram bigint[])
	ORDER BY c.channel_id, c.key_id
	ON CONFLICT (channel_id, hour, key_id) DO UPDATE SET
		tries = h.tries + excluded.tries, successes = h.successes + excluded.successes, connect = h.connect + excluded.connect,
		timeout = h.timeout + excluded.timeout, rate_limited = h.rate_limited + excluded.rate_limited,
		server = h.server + excluded.server, refused = h.refused + excluded.refused, cut = h.cut + excluded.cut,
		client = h.client + excluded.client, skips = h.skips + excluded.skips, switches = h.switches + excluded.switches,
		opens = h.opens + excluded.opens, first_bytes = h.first_bytes + excluded.first_bytes,
		first_byte_ms = h.first_byte_ms + excluded.first_byte_ms,
		histogram = ARRAY(SELECT coalesce(b.was, 0) + coalesce(b.more, 0)
			FROM unnest(h.histogram, excluded.histogram) WITH ORDINALITY AS b (was, more, i) ORDER BY b.i);
	UPDATE channel_health h SET last_success_at = now()
	FROM (SELECT f.channel_id, f.key_id FROM channel_health f
			JOIN json_to_recordset(p_counts) AS c (channel_id bigint, key_id bigint, successes bigint)
				ON c.channel_id = f.channel_id AND c.key_id = f.key_id AND c.successes > 0
		ORDER BY f.channel_id, f.key_id FOR UPDATE OF f SKIP LOCKED) AS fine
	WHERE h.channel_id = fine.channel_id AND h.key_id = fine.key_id;
END
$$;
COMMENT ON FUNCTION channel_hours_add(json) IS
	'Adds what a host has counted since its last call to the hour that is now: an array of objects with channel_id, key_id and the columns of channel_hours from tries to histogram.';

CREATE OR REPLACE FUNCTION channel_hours_sum() RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_from timestamptz;
	v_rows int;
BEGIN
	-- One at a time; the hour before may still have got rows after it was summed up.
	IF NOT pg_try_advisory_xact_lock(hashtext('channel_hours_sum')) THEN
		RETURN 0;
	END IF;
	SELECT max(h.hour) - interval '1 hour' INTO v_from FROM channel_hours h WHERE h.usage_at IS NOT NULL;
	v_from := greatest(coalesce(v_from, now() - interval '7 days'), now() - interval '7 days');
	INSERT INTO channel_hours AS h (channel_id, hour, key_id, calls, request_tokens, response_tokens, cost, usage_at)
	SELECT u.channel_id, date_trunc('hour', u.created_at, 'UTC'), 0, count(*), sum(u.request_tokens), sum(u.response_tokens),
		sum(u.cost), now()
	FROM usage u WHERE u.created_at >= date_trunc('hour', v_from, 'UTC') AND u.channel_id IS NOT NULL
	GROUP BY 1, 2 ORDER BY 1, 2
	ON CONFLICT (channel_id, hour, key_id) DO UPDATE SET calls = excluded.calls, request_tokens = excluded.request_tokens,
		response_tokens = excluded.response_tokens, cost = excluded.cost, usage_at = excluded.usage_at;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_rows;
END
$$;
COMMENT ON FUNCTION channel_hours_sum() IS
	'Sums up what calls used, by channel and hour, from table usage into channel_hours: anew from the hour before the last that was summed up, of a week at most. Running it twice changes nothing.';

CREATE OR REPLACE FUNCTION channel_health_news(p_after_us bigint, p_off bigint[])
	RETURNS TABLE (channel_id bigint, key_id bigint, outcome text, http_status int, first_byte_ms int, at_us bigint)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT h.channel_id, h.key_id, h.outcome::text, h.http_status, h.first_byte_ms,
		(extract(epoch FROM h.pinged_at) * 1000000)::bigint
	FROM channel_health h
	WHERE p_after_us > 0 AND h.pinged_at > '1970-01-01 00:00Z'::timestamptz + p_after_us * interval '1 microsecond'
	UNION ALL
	SELECT 0, o.id, NULL, NULL, NULL, NULL FROM unnest(p_off) AS o (id)
	WHERE NOT EXISTS (SELECT FROM channel_keys k WHERE k.id = o.id AND k.status = 'off')
	UNION ALL
	SELECT 0, 0, NULL, NULL, NULL, coalesce((extract(epoch FROM max(h.pinged_at)) * 1000000)::bigint, 1) FROM channel_health h
$$;
COMMENT ON FUNCTION channel_health_news(bigint, bigint[]) IS
	'For the memory of a host: pings that ended after p_after_us (microseconds since 1970; 0: none of them); those of p_off, with channel_id 0, that are off no more; and last, with both ids 0, the time of the newest ping, 1 when there is none.';

CREATE OR REPLACE FUNCTION channels_prune(p_limit int, p_events_ms bigint, p_hours_ms bigint) RETURNS TABLE (what text, removed int)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	what := 'channel_events';
	DELETE FROM channel_events WHERE ctid = ANY (ARRAY(
		SELECT e.ctid FROM channel_events e WHERE e.at < now() - p_events_ms * interval '1 millisecond' LIMIT p_limit));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'channel_hours';
	DELETE FROM channel_hours WHERE ctid = ANY (ARRAY(
		SELECT h.ctid FROM channel_hours h WHERE h.hour < now() - p_hours_ms * interval '1 millisecond' LIMIT p_limit));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION channels_prune(int, bigint, bigint) IS
	'Removes events and hours of channels that are older than that, at most p_limit of each per call.';
