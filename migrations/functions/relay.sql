-- Calls of the relay: opened and settled as every task is, with no message beside them.

CREATE OR REPLACE FUNCTION relay_key_held(p_key_id uuid, p_user_id uuid) RETURNS numeric
	LANGUAGE plpgsql
AS $$
BEGIN
	RETURN (SELECT coalesce(sum(t.credits_locked), 0) FROM tasks t JOIN api_keys k ON k.id = t.key_id
			WHERE t.user_id = p_user_id AND t.completed_at IS NULL AND p_key_id IN (k.id, k.rotated_to))
		+ (SELECT coalesce(sum(a.amount), 0) FROM allowances a JOIN api_keys k ON k.id = a.key_id
			WHERE a.user_id = p_user_id AND a.ended_at IS NULL AND p_key_id IN (k.id, k.rotated_to));
END
$$;
COMMENT ON FUNCTION relay_key_held(uuid, uuid) IS
	'Credits held for calls of a key and of those whose place it took: by its live tasks and by the allowances of its budget.';

CREATE OR REPLACE FUNCTION relay_key_refusal(p_key_id uuid, p_user_id uuid, p_hold numeric) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_key api_keys;
	v_live record;
	v_tokens bigint;
BEGIN
	-- the limits of a key that was rotated are those of the one in its place
	SELECT s.* INTO v_key FROM api_keys k JOIN api_keys s ON s.id = coalesce(k.rotated_to, k.id) WHERE k.id = p_key_id;
	IF v_key.budget IS NULL AND v_key.max_concurrent IS NULL AND v_key.tpm IS NULL THEN
		RETURN NULL;
	END IF;
	-- counting is exact only while nobody else can open a call with this key
	SELECT * INTO v_key FROM api_keys k WHERE k.id = v_key.id FOR NO KEY UPDATE;
	SELECT count(*) AS calls, coalesce(sum(t.prompt_tokens), 0) AS tokens
	INTO v_live
	FROM tasks t JOIN api_keys k ON k.id = t.key_id
	WHERE t.user_id = p_user_id AND t.completed_at IS NULL AND v_key.id IN (k.id, k.rotated_to);
	IF v_key.tpm IS NOT NULL THEN
		SELECT coalesce(sum(u.request_tokens + u.response_tokens), 0) INTO v_tokens
		FROM usage u JOIN api_keys k ON k.id = u.key_id
		WHERE u.user_id = p_user_id AND u.created_at > now() - interval '1 minute' AND v_key.id IN (k.id, k.rotated_to);
	END IF;
	RETURN CASE
		WHEN v_live.calls >= v_key.max_concurrent THEN 'key_queue_full'
		WHEN v_tokens + v_live.tokens >= v_key.tpm THEN 'key_tokens'
		WHEN round(p_hold, 6) > api_key_budget_left(v_key) - relay_key_held(v_key.id, p_user_id)
			THEN CASE WHEN allowances_pending(p_user_id, v_key.id) THEN 'allowances' ELSE 'key_budget' END END;
END
$$;
COMMENT ON FUNCTION relay_key_refusal(uuid, uuid, numeric) IS
	'Why a key may not open a call with this hold: key_queue_full (as many run as it may), key_tokens (what ended within the last minute and what was asked by what runs have used its tokens per minute), key_budget (what is left of its budget, holds and allowances taken off, does not cover it); NULL: it may. A key without such limits is not locked.';

