-- Every function that changes a balance, and the triggers that keep holds and history sound.
--
-- A hold debits the balance at once and is a row of credit_transactions; it ends exactly once, decided by
-- UPDATE ... WHERE still pending. The order of locks stands at the head of task.sql.

CREATE OR REPLACE FUNCTION credits_history_refuse_change() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- the one lawful removal: the cascade of a user who is already gone
	IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'credits_history is append-only (% refused)', TG_OP
		USING ERRCODE = 'insufficient_privilege', HINT = 'Write a correcting row with credits_grant().';
END
$$;
COMMENT ON FUNCTION credits_history_refuse_change() IS 'Keeps credits_history append-only, for the owner too.';
CREATE OR REPLACE TRIGGER credits_history_append_only BEFORE UPDATE OR DELETE ON credits_history
	FOR EACH ROW EXECUTE FUNCTION credits_history_refuse_change();
CREATE OR REPLACE TRIGGER credits_history_no_truncate BEFORE TRUNCATE ON credits_history
	FOR EACH STATEMENT EXECUTE FUNCTION credits_history_refuse_change();

CREATE OR REPLACE FUNCTION credits_history_forget() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	DELETE FROM credits_history h WHERE h.user_id = OLD.id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION credits_history_forget() IS 'Trigger: the history of a user goes with the user.';
CREATE OR REPLACE TRIGGER users_history AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION credits_history_forget();

CREATE OR REPLACE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
	IF NEW.used > NEW.amount OR (NEW.used <> 0 AND NEW.status <> 'confirmed')
		OR (NEW.status = 'pending') <> (NEW.settled_at IS NULL)
		OR (NEW.status = 'confirmed') <> (NEW.confirmed_at IS NOT NULL) THEN
		RAISE EXCEPTION 'a hold of % cannot be % with % used', NEW.amount, NEW.status, NEW.used
			USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION check_hold() IS
	'Trigger credit_tx_sound: a hold uses no more than it holds, and only when confirmed; it has a time of its end if it has ended.';
CREATE OR REPLACE TRIGGER credit_tx_sound BEFORE INSERT OR UPDATE ON credit_transactions FOR EACH ROW EXECUTE FUNCTION check_hold();

CREATE OR REPLACE FUNCTION deduct_credits_atomic(p_user_id uuid, p_amount numeric, p_reason text, p_change_type credits_change_type)
	RETURNS jsonb
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_amount numeric := round(p_amount, 6);
	v_balance numeric;
BEGIN
	IF v_amount IS NULL OR v_amount <= 0 OR v_amount IN ('NaN', 'Infinity') THEN
		RETURN jsonb_build_object('success', false, 'message', 'Invalid amount');
	END IF;
	WITH debit AS (
		UPDATE users SET credits = credits - v_amount, updated_at = now()
		WHERE id = p_user_id AND credits >= v_amount
		RETURNING credits
	), history AS (
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description)
		SELECT p_user_id, p_change_type, -v_amount, credits, coalesce(p_reason, '') FROM debit
	)
	SELECT credits INTO v_balance FROM debit;
	IF v_balance IS NOT NULL THEN
		RETURN jsonb_build_object('success', true, 'new_balance', trim_scale(v_balance));
	END IF;
	IF NOT EXISTS (SELECT FROM users WHERE id = p_user_id) THEN
		RETURN jsonb_build_object('success', false, 'message', 'User not found');
	END IF;
	RETURN jsonb_build_object('success', false, 'message', 'Insufficient credits');
END
$$;
COMMENT ON FUNCTION deduct_credits_atomic(uuid, numeric, text, credits_change_type) IS
	'Takes credits at once if there are enough, with its history row: {success:true,new_balance} or {success:false,message}. Not idempotent: for work that may be retried or may fail, hold and settle.';

CREATE OR REPLACE FUNCTION credits_grant(p_user_id uuid, p_amount numeric, p_change_type credits_change_type, p_description text, p_actor uuid)
	RETURNS TABLE (outcome text, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_amount numeric := round(p_amount, 6);
BEGIN
	IF v_amount IS NULL OR v_amount IN ('NaN', 'Infinity', '-Infinity') THEN
		RAISE EXCEPTION 'credits_grant: bad amount %', p_amount USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF v_amount <> 0 THEN
		WITH credit AS (
			UPDATE users u SET credits = u.credits + v_amount, updated_at = now()
			WHERE u.id = p_user_id AND u.credits + v_amount >= 0
			RETURNING u.credits
		), history AS (
			INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, actor_id)
			SELECT p_user_id, p_change_type, v_amount, c.credits, coalesce(p_description, ''), p_actor FROM credit c
		)
		SELECT c.credits INTO balance FROM credit c;
		IF balance IS NOT NULL THEN
			outcome := 'ok';
			RETURN NEXT;
			RETURN;
		END IF;
	END IF;
	SELECT u.credits INTO balance FROM users u WHERE u.id = p_user_id;
	outcome := CASE WHEN balance IS NULL THEN 'no_user' WHEN v_amount = 0 THEN 'ok' ELSE 'insufficient' END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_grant(uuid, numeric, credits_change_type, text, uuid) IS
	'Gives credits, or takes them when the amount is negative, but never below zero. outcome: ok, insufficient, no_user.';

