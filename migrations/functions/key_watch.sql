-- The watch on the use of API keys: what is gathered, judged and told.  Whoever writes rows about a key locks the key first.

CREATE OR REPLACE FUNCTION key_network(p_address inet) RETURNS cidr
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN network(set_masklen(p_address, CASE family(p_address) WHEN 4 THEN 24 ELSE 48 END));
COMMENT ON FUNCTION key_network(inet) IS 'The network an address is counted as: /24 of IPv4, /48 of IPv6.';

CREATE OR REPLACE FUNCTION api_keys_used(p_uses json) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- in the order of their ids, as other processes write some of the same keys
	PERFORM FROM api_keys k WHERE k.id IN (SELECT (u ->> 'id')::uuid FROM json_array_elements(p_uses) AS u) ORDER BY k.id
		FOR NO KEY UPDATE;
	UPDATE api_keys k SET use_count = k.use_count + u.calls,
		last_used_at = greatest(k.last_used_at, to_timestamp(u.ms / 1000.0)),
		last_ip = CASE WHEN k.last_used_at > to_timestamp(u.ms / 1000.0) THEN k.last_ip ELSE coalesce(u.ip, k.last_ip) END
	FROM json_to_recordset(p_uses) AS u (id uuid, calls bigint, ms bigint, ip inet)
	WHERE k.id = u.id AND u.calls > 0;
	INSERT INTO key_hours AS h (key_id, hour, calls, failures, refusals, sized, bytes, bytes_max, tokens, minute, minute_calls,
		minute_tokens, calls_peak, tokens_peak, models, addresses)
	SELECT k.id, date_trunc('hour', now(), 'UTC'), u.calls, u.failures, u.refusals, u.sized, u.bytes, u.bytes_max, u.tokens,
		u.minute, u.minute_calls, u.minute_tokens, greatest(u.calls_peak, u.minute_calls),
		greatest(u.tokens_peak, u.minute_tokens), u.models, u.addresses
	FROM json_to_recordset(p_uses) AS u (id uuid, calls bigint, failures bigint, refusals bigint, sized bigint, bytes bigint,
			bytes_max bigint, tokens bigint, minute bigint, minute_calls bigint, minute_tokens bigint, calls_peak bigint,
			tokens_peak bigint, models text[], addresses inet[])
		JOIN api_keys k ON k.id = u.id
	ORDER BY k.id
	ON CONFLICT (key_id, hour) DO UPDATE SET
		calls = h.calls + excluded.calls, failures = h.failures + excluded.failures,
		refusals = h.refusals + excluded.refusals, sized = h.sized + excluded.sized, bytes = h.bytes + excluded.bytes,
		bytes_max = greatest(h.bytes_max, excluded.bytes_max), tokens = h.tokens + excluded.tokens,
		-- what comes late, of a minute that is over, counts as a peak of its own only
		minute = greatest(h.minute, excluded.minute),
		minute_calls = CASE WHEN excluded.minute > h.minute THEN excluded.minute_calls
			WHEN excluded.minute = h.minute THEN h.minute_calls + excluded.minute_calls ELSE h.minute_calls END,
		minute_tokens = CASE WHEN excluded.minute > h.minute THEN excluded.minute_tokens
			WHEN excluded.minute = h.minute THEN h.minute_tokens + excluded.minute_tokens ELSE h.minute_tokens END,
		calls_peak = greatest(h.calls_peak, excluded.calls_peak,
			CASE WHEN excluded.minute = h.minute THEN h.minute_calls + excluded.minute_calls END),
		tokens_peak = greatest(h.tokens_peak, excluded.tokens_peak,
			CASE WHEN excluded.minute = h.minute THEN h.minute_tokens + excluded.minute_tokens END),
		models = ARRAY(SELECT DISTINCT m FROM unnest(h.models || excluded.models) AS m LIMIT 32),
		addresses = ARRAY(SELECT DISTINCT a FROM unnest(h.addresses || excluded.addresses) AS a LIMIT 32),
		judged = false;
END
$$;
COMMENT ON FUNCTION api_keys_used(json) IS
	'Writes what a process has gathered about the use of keys since it did so last: an array of objects with id, calls, ms and ip (of the last accepted use), failures, refusals, sized, bytes, bytes_max, tokens, minute, minute_calls, minute_tokens, calls_peak, tokens_peak, models, addresses. Ids that are no keys are passed over.';

