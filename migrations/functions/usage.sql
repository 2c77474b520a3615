-- Usage summed up: by weir-worker, a piece at a time, and read together with what is not in the sums yet.

CREATE OR REPLACE FUNCTION usage_roll_up(p_limit int) RETURNS bigint
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_rolled usage_rolled;
	v_to bigint;
BEGIN
	SELECT * INTO v_rolled FROM usage_rolled FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN 0; -- another worker is at it
	END IF;
	-- A statement's snapshot has everything of those that had ended when it began.
	IF v_rolled.next_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN
		v_to := least(v_rolled.next_id, v_rolled.id + p_limit);
		INSERT INTO usage_hours (hour, user_id, key_id, model, channel, status, calls, errors, request_tokens, response_tokens, cached_tokens, cache_write_tokens,
		reasoning_tokens, cost, overrun, latency_ms, latency_calls, first_token_ms, first_token_calls)
		SELECT date_trunc('hour', u.created_at, 'UTC'), u.user_id, u.key_id, u.model, u.channel, u.status,
			count(*) AS calls, count(u.error_code) AS errors, sum(u.request_tokens::bigint) AS request_tokens,
			sum(u.response_tokens::bigint) AS response_tokens, sum(u.cached_tokens::bigint) AS cached_tokens,
			sum(u.cache_write_tokens::bigint) AS cache_write_tokens, sum(u.reasoning_tokens::bigint) AS reasoning_tokens,
			sum(u.cost) AS cost, sum(u.overrun) AS overrun, coalesce(sum(u.latency_ms::bigint), 0) AS latency_ms,
			count(u.latency_ms) AS latency_calls, coalesce(sum(u.first_token_ms::bigint), 0) AS first_token_ms,
			count(u.first_token_ms) AS first_token_calls
		FROM usage u WHERE u.id > v_rolled.id AND u.id <= v_to
		GROUP BY 1, 2, 3, 4, 5, 6
		ON CONFLICT (user_id, hour, key_id, model, channel, status) DO UPDATE SET
			calls = usage_hours.calls + excluded.calls,
			errors = usage_hours.errors + excluded.errors,
			request_tokens = usage_hours.request_tokens + excluded.request_tokens,
			response_tokens = usage_hours.response_tokens + excluded.response_tokens,
			cached_tokens = usage_hours.cached_tokens + excluded.cached_tokens,
			cache_write_tokens = usage_hours.cache_write_tokens + excluded.cache_write_tokens,
			reasoning_tokens = usage_hours.reasoning_tokens + excluded.reasoning_tokens,
			cost = usage_hours.cost + excluded.cost,
			overrun = usage_hours.overrun + excluded.overrun,
			latency_ms = usage_hours.latency_ms + excluded.latency_ms,
			latency_calls = usage_hours.latency_calls + excluded.latency_calls,
			first_token_ms = usage_hours.first_token_ms + excluded.first_token_ms,
			first_token_calls = usage_hours.first_token_calls + excluded.first_token_calls;
		INSERT INTO usage_days (day, user_id, key_id, model, channel, status, calls, errors, request_tokens, response_tokens, cached_tokens, cache_write_tokens,
		reasoning_tokens, cost, overrun, latency_ms, latency_calls, first_token_ms, first_token_calls)
		SELECT (u.created_at AT TIME ZONE 'UTC')::date, u.user_id, u.key_id, u.model, u.channel, u.status,
			count(*) AS calls, count(u.error_code) AS errors, sum(u.request_tokens::bigint) AS request_tokens,
			sum(u.response_tokens::bigint) AS response_tokens, sum(u.cached_tokens::bigint) AS cached_tokens,
			sum(u.cache_write_tokens::bigint) AS cache_write_tokens, sum(u.reasoning_tokens::bigint) AS reasoning_tokens,
			sum(u.cost) AS cost, sum(u.overrun) AS overrun, coalesce(sum(u.latency_ms::bigint), 0) AS latency_ms,
			count(u.latency_ms) AS latency_calls, coalesce(sum(u.first_token_ms::bigint), 0) AS first_token_ms,
			count(u.first_token_ms) AS first_token_calls
		FROM usage u WHERE u.id > v_rolled.id AND u.id <= v_to
		GROUP BY 1, 2, 3, 4, 5, 6
		ON CONFLICT (user_id, day, key_id, model, channel, status) DO UPDATE SET
			calls = usage_days.calls + excluded.calls,
			errors = usage_days.errors + excluded.errors,
			request_tokens = usage_days.request_tokens + excluded.request_tokens,
			response_tokens = usage_days.response_tokens + excluded.response_tokens,
			cached_tokens = usage_days.cached_tokens + excluded.cached_tokens,
			cache_write_tokens = usage_days.cache_write_tokens + excluded.cache_write_tokens,
			reasoning_tokens = usage_days.reasoning_tokens + excluded.reasoning_tokens,
			cost = usage_days.cost + excluded.cost,
			overrun = usage_days.overrun + excluded.overrun,
			latency_ms = usage_days.latency_ms + excluded.latency_ms,
			latency_calls = usage_days.latency_calls + excluded.latency_calls,
			first_token_ms = usage_days.first_token_ms + excluded.first_token_ms,
			first_token_calls = usage_days.first_token_calls + excluded.first_token_calls;
		UPDATE usage_rolled r SET id = v_to, next_xid = CASE WHEN v_to < r.next_id THEN r.next_xid END;
		IF v_to < v_rolled.next_id THEN
			RETURN v_to - v_rolled.id;
		END IF;
		v_rolled.next_xid := NULL;
	END IF;
	IF v_rolled.next_xid IS NULL THEN
		-- First the id, then our own transaction's: who has taken an id up to that had one of its own before.
		SELECT coalesce(max(u.id), 0) INTO v_to FROM usage u;
		IF v_to > v_rolled.next_id THEN
			UPDATE usage_rolled SET next_id = v_to, next_xid = pg_current_xact_id();
		END IF;
	END IF;
	RETURN 0;
