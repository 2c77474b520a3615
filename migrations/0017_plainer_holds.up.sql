-- Holds for less work in the database.
--
-- * A function with SET search_path of its own has it looked up again at every call, and all its plans with it: those that
--   only other functions call, and triggers, take their caller's.
-- * Plain statements start faster than one WITH for several tables, and a function that returns one value is an expression
--   where one that returns a table is a query.

ALTER FUNCTION check_hold() RESET search_path;
ALTER FUNCTION check_task() RESET search_path;

CREATE OR REPLACE FUNCTION credits_take(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_amount numeric, p_reason text, p_lease_s int)
	RETURNS hold_taken
	LANGUAGE plpgsql
AS $$
DECLARE
	v_amount numeric := round(p_amount, 6);
	v_balance numeric;
BEGIN
	IF v_amount IS NULL OR v_amount <= 0 OR v_amount IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'credits_take: bad amount %', p_amount USING ERRCODE = 'invalid_parameter_value';
	END IF;
	UPDATE users u SET credits = u.credits - v_amount, updated_at = now()
	WHERE u.id = p_user_id AND u.credits >= v_amount
		AND NOT EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id)
	RETURNING u.credits INTO v_balance;
	IF FOUND THEN
		-- Looked for again: a rival that had the user locked may have made it since. Who meets it in ON CONFLICT waits there
		-- for what ends it, with the user locked that this wants next; the order of locks is hold, user.
		INSERT INTO credit_transactions (id, task_id, user_id, amount, reason, expires_at)
		SELECT p_transaction_id, p_task_id, p_user_id, v_amount, left(p_reason, 100), now() + make_interval(secs => p_lease_s)
		WHERE NOT EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id)
		ON CONFLICT (task_id) DO NOTHING;
		IF FOUND THEN
			INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
			VALUES (p_user_id, 'hold', -v_amount, v_balance, coalesce(p_reason, ''), p_task_id);
			RETURN ROW('ok'::text, v_balance)::hold_taken;
		END IF;
		-- a rival made the same hold just now: give back the debit nobody saw
		UPDATE users u SET credits = u.credits + v_amount WHERE u.id = p_user_id RETURNING u.credits INTO v_balance;
		RETURN ROW('duplicate'::text, v_balance)::hold_taken;
	END IF;
	SELECT u.credits INTO v_balance FROM users u WHERE u.id = p_user_id;
	RETURN ROW(CASE
		WHEN v_balance IS NULL THEN 'no_user'
		WHEN EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id) THEN 'duplicate'
		ELSE 'insufficient' END, v_balance)::hold_taken;
END
$$;

DROP FUNCTION credits_end_hold(uuid, text, numeric, credits_change_type, text);
CREATE FUNCTION credits_end_hold(p_task_id uuid, p_status text, p_used numeric, p_change_type credits_change_type, p_reason text)
	RETURNS hold_ended
	LANGUAGE plpgsql
AS $$
DECLARE
	v_user_id uuid;
	v_reason text;
	v_held numeric;
	v_charged numeric;
	v_balance numeric;
BEGIN
	UPDATE credit_transactions t
	SET status = p_status,
		used = CASE WHEN p_status = 'confirmed' THEN least(greatest(round(p_used, 6), 0), t.amount) ELSE 0 END,
		settled_at = now(),
		confirmed_at = CASE WHEN p_status = 'confirmed' THEN now() END,
		reason = CASE WHEN p_status = 'confirmed' THEN t.reason ELSE left(coalesce(p_reason, t.reason), 100) END
	-- "still pending", written so that the planner cannot take the index on status and walk its dead entries
	WHERE t.task_id = p_task_id AND t.status NOT IN ('confirmed', 'refunded', 'expired')
	RETURNING t.user_id, t.amount, t.used, coalesce(p_reason, t.reason, '')
	INTO v_user_id, v_held, v_charged, v_reason;
	IF NOT FOUND THEN
		SELECT t.amount, t.used, u.credits INTO v_held, v_charged, v_balance
		FROM credit_transactions t JOIN users u ON u.id = t.user_id
		-- one that was made since the update looked is not over: to this call it was not there
		WHERE t.task_id = p_task_id AND t.settled_at IS NOT NULL;
		RETURN ROW(p_task_id, false, v_held, v_charged, v_balance)::hold_ended;
	END IF;
	UPDATE users u SET credits = u.credits + v_held - v_charged, updated_at = now()
	WHERE u.id = v_user_id
	RETURNING u.credits INTO v_balance;
	IF v_charged = 0 THEN
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		VALUES (v_user_id, 'hold_release', v_held, v_balance, v_reason, p_task_id);
	ELSE
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		VALUES (v_user_id, 'hold_release', v_held, v_balance + v_charged, v_reason, p_task_id),
			(v_user_id, p_change_type, -v_charged, v_balance, v_reason, p_task_id);
	END IF;
	RETURN ROW(p_task_id, true, v_held, v_charged, v_balance)::hold_ended;