DROP FUNCTION IF EXISTS relay_open(uuid, uuid, uuid, uuid, bigint, numeric, int, uuid, int, int, text, text, bytea);
CREATE OR REPLACE FUNCTION relay_open(
	p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_key_id uuid, p_model_id bigint, p_hold numeric, p_lease_s int,
	p_owner uuid, p_user_limit int, p_prompt_tokens int, p_idem_key text, p_idem_route text, p_idem_hash bytea,
	p_prices jsonb DEFAULT NULL, p_group text DEFAULT NULL)
	RETURNS TABLE (outcome text, balance numeric, required numeric, existing_task_id uuid, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v task_opened;
BEGIN
	v := task_open(ROW(p_task_id, p_transaction_id, p_user_id, 'relay', NULL, p_owner, p_model_id, p_hold, p_lease_s,
		left('api: ' || coalesce((SELECT m.name FROM llm_models m WHERE m.id = p_model_id), ''), 100), p_user_limit, NULL, NULL,
		p_idem_key, p_idem_route, p_idem_hash, relay_key_refusal(p_key_id, p_user_id, p_hold), NULL, NULL, NULL,
		p_key_id, p_prompt_tokens, p_prices, p_group)::task_ask);
	RETURN QUERY SELECT v.outcome, v.balance, round(p_hold, 6), v.existing_task_id, credits_held(p_user_id);
END
$$;
COMMENT ON FUNCTION relay_open(uuid, uuid, uuid, uuid, bigint, numeric, int, uuid, int, int, text, text, bytea, jsonb, text) IS
	'Opens a call of the relay: task_open() for a task without conversation, within the limits of the key it came through (NULL: none); outcome besides those of task_open(): those of relay_key_refusal(). held is what the user''s live tasks hold, this one included.';

CREATE OR REPLACE FUNCTION responses_pin(p_relays json) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	INSERT INTO response_pins (user_id, id, channel_id, key_id, model_id, tokens)
	SELECT DISTINCT ON (t.user_id, j.response_id) t.user_id, j.response_id, j.channel_id, coalesce(j.channel_key_id, 0), j.model_id,
		coalesce(j.input_tokens, 0)::bigint + coalesce(j.output_tokens, 0)
	FROM json_to_recordset(p_relays) AS j (task_id uuid, response_id text, channel_id bigint, channel_key_id bigint, model_id bigint, input_tokens int, output_tokens int)
		JOIN tasks t ON t.id = j.task_id
	WHERE j.response_id IS NOT NULL AND j.channel_id IS NOT NULL
	ORDER BY t.user_id, j.response_id
	ON CONFLICT (user_id, id) DO UPDATE SET channel_id = EXCLUDED.channel_id, key_id = EXCLUDED.key_id, model_id = EXCLUDED.model_id,
		tokens = EXCLUDED.tokens, created_at = now()
$$;
COMMENT ON FUNCTION responses_pin(json) IS
	'Notes which channels and keys keep the answers of settled calls: the elements of p_relays (relays_settle()) that have a response_id, the provider''s id of the answer.';

CREATE OR REPLACE FUNCTION seals_pin(p_calls json) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	INSERT INTO response_pins (user_id, id, channel_id, key_id, model_id, tokens)
	SELECT DISTINCT ON (1, 2) coalesce(j.user_id, t.user_id), j.seal_id, j.channel_id, coalesce(j.channel_key_id, 0), j.model_id, 0
	FROM json_to_recordset(p_calls) AS j (task_id uuid, user_id uuid, seal_id text, channel_id bigint, channel_key_id bigint, model_id bigint)
		LEFT JOIN tasks t ON t.id = j.task_id
	WHERE j.seal_id IS NOT NULL AND j.channel_id > 0 AND coalesce(j.user_id, t.user_id) IS NOT NULL
	ORDER BY 1, 2
	ON CONFLICT (user_id, id) DO UPDATE SET channel_id = EXCLUDED.channel_id, key_id = EXCLUDED.key_id, model_id = EXCLUDED.model_id,
		created_at = now()
$$;
COMMENT ON FUNCTION seals_pin(json) IS
	'Notes which channels and keys made the seals of answers (signatures of thoughts and calls, encrypted reasoning): the elements of p_calls that have a seal_id, seal: and the SHA-256 of it; of the user user_id, or else of the task task_id.';

CREATE OR REPLACE FUNCTION relays_settle(p_owner uuid, p_relays json)
	RETURNS TABLE (task_id uuid, settled boolean, charged numeric, balance numeric, held numeric, task_status text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_keys uuid[];
	v_ended task_ended[];
BEGIN
	v_keys := ARRAY(SELECT DISTINCT t.key_id FROM json_to_recordset(p_relays) AS j (task_id uuid)
		JOIN tasks t ON t.id = j.task_id WHERE t.key_id IS NOT NULL);
	PERFORM FROM api_keys k
	WHERE k.id = ANY (v_keys || ARRAY(SELECT o.rotated_to FROM api_keys o WHERE o.id = ANY (v_keys)))
	ORDER BY k.id FOR NO KEY UPDATE;
	v_ended := tasks_end(p_owner, ARRAY(
		SELECT ROW(j.task_id, j.outcome, j.error_code, j.error_message, j.input_tokens, j.output_tokens, j.estimated, j.cost,
			j.model_id, j.channel_id, j.latency_ms, j.first_token_ms, j.request_id,
			j.cached_tokens, j.cache_write_tokens, j.reasoning_tokens, coalesce(j.op, CASE WHEN p_owner IS NOT NULL THEN 'chat' END), j.details)::task_end
		FROM json_to_recordset(p_relays) AS j (task_id uuid, outcome text, error_code text, error_message text,
			input_tokens int, output_tokens int, estimated boolean, cost numeric, model_id bigint, channel_id bigint,
			latency_ms int, first_token_ms int, request_id text,
			cached_tokens int, cache_write_tokens int, reasoning_tokens int, op text, details jsonb)));
	PERFORM api_key_spend(s.key_id, s.charged)
	FROM (SELECT t.key_id, sum(e.charged) AS charged FROM unnest(v_ended) AS e JOIN tasks t ON t.id = e.task_id
		WHERE e.settled AND e.charged > 0 AND t.key_id IS NOT NULL GROUP BY t.key_id) AS s;
	IF position('"response_id"' IN p_relays::text) > 0 THEN
		PERFORM responses_pin(p_relays);
	END IF;
	IF position('"seal_id"' IN p_relays::text) > 0 THEN
		PERFORM seals_pin(p_relays);
	END IF;
	RETURN QUERY SELECT e.task_id, e.settled, e.charged, e.balance, e.held, e.status FROM unnest(v_ended) AS e;
END
$$;
COMMENT ON FUNCTION relays_settle(uuid, json) IS
	'Ends calls of the relay exactly once each, by tasks_end(), and charges their keys. p_relays is an array of objects: task_id, outcome (completed, failed, cancelled), error_code, error_message, input_tokens, output_tokens, estimated, cost, model_id, channel_id, latency_ms, first_token_ms, request_id, cached_tokens, cache_write_tokens, reasoning_tokens, op, details (usage.metadata), response_id, seal_id and channel_key_id (responses_pin(), seals_pin()).';