END
$$;
COMMENT ON FUNCTION usage_roll_up(int) IS
	'Adds rows of usage to usage_hours and usage_days, each exactly once, those of at most p_limit ids; answers how many ids it went on while there are more of them, else 0. Goes no further than where no row can still appear: up to the largest id there was when it was called before, once every transaction of that time has ended. Any number of workers may call it: one works, the others leave.';

CREATE OR REPLACE FUNCTION usage_prune(p_keep_days int, p_limit int) RETURNS bigint
	LANGUAGE sql SET search_path = public, pg_temp
BEGIN ATOMIC
	-- the oldest by id are the oldest by time but for seconds, which whole days leave aside
	WITH gone AS (DELETE FROM usage u
		WHERE u.id IN (SELECT o.id FROM (SELECT a.id, a.created_at FROM usage a ORDER BY a.id LIMIT p_limit) AS o
			WHERE o.id <= (SELECT r.id FROM usage_rolled r)
				AND o.created_at < date_trunc('day', now(), 'UTC') - make_interval(days => p_keep_days))
		RETURNING u.id)
	SELECT count(*) FROM gone;
END;
COMMENT ON FUNCTION usage_prune(int, int) IS
	'Removes rows of usage of days that are more than p_keep_days ago, at most p_limit; never one that is not in the sums. Answers how many.';

CREATE OR REPLACE FUNCTION usage_sums(p_group text, p_user_id uuid, p_key_id uuid, p_model text, p_status text, p_channel text,
	p_from timestamptz, p_to timestamptz)
	RETURNS TABLE (total boolean, name text, calls bigint, errors bigint, request_tokens bigint, response_tokens bigint,
		cached_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint, cost numeric, overrun numeric,
		latency_ms bigint, latency_calls bigint, first_token_ms bigint, first_token_calls bigint)
	-- STABLE: all its statements see one snapshot, so that a row is in the sums or above the mark, never both
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
	v_mark bigint := (SELECT r.id FROM usage_rolled r);
	v_hour_a timestamptz := date_trunc('hour', p_from + interval '1 hour' - interval '1 microsecond', 'UTC');
	v_hour_b timestamptz := date_trunc('hour', p_to, 'UTC');
	v_day_a timestamptz := date_trunc('day', p_from + interval '1 day' - interval '1 microsecond', 'UTC');
	v_day_b timestamptz := date_trunc('day', p_to, 'UTC');