CREATE OR REPLACE FUNCTION credits_held(p_user_id uuid) RETURNS numeric
	LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
	-- plpgsql keeps the plan for the session; an SQL function would be planned at every call
	RETURN (SELECT coalesce(sum(t.credits_locked), 0) FROM tasks t WHERE t.user_id = p_user_id AND t.completed_at IS NULL)
		+ (SELECT coalesce(sum(a.amount), 0) FROM allowances a WHERE a.user_id = p_user_id AND a.ended_at IS NULL);
END
$$;
COMMENT ON FUNCTION credits_held(uuid) IS
	'What "held" means everywhere: the credits locked by a user''s live tasks, which is the sum of the pending holds (I2), and the allowances of the account. Volatile, so that beside a function that opens or ends tasks in one statement it sees what that did.';

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
		-- for what ends it, and that has the hold locked and wants the user.
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
COMMENT ON FUNCTION credits_take(uuid, uuid, uuid, numeric, text, int) IS
	'Sets credits aside for a task: debits the balance, inserts the hold and its history row, or does nothing. outcome: ok, insufficient, no_user, duplicate (the task has a hold already, in whatever state). The lease is in seconds.';

CREATE OR REPLACE FUNCTION credits_hold(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_amount numeric, p_reason text, p_lease_s int)
	RETURNS TABLE (outcome text, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_taken hold_taken := credits_take(p_task_id, p_transaction_id, p_user_id, p_amount, p_reason, p_lease_s);
BEGIN
	outcome := v_taken.outcome;
	balance := v_taken.balance;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_hold(uuid, uuid, uuid, numeric, text, int) IS 'credits_take() as a row.';

CREATE OR REPLACE FUNCTION credits_end_hold(p_task_id uuid, p_status text, p_used numeric, p_change_type credits_change_type, p_reason text)
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
COMMENT ON FUNCTION credits_end_holds(hold_end[]) IS
	'credits_end_hold() for many at once. A task without a hold is not in the answer. balance is after all of them.';

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
COMMENT ON FUNCTION credits_confirm(uuid, numeric, credits_change_type) IS
	'Ends a hold by charging min(used, held) and returning the rest. outcome: ok; already (ended before; charged is what it was charged then); missing.';

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
COMMENT ON FUNCTION credits_refund(uuid, text) IS
	'Ends a hold by returning all of it. outcome: ok, already, missing; returned is what this very call gave back, 0 unless ok.';

CREATE OR REPLACE FUNCTION refund_credits(p_user_id uuid, p_amount numeric, p_task_id uuid) RETURNS jsonb
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
BEGIN
	IF NOT EXISTS (SELECT FROM credit_transactions
			WHERE task_id = p_task_id AND user_id = p_user_id AND amount = round(p_amount, 6)) THEN
		RETURN jsonb_build_object('success', false, 'message', 'No such hold');
	END IF;
	SELECT * INTO v FROM credits_refund(p_task_id, 'refund');
	IF v.outcome <> 'ok' THEN
		RETURN jsonb_build_object('success', false, 'message', 'Already settled');
	END IF;
	RETURN jsonb_build_object('success', true, 'new_balance', trim_scale(v.balance));
END
$$;
COMMENT ON FUNCTION refund_credits(uuid, numeric, uuid) IS
	'A refund of a user and an amount alone would add to the balance as often as it is called. This one names the hold that it ends, so a second call, or one with another user or amount, pays nothing.';

CREATE OR REPLACE FUNCTION credits_extend(p_owner uuid, p_lease_s int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_extended int;
BEGIN
	-- one that is locked is being ended
	UPDATE credit_transactions h
	SET expires_at = now() + make_interval(secs => p_lease_s)
	WHERE h.id = ANY (ARRAY(
		SELECT c.id FROM tasks t JOIN credit_transactions c ON c.task_id = t.id
		WHERE t.owner = p_owner AND t.completed_at IS NULL AND c.status = 'pending'
			AND c.expires_at < now() + make_interval(secs => p_lease_s) / 2
		FOR NO KEY UPDATE OF c SKIP LOCKED));
	GET DIAGNOSTICS v_extended = ROW_COUNT;
	-- of those that a job carries, whichever process looks first
	UPDATE credit_transactions h
	SET expires_at = now() + make_interval(secs => p_lease_s)
	WHERE h.id = ANY (ARRAY(
		SELECT c.id FROM credit_transactions c JOIN tasks t ON t.id = c.task_id
		WHERE c.status = 'pending' AND c.expires_at < now() + make_interval(secs => p_lease_s) / 2
			AND t.job_id IS NOT NULL AND t.completed_at IS NULL AND task_is_alive(t)
		FOR NO KEY UPDATE OF c SKIP LOCKED));
	RETURN v_extended;
END
$$;
COMMENT ON FUNCTION credits_extend(uuid, int) IS
	'Renews the leases of holds whose tasks this process carries, or a job that lives, those with less than half a lease left. Called with the heartbeat; returns how many of its own.';