CREATE OR REPLACE FUNCTION watch_note(p_key api_keys, p_kind text, p_action text, p_hour timestamptz, p_details jsonb) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO security_events (kind, key_id, key_name, key_prefix, user_id, hour, action, details)
	VALUES (p_kind, p_key.id, p_key.name, p_key.prefix, p_key.user_id, p_hour, p_action, p_details)
	ON CONFLICT (key_id, kind, hour) DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF p_action = 'lock' THEN
		UPDATE api_keys k SET status = 'locked', locked_at = now(), lock_reason = p_kind
		WHERE k.id = p_key.id AND k.revoked_at IS NULL AND k.status <> 'locked';
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION watch_note(api_keys, text, text, timestamptz, jsonb) IS
	'Writes a security event about a key, and locks the key where action is lock. False, and nothing is done: there was one of the kind within the hour.';

CREATE OR REPLACE FUNCTION key_hours_judge(p_rules jsonb, p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_key api_keys;
	v_hour key_hours;
	v_known key_profiles;
	v_before record;
	v_new text[];
	v_keys int := 0;
	v_learn bigint := (p_rules ->> 'learn_calls')::bigint;
	v_most bigint;
BEGIN
	FOR v_key IN
		SELECT k.* FROM api_keys k WHERE k.id IN (SELECT h.key_id FROM key_hours h WHERE NOT h.judged ORDER BY h.hour LIMIT p_limit)
		ORDER BY k.id FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		v_keys := v_keys + 1;
		SELECT * INTO v_known FROM key_profiles p WHERE p.key_id = v_key.id;
		IF NOT FOUND THEN -- a rotated key hands on what is known of it
			SELECT p.* INTO v_known FROM key_profiles p JOIN api_keys o ON o.id = p.key_id
			WHERE o.rotated_to = v_key.id ORDER BY o.id DESC LIMIT 1;
		END IF;
		FOR v_hour IN SELECT * FROM key_hours h WHERE h.key_id = v_key.id AND NOT h.judged ORDER BY h.hour LOOP
			v_new := ARRAY(SELECT m FROM unnest(v_hour.models) AS m WHERE m <> ALL (coalesce(v_known.models, '{}')) ORDER BY m);
			IF p_rules ->> 'new_model' <> 'off' AND cardinality(v_new) > 0 AND cardinality(v_known.models) > 0
				AND v_key.use_count >= v_learn THEN
				PERFORM watch_note(v_key, 'new_model', p_rules ->> 'new_model', v_hour.hour, jsonb_build_object('models', v_new));
			END IF;
			v_known.models := (coalesce(v_known.models, '{}') || v_new)[1:200];

			v_new := ARRAY(SELECT DISTINCT host(a) FROM unnest(v_hour.addresses) AS a
				WHERE key_network(a) <> ALL (coalesce(v_known.networks, '{}')) ORDER BY 1);
			IF p_rules ->> 'new_address' <> 'off' AND cardinality(v_new) > 0 AND cardinality(v_known.networks) > 0
				AND v_key.use_count >= v_learn THEN
				PERFORM watch_note(v_key, 'new_address', p_rules ->> 'new_address', v_hour.hour,
					jsonb_build_object('addresses', v_new));
			END IF;
			v_known.networks := (coalesce(v_known.networks, '{}')
				|| ARRAY(SELECT DISTINCT key_network(a::inet) FROM unnest(v_new) AS a))[1:500];

			v_most := (p_rules ->> 'failures_per_hour')::bigint;
			IF p_rules ->> 'failures' <> 'off' AND v_hour.failures + v_hour.refusals >= v_most THEN
				PERFORM watch_note(v_key, 'failures', p_rules ->> 'failures', v_hour.hour, jsonb_build_object(
					'failures', v_hour.failures, 'refusals', v_hour.refusals, 'calls', v_hour.calls, 'limit', v_most));
			END IF;

			SELECT coalesce(sum(h.bytes), 0) AS bytes, coalesce(sum(h.sized), 0) AS sized INTO v_before
			FROM key_hours h WHERE h.key_id = v_key.id AND h.hour < v_hour.hour;
			v_most := (p_rules ->> 'size_factor')::bigint;
			IF p_rules ->> 'size_jump' <> 'off' AND v_hour.sized >= 5 AND v_before.sized >= greatest(v_learn, 1)
				AND v_hour.bytes::numeric / v_hour.sized > v_most * v_before.bytes::numeric / v_before.sized THEN
				PERFORM watch_note(v_key, 'size_jump', p_rules ->> 'size_jump', v_hour.hour, jsonb_build_object(
					'mean_bytes', v_hour.bytes / v_hour.sized, 'mean_bytes_before', v_before.bytes / v_before.sized,
					'max_bytes', v_hour.bytes_max, 'limit', v_most));
			END IF;

			IF p_rules ->> 'overspeed' <> 'off'
				AND (v_hour.calls_peak > nullif((p_rules ->> 'calls_per_minute')::bigint, 0)
					OR v_hour.tokens_peak > nullif((p_rules ->> 'tokens_per_minute')::bigint, 0)) THEN
				PERFORM watch_note(v_key, 'overspeed', p_rules ->> 'overspeed', v_hour.hour, jsonb_build_object(
					'calls_per_minute', v_hour.calls_peak, 'tokens_per_minute', v_hour.tokens_peak,
					'limit_calls', (p_rules ->> 'calls_per_minute')::bigint,
					'limit_tokens', (p_rules ->> 'tokens_per_minute')::bigint));
			END IF;
		END LOOP;
		INSERT INTO key_profiles AS p (key_id, models, networks)
		VALUES (v_key.id, coalesce(v_known.models, '{}'), coalesce(v_known.networks, '{}'))
		ON CONFLICT (key_id) DO UPDATE SET models = excluded.models, networks = excluded.networks;
		UPDATE key_hours h SET judged = true WHERE h.key_id = v_key.id AND NOT h.judged;
	END LOOP;
	RETURN v_keys;
END
$$;
COMMENT ON FUNCTION key_hours_judge(jsonb, int) IS
	'Applies the rules to what was written about keys since it was called last, of at most p_limit keys; answers how many. p_rules: new_model, new_address, failures, size_jump, overspeed (off, tell or lock each), learn_calls, failures_per_hour, size_factor, calls_per_minute and tokens_per_minute (0: any). A key that is locked by others is left for the next time.';

CREATE OR REPLACE FUNCTION api_keys_leaked(p_hashes text[])
	RETURNS TABLE (key_id uuid, user_id uuid, name text, prefix text, locked boolean)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v_key api_keys;
BEGIN
	FOR v_key IN
		SELECT k.* FROM api_keys k WHERE k.hash IN (SELECT decode(h, 'hex') FROM unnest(p_hashes) AS h) ORDER BY k.id
		FOR NO KEY UPDATE
	LOOP
		locked := v_key.revoked_at IS NULL AND v_key.status IN ('active', 'rotated')
			AND coalesce(v_key.expires_at > now(), true);
		IF locked THEN
			IF NOT watch_note(v_key, 'leaked', 'lock', date_trunc('hour', now(), 'UTC'), '{}') THEN
				-- it was unlocked within the hour: what is in a list again is locked again
				UPDATE api_keys k SET status = 'locked', locked_at = now(), lock_reason = 'leaked' WHERE k.id = v_key.id;
			END IF;
		END IF;
		key_id := v_key.id;
		user_id := v_key.user_id;
		name := v_key.name;
		prefix := v_key.prefix;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION api_keys_leaked(text[]) IS
	'Locks the keys of which these are the SHA-256 hashes (hex) and writes a security event of each. Tells all keys found, and whether they were locked: those that have ended or are locked stay as they are.';

CREATE OR REPLACE FUNCTION security_events_tell(p_limit int)
	RETURNS TABLE (id bigint, kind text, action text, key_id uuid, key_name text, key_prefix text, user_id uuid, details jsonb,
		email text, locale text)
	LANGUAGE sql SET search_path = public, pg_temp
BEGIN ATOMIC
	WITH told AS (UPDATE security_events e SET told_at = now()
		WHERE e.id IN (SELECT s.id FROM security_events s WHERE s.told_at IS NULL ORDER BY s.id LIMIT p_limit
			FOR UPDATE SKIP LOCKED)
		RETURNING e.*)
	SELECT t.id, t.kind, t.action, t.key_id, t.key_name, t.key_prefix, t.user_id, t.details, u.email, u.locale
	FROM told t JOIN users u ON u.id = t.user_id ORDER BY t.id;
END;
COMMENT ON FUNCTION security_events_tell(int) IS
	'Events whose owner is to be told, marked as told: by whoever asks, once.';

CREATE OR REPLACE FUNCTION api_keys_remind(p_limit int)
	RETURNS TABLE (key_id uuid, name text, prefix text, expires_at timestamptz, days int, uncollected boolean, user_id uuid,
		email text, locale text)
	LANGUAGE sql SET search_path = public, pg_temp
BEGIN ATOMIC
	WITH due AS (
		SELECT k.id, CASE WHEN k.expires_at <= now() + interval '1 day' THEN 1 ELSE 7 END AS days
		FROM api_keys k LEFT JOIN api_keys n ON n.id = k.rotated_to
		WHERE k.revoked_at IS NULL AND k.expires_at > now() AND k.expires_at <= now() + interval '7 days'
			-- of a rotated one only where nobody has fetched what comes after it
			AND (k.status = 'active' OR (k.status = 'rotated' AND n.secret_sealed IS NOT NULL
				AND k.expires_at <= now() + interval '1 day'))
			AND k.created_at <= k.expires_at - CASE WHEN k.expires_at <= now() + interval '1 day'
				THEN interval '1 day' ELSE interval '7 days' END
			AND (k.reminded_end IS DISTINCT FROM k.expires_at OR (k.reminded_days = 7 AND k.expires_at <= now() + interval '1 day'))
		ORDER BY k.expires_at LIMIT p_limit FOR NO KEY UPDATE OF k SKIP LOCKED
	), told AS (
		UPDATE api_keys k SET reminded_days = d.days, reminded_end = k.expires_at FROM due d WHERE k.id = d.id
		RETURNING k.id, k.name, k.prefix, k.expires_at, d.days, k.status, k.user_id)
	SELECT t.id, t.name, t.prefix, t.expires_at, t.days, t.status = 'rotated', t.user_id, u.email, u.locale
	FROM told t JOIN users u ON u.id = t.user_id WHERE u.status = 'active';
END;
COMMENT ON FUNCTION api_keys_remind(int) IS
	'Keys whose owner is to be reminded of their end, 7 days and 1 day before it, once each; a key that lives shorter than that is left out. uncollected: it was rotated by itself, and nobody has fetched the new one.';

CREATE OR REPLACE FUNCTION api_keys_rotation_due(p_limit int, p_kept_max int)
	RETURNS TABLE (key_id uuid, user_id uuid, every_days int, email text, locale text)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
BEGIN ATOMIC
	SELECT k.id, k.user_id, k.rotate_every_days, u.email, u.locale
	FROM api_keys k JOIN users u ON u.id = k.user_id
	WHERE k.auto_rotate AND k.status = 'active' AND u.status = 'active'
		AND k.created_at <= now() - make_interval(days => k.rotate_every_days) AND coalesce(k.expires_at > now(), true)
		-- who has not fetched the last one has no use for another
		AND k.secret_sealed IS NULL
		AND (SELECT count(*) FROM api_keys o WHERE o.user_id = k.user_id) < p_kept_max
	ORDER BY k.created_at LIMIT p_limit;
END;
COMMENT ON FUNCTION api_keys_rotation_due(int, int) IS
	'Keys to be rotated by themselves; not those of who has p_kept_max keys already. Takes no lock: api_key_rotate() decides between sweepers.';

CREATE OR REPLACE FUNCTION security_event_json(e security_events) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
	RETURN jsonb_build_object('id', e.id, 'created_at', json_time(e.created_at), 'kind', e.kind, 'action', e.action,
		'key_id', e.key_id, 'key_name', e.key_name, 'key_prefix', e.key_prefix, 'user_id', e.user_id,
		'key_status', (SELECT k.status FROM api_keys k WHERE k.id = e.key_id), 'details', e.details,
		'told_at', json_time(e.told_at), 'resolved_at', json_time(e.resolved_at), 'resolved_by', e.resolved_by,
		'note', e.note);
COMMENT ON FUNCTION security_event_json(security_events) IS 'The API''s SecurityEvent.';
