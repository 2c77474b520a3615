-- The hand of the history checker: runs a script of operations, each in a transaction of its own, as a program would,
-- and notes when each began and ended and what it was told. See history.py.

CREATE OR REPLACE PROCEDURE history_run(p_ops jsonb, INOUT p_results text DEFAULT NULL)
	LANGUAGE plpgsql
AS $$
DECLARE
	op jsonb;
	began float8;
	said jsonb;
	results text[] := '{}';
BEGIN
	FOR op IN SELECT * FROM jsonb_array_elements(p_ops) LOOP
		began := extract(epoch FROM clock_timestamp());
		BEGIN
			CASE op->>'kind'
			WHEN 'open' THEN
				SELECT jsonb_build_object('outcome', r.outcome, 'balance', r.balance::text, 'existing', r.existing_task_id) INTO said
				FROM turn_open((op->>'task')::uuid, gen_random_uuid(), (op->>'user')::uuid, (op->>'conversation')::uuid,
					gen_random_uuid(), gen_random_uuid(), 'history', '[]', NULL, (op->>'amount')::numeric, (op->>'lease')::int,
					(op->>'owner')::uuid, NULL, NULL, NULL, 'send', NULL, NULL, op->>'key', 'POST /x',
					decode(op->>'hash', 'hex')) AS r;
			WHEN 'settle' THEN
				SELECT jsonb_build_object('outcome', r.settled::text, 'balance', r.balance::text, 'charged', r.charged::text,
					'status', r.task_status) INTO said
				FROM turn_settle((op->>'task')::uuid, (op->>'owner')::uuid, op->>'end', op->>'message', 'text', NULL, NULL, NULL,
					1, 1, false, (op->>'amount')::numeric, NULL, NULL, 1, 1, 'history') AS r;
			WHEN 'hold' THEN
				SELECT jsonb_build_object('outcome', r.outcome, 'balance', r.balance::text) INTO said
				FROM credits_hold((op->>'task')::uuid, gen_random_uuid(), (op->>'user')::uuid, (op->>'amount')::numeric,
					'history', (op->>'lease')::int) AS r;
			WHEN 'confirm' THEN
				SELECT jsonb_build_object('outcome', r.outcome, 'balance', r.balance::text, 'charged', r.charged::text) INTO said
				FROM credits_confirm((op->>'task')::uuid, (op->>'amount')::numeric, 'chat_cost') AS r;
			WHEN 'refund' THEN
				SELECT jsonb_build_object('outcome', r.outcome, 'balance', r.balance::text) INTO said
				FROM credits_refund((op->>'task')::uuid, 'history') AS r;
			WHEN 'grant' THEN
				SELECT jsonb_build_object('outcome', r.outcome, 'balance', r.balance::text) INTO said
				FROM credits_grant((op->>'user')::uuid, (op->>'amount')::numeric, 'admin_adjustment', op->>'note', NULL) AS r;
			WHEN 'deduct' THEN
				SELECT jsonb_build_object('outcome', CASE WHEN (r->>'success')::boolean THEN 'ok' ELSE r->>'message' END,
					'balance', r->>'new_balance') INTO said
				FROM deduct_credits_atomic((op->>'user')::uuid, (op->>'amount')::numeric, op->>'note', 'chat_cost') AS r;
			WHEN 'expire' THEN
				SELECT jsonb_build_object('outcome', 'ok', 'count', credits_expire(20)) INTO said;
			WHEN 'extend' THEN
				SELECT jsonb_build_object('outcome', 'ok', 'count', credits_extend((op->>'owner')::uuid, 600)) INTO said;
			END CASE;
		EXCEPTION WHEN OTHERS THEN
			said := jsonb_build_object('outcome', 'error', 'sqlstate', SQLSTATE, 'text', SQLERRM);
		END;
		COMMIT;
		results := results || jsonb_build_array(op->'n', began, extract(epoch FROM clock_timestamp()), said)::text;
	END LOOP;
	p_results := '[' || array_to_string(results, ',') || ']';
END
$$;
