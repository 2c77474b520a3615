-- Calls of the relay: opened and settled as every task is, with no message beside them.

CREATE OR REPLACE FUNCTION relay_open(
	p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_key_id uuid, p_model_id bigint, p_hold numeric, p_lease_s int,
	p_owner uuid, p_user_limit int, p_prompt_tokens int, p_idem_key text, p_idem_route text, p_idem_hash bytea)
	RETURNS TABLE (outcome text, balance numeric, required numeric, existing_task_id uuid, held numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v task_opened;
BEGIN
	v := task_open(ROW(p_task_id, p_transaction_id, p_user_id, 'relay', NULL, p_owner, p_model_id, p_hold, p_lease_s,
		left('api: ' || coalesce((SELECT m.name FROM llm_models m WHERE m.id = p_model_id), ''), 100), p_user_limit, NULL, NULL,
		p_idem_key, p_idem_route, p_idem_hash, NULL, NULL, NULL, NULL, p_key_id, p_prompt_tokens)::task_ask);
	RETURN QUERY SELECT v.outcome, v.balance, round(p_hold, 6), v.existing_task_id, credits_held(p_user_id);
END
$$;
COMMENT ON FUNCTION relay_open(uuid, uuid, uuid, uuid, bigint, numeric, int, uuid, int, int, text, text, bytea) IS
	'Opens a call of the relay: task_open() for a task without conversation. held is what the user''s live tasks hold, this one included.';

CREATE OR REPLACE FUNCTION relays_settle(p_owner uuid, p_relays json)
	RETURNS TABLE (task_id uuid, settled boolean, charged numeric, balance numeric, held numeric, task_status text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_ended task_ended[];
BEGIN
	v_ended := tasks_end(p_owner, ARRAY(
		SELECT ROW(j.task_id, j.outcome, j.error_code, j.error_message, j.input_tokens, j.output_tokens, j.estimated, j.cost,
			j.model_id, j.channel_id, j.latency_ms, j.first_token_ms, j.request_id,
			j.cached_tokens, j.cache_write_tokens, j.reasoning_tokens)::task_end
		FROM json_to_recordset(p_relays) AS j (task_id uuid, outcome text, error_code text, error_message text,
			input_tokens int, output_tokens int, estimated boolean, cost numeric, model_id bigint, channel_id bigint,
			latency_ms int, first_token_ms int, request_id text,
			cached_tokens int, cache_write_tokens int, reasoning_tokens int)));
	RETURN QUERY SELECT e.task_id, e.settled, e.charged, e.balance, e.held, e.status FROM unnest(v_ended) AS e;
END
$$;
COMMENT ON FUNCTION relays_settle(uuid, json) IS
	'Ends calls of the relay exactly once each, by tasks_end(). p_relays is an array of objects: task_id, outcome (completed, failed, cancelled), error_code, error_message, input_tokens, output_tokens, estimated, cost, model_id, channel_id, latency_ms, first_token_ms, request_id, cached_tokens, cache_write_tokens, reasoning_tokens.';