BEGIN
	IF p_group = 'hour' THEN
		v_day_a := 'infinity'; -- no whole days
	END IF;
	RETURN QUERY
		SELECT GROUPING(p.name) = 1, p.name, sum(p.calls)::bigint, sum(p.errors)::bigint, sum(p.request_tokens)::bigint, sum(p.response_tokens)::bigint,
			sum(p.cached_tokens)::bigint, sum(p.cache_write_tokens)::bigint, sum(p.reasoning_tokens)::bigint,
			sum(p.cost), sum(p.overrun), sum(p.latency_ms)::bigint, sum(p.latency_calls)::bigint,
			sum(p.first_token_ms)::bigint, sum(p.first_token_calls)::bigint
		FROM (
			SELECT CASE p_group WHEN 'day' THEN to_char(d.day, 'YYYY-MM-DD')
				WHEN 'hour' THEN to_char(d.day, 'YYYY-MM-DD"T"HH24:00"Z"')
				WHEN 'model' THEN d.model WHEN 'key' THEN d.key_id::text WHEN 'status' THEN d.status
				WHEN 'user' THEN d.user_id::text WHEN 'channel' THEN d.channel END AS name,
				sum(d.calls) AS calls, sum(d.errors) AS errors, sum(d.request_tokens) AS request_tokens, sum(d.response_tokens) AS response_tokens,
				sum(d.cached_tokens) AS cached_tokens, sum(d.cache_write_tokens) AS cache_write_tokens, sum(d.reasoning_tokens) AS reasoning_tokens, sum(d.cost) AS cost,
				sum(d.overrun) AS overrun, sum(d.latency_ms) AS latency_ms, sum(d.latency_calls) AS latency_calls, sum(d.first_token_ms) AS first_token_ms,
				sum(d.first_token_calls) AS first_token_calls
			FROM usage_days d
			WHERE (p_user_id IS NULL OR d.user_id = p_user_id) AND (p_key_id IS NULL OR d.key_id = p_key_id)
				AND (p_model IS NULL OR d.model = p_model) AND (p_status IS NULL OR d.status = p_status)
				AND (p_channel IS NULL OR d.channel = p_channel)
				AND d.day >= (v_day_a AT TIME ZONE 'UTC')::date AND d.day < (v_day_b AT TIME ZONE 'UTC')::date
			GROUP BY 1
			UNION ALL
			-- hours of days that are not whole
			SELECT CASE p_group WHEN 'day' THEN to_char(h.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD')
				WHEN 'hour' THEN to_char(h.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')
				WHEN 'model' THEN h.model WHEN 'key' THEN h.key_id::text WHEN 'status' THEN h.status
				WHEN 'user' THEN h.user_id::text WHEN 'channel' THEN h.channel END AS name,
				sum(h.calls) AS calls, sum(h.errors) AS errors, sum(h.request_tokens) AS request_tokens, sum(h.response_tokens) AS response_tokens,
				sum(h.cached_tokens) AS cached_tokens, sum(h.cache_write_tokens) AS cache_write_tokens, sum(h.reasoning_tokens) AS reasoning_tokens, sum(h.cost) AS cost,
				sum(h.overrun) AS overrun, sum(h.latency_ms) AS latency_ms, sum(h.latency_calls) AS latency_calls, sum(h.first_token_ms) AS first_token_ms,
				sum(h.first_token_calls) AS first_token_calls
			FROM usage_hours h
			WHERE (p_user_id IS NULL OR h.user_id = p_user_id) AND (p_key_id IS NULL OR h.key_id = p_key_id)
				AND (p_model IS NULL OR h.model = p_model) AND (p_status IS NULL OR h.status = p_status)
				AND (p_channel IS NULL OR h.channel = p_channel)
				AND h.hour >= v_hour_a AND h.hour < v_hour_b AND (v_day_a >= v_day_b OR h.hour < v_day_a OR h.hour >= v_day_b)
			GROUP BY 1
			UNION ALL
			-- what is above the mark
			SELECT CASE p_group WHEN 'day' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
				WHEN 'hour' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')
				WHEN 'model' THEN u.model WHEN 'key' THEN u.key_id::text WHEN 'status' THEN u.status
				WHEN 'user' THEN u.user_id::text WHEN 'channel' THEN u.channel END AS name,
				count(*) AS calls, count(u.error_code) AS errors, sum(u.request_tokens::bigint) AS request_tokens,
				sum(u.response_tokens::bigint) AS response_tokens, sum(u.cached_tokens::bigint) AS cached_tokens,
				sum(u.cache_write_tokens::bigint) AS cache_write_tokens, sum(u.reasoning_tokens::bigint) AS reasoning_tokens,
				sum(u.cost) AS cost, sum(u.overrun) AS overrun, coalesce(sum(u.latency_ms::bigint), 0) AS latency_ms,
				count(u.latency_ms) AS latency_calls, coalesce(sum(u.first_token_ms::bigint), 0) AS first_token_ms,
				count(u.first_token_ms) AS first_token_calls
			FROM usage u
			WHERE (p_user_id IS NULL OR u.user_id = p_user_id) AND (p_key_id IS NULL OR u.key_id = p_key_id)
				AND (p_model IS NULL OR u.model = p_model) AND (p_status IS NULL OR u.status = p_status)
				AND (p_channel IS NULL OR u.channel = p_channel)
				AND u.id > v_mark AND u.created_at >= p_from AND u.created_at < p_to
			GROUP BY 1
			UNION ALL
			-- calls of hours that are not whole
			SELECT CASE p_group WHEN 'day' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
				WHEN 'hour' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')
				WHEN 'model' THEN u.model WHEN 'key' THEN u.key_id::text WHEN 'status' THEN u.status
				WHEN 'user' THEN u.user_id::text WHEN 'channel' THEN u.channel END AS name,
				count(*) AS calls, count(u.error_code) AS errors, sum(u.request_tokens::bigint) AS request_tokens,
				sum(u.response_tokens::bigint) AS response_tokens, sum(u.cached_tokens::bigint) AS cached_tokens,
				sum(u.cache_write_tokens::bigint) AS cache_write_tokens, sum(u.reasoning_tokens::bigint) AS reasoning_tokens,
				sum(u.cost) AS cost, sum(u.overrun) AS overrun, coalesce(sum(u.latency_ms::bigint), 0) AS latency_ms,
				count(u.latency_ms) AS latency_calls, coalesce(sum(u.first_token_ms::bigint), 0) AS first_token_ms,
				count(u.first_token_ms) AS first_token_calls
			FROM usage u
			WHERE (p_user_id IS NULL OR u.user_id = p_user_id) AND (p_key_id IS NULL OR u.key_id = p_key_id)
				AND (p_model IS NULL OR u.model = p_model) AND (p_status IS NULL OR u.status = p_status)
				AND (p_channel IS NULL OR u.channel = p_channel)
				AND u.id <= v_mark AND u.created_at >= p_from AND u.created_at < least(p_to, v_hour_a)
			GROUP BY 1
			UNION ALL
			SELECT CASE p_group WHEN 'day' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
				WHEN 'hour' THEN to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')
				WHEN 'model' THEN u.model WHEN 'key' THEN u.key_id::text WHEN 'status' THEN u.status
				WHEN 'user' THEN u.user_id::text WHEN 'channel' THEN u.channel END AS name,
				count(*) AS calls, count(u.error_code) AS errors, sum(u.request_tokens::bigint) AS request_tokens,
				sum(u.response_tokens::bigint) AS response_tokens, sum(u.cached_tokens::bigint) AS cached_tokens,
				sum(u.cache_write_tokens::bigint) AS cache_write_tokens, sum(u.reasoning_tokens::bigint) AS reasoning_tokens,
				sum(u.cost) AS cost, sum(u.overrun) AS overrun, coalesce(sum(u.latency_ms::bigint), 0) AS latency_ms,
				count(u.latency_ms) AS latency_calls, coalesce(sum(u.first_token_ms::bigint), 0) AS first_token_ms,
				count(u.first_token_ms) AS first_token_calls
			FROM usage u
			WHERE (p_user_id IS NULL OR u.user_id = p_user_id) AND (p_key_id IS NULL OR u.key_id = p_key_id)
				AND (p_model IS NULL OR u.model = p_model) AND (p_status IS NULL OR u.status = p_status)
				AND (p_channel IS NULL OR u.channel = p_channel)
				AND u.id <= v_mark AND u.created_at >= greatest(p_from, v_hour_a, v_hour_b) AND u.created_at < p_to
			GROUP BY 1
		) AS p
		GROUP BY GROUPING SETS ((p.name), ());
END
$$;
COMMENT ON FUNCTION usage_sums(text, uuid, uuid, text, text, text, timestamptz, timestamptz) IS
	'What was used from p_from until before p_to, by p_group (day, hour, model, key, status, user, channel), and one row of the total, which has NULL sums when there was nothing; a filter that is NULL lets all pass. Whole days and hours are read from their sums, the rest call by call: of days that usage_prune() has taken away, whole hours only are known.';