END
$$;
COMMENT ON FUNCTION credits_end_hold(uuid, text, numeric, credits_change_type, text) IS
	'The only way out of a pending hold: confirmed keeps min(used, held) and returns the rest, refunded and expired return all. The status change decides; a hold that has ended already is reported with ended = false and nothing moves. No hold: held is NULL.';

CREATE OR REPLACE FUNCTION credits_end_holds(p_ends hold_end[]) RETURNS hold_ended[]
	LANGUAGE plpgsql
AS $$
DECLARE
	v_done hold_ended[];
	v_one hold_ended;
BEGIN
	IF cardinality(p_ends) = 1 THEN
		-- the same for one, in statements that are quicker to start
		v_one := credits_end_hold(p_ends[1].task_id, p_ends[1].status, p_ends[1].used, p_ends[1].change_type, p_ends[1].reason);
		RETURN CASE WHEN v_one.held IS NULL THEN '{}' ELSE ARRAY[v_one] END;
	END IF;
	WITH hold AS (
		UPDATE credit_transactions t
		SET status = e.status,
			used = CASE WHEN e.status = 'confirmed' THEN least(greatest(round(e.used, 6), 0), t.amount) ELSE 0 END,
			settled_at = now(),
			confirmed_at = CASE WHEN e.status = 'confirmed' THEN now() END,
			reason = CASE WHEN e.status = 'confirmed' THEN t.reason ELSE left(coalesce(e.reason, t.reason), 100) END
		FROM unnest(p_ends) AS e
		-- "still pending", written so that the planner cannot take the index on status and walk its dead entries
		WHERE t.task_id = e.task_id AND t.status NOT IN ('confirmed', 'refunded', 'expired')
		RETURNING t.task_id, t.user_id, t.amount, t.used, e.change_type, coalesce(e.reason, t.reason, '') AS description
	), credit AS (
		UPDATE users u
		SET credits = u.credits + back.amount, updated_at = now()
		-- in the order of their ids, so that two calls at a time cannot lock each other out
		FROM (SELECT h.user_id, sum(h.amount - h.used) AS amount FROM hold h GROUP BY h.user_id ORDER BY h.user_id) AS back
		WHERE u.id = back.user_id
		RETURNING u.id AS user_id, u.credits, u.credits - back.amount AS before
	), history AS (
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		-- one after the other, as if each had ended alone
		SELECT h.user_id, c.type, c.amount,
			r.before + sum(c.amount) OVER (PARTITION BY h.user_id ORDER BY h.task_id, c.n), h.description, h.task_id
		FROM hold h JOIN credit r ON r.user_id = h.user_id, LATERAL (VALUES
			(1, 'hold_release'::credits_change_type, h.amount),
			(2, h.change_type, -h.used)) AS c (n, type, amount)
		WHERE c.amount <> 0
		ORDER BY h.user_id, h.task_id, c.n
	)
	SELECT coalesce(array_agg(ROW(h.task_id, true, h.amount, h.used, r.credits)::hold_ended), '{}') INTO v_done
	FROM hold h JOIN credit r ON r.user_id = h.user_id;
	IF cardinality(v_done) < cardinality(p_ends) THEN
		v_done := v_done || ARRAY(
			SELECT ROW(t.task_id, false, t.amount, t.used, u.credits)::hold_ended
			FROM unnest(p_ends) AS e JOIN credit_transactions t ON t.task_id = e.task_id JOIN users u ON u.id = t.user_id
			-- one that was made since the update looked is not over: to this call it was not there
			WHERE t.settled_at IS NOT NULL AND e.task_id NOT IN (SELECT d.task_id FROM unnest(v_done) AS d));
	END IF;
	RETURN v_done;
END
$$;

CREATE OR REPLACE FUNCTION credits_confirm(p_task_id uuid, p_used numeric, p_change_type credits_change_type)
	RETURNS TABLE (outcome text, charged numeric, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v hold_ended;
BEGIN
	IF p_used IS NULL OR p_used < 0 OR p_used IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'credits_confirm: bad amount %', p_used USING ERRCODE = 'invalid_parameter_value';
	END IF;
	v := credits_end_hold(p_task_id, 'confirmed', p_used, p_change_type, NULL);
	outcome := CASE WHEN v.ended THEN 'ok' WHEN v.held IS NULL THEN 'missing' ELSE 'already' END;
	charged := v.charged;
	balance := v.balance;
	RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION credits_refund(p_task_id uuid, p_reason text)
	RETURNS TABLE (outcome text, returned numeric, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v hold_ended;
BEGIN
	v := credits_end_hold(p_task_id, 'refunded', 0, 'refund', p_reason);
	outcome := CASE WHEN v.ended THEN 'ok' WHEN v.held IS NULL THEN 'missing' ELSE 'already' END;
	returned := CASE WHEN v.ended THEN v.held ELSE 0 END;
	balance := v.balance;
	RETURN NEXT;
END
$$;
