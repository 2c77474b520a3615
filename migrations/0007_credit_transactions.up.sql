-- Holds, and every function that changes a balance.
--
-- A hold debits the balance at once and is a row here; it ends exactly once, decided by
-- UPDATE ... WHERE status = 'pending'. All locks are taken in one order everywhere:
-- task, conversation, message, hold, user. The user's row comes last because it is the hottest.

CREATE DOMAIN credits_positive AS numeric(20,6) CHECK (VALUE > 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_positive IS 'Credits, more than none.';
CREATE DOMAIN hold_type AS varchar(20) CHECK (VALUE IN ('lock', 'deduct', 'refund'));
COMMENT ON DOMAIN hold_type IS 'Kinds of transaction; holds are lock.';
CREATE DOMAIN hold_status AS varchar(20) CHECK (VALUE IN ('pending', 'confirmed', 'refunded', 'expired'));
COMMENT ON DOMAIN hold_status IS 'pending until it ends, once, in one of the other three.';

CREATE TABLE credit_transactions (
	id uuid PRIMARY KEY,
	task_id uuid NOT NULL CONSTRAINT idx_credit_tx_task UNIQUE,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	amount credits_positive NOT NULL,
	used credits_amount NOT NULL DEFAULT 0,
	type hold_type NOT NULL DEFAULT 'lock',
	status hold_status NOT NULL DEFAULT 'pending',
	reason varchar(100),
	created_at timestamptz NOT NULL DEFAULT now(),
	confirmed_at timestamptz,
	settled_at timestamptz,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
	CONSTRAINT credit_tx_used_within_held CHECK (used <= amount),
	CONSTRAINT credit_tx_only_confirmed_uses CHECK (used = 0 OR status = 'confirmed'),
	CONSTRAINT credit_tx_ended_has_time CHECK ((status = 'pending') = (settled_at IS NULL)),
	CONSTRAINT credit_tx_confirmed_has_time CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX idx_credit_tx_user ON credit_transactions (user_id, created_at DESC);
CREATE INDEX idx_credit_tx_status ON credit_transactions (status, expires_at);
COMMENT ON TABLE credit_transactions IS
	'Holds. Inserted when a paid task opens, updated once when it ends; about 200 bytes and four index entries each. idx_credit_tx_task is the index of the unique constraint.';
COMMENT ON COLUMN credit_transactions.id IS 'UUIDv7.';
COMMENT ON COLUMN credit_transactions.task_id IS 'Idempotency key: one hold per task. No foreign key, so that a hold may precede its task''s row.';
COMMENT ON COLUMN credit_transactions.user_id IS 'Whose credits.';
COMMENT ON COLUMN credit_transactions.amount IS 'Credits held.';
COMMENT ON COLUMN credit_transactions.used IS 'Credits kept at the end; amount - used went back. Zero unless confirmed.';
COMMENT ON COLUMN credit_transactions.type IS 'lock: a hold, the only kind the functions write. deduct and refund are reserved.';
COMMENT ON COLUMN credit_transactions.status IS 'pending until it ends, once, as confirmed, refunded or expired.';
COMMENT ON COLUMN credit_transactions.reason IS 'What the hold is for, or why it went back.';
COMMENT ON COLUMN credit_transactions.created_at IS 'When it was taken.';
COMMENT ON COLUMN credit_transactions.confirmed_at IS 'When it was confirmed; NULL for any other end.';
COMMENT ON COLUMN credit_transactions.settled_at IS 'When it ended, in whichever way; NULL while pending.';
COMMENT ON COLUMN credit_transactions.expires_at IS 'End of the lease; extended by the owner''s heartbeat while the task lives.';

ALTER TABLE credit_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY credit_transactions_service_all ON credit_transactions FOR ALL TO weir_service USING (true) WITH CHECK (true);
CREATE POLICY credit_transactions_owner_select ON credit_transactions FOR SELECT TO weir_user
	USING (user_id = nullif(current_setting('weir.user_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON credit_transactions TO weir_service;
GRANT SELECT ON credit_transactions TO weir_user;

CREATE FUNCTION deduct_credits_atomic(p_user_id uuid, p_amount numeric, p_reason text, p_change_type credits_change_type)
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

CREATE FUNCTION credits_grant(p_user_id uuid, p_amount numeric, p_change_type credits_change_type, p_description text, p_actor uuid)
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

CREATE FUNCTION credits_hold(p_task_id uuid, p_transaction_id uuid, p_user_id uuid, p_amount numeric, p_reason text, p_lease_s int)
	RETURNS TABLE (outcome text, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_amount numeric := round(p_amount, 6);
	v_inserted boolean;
BEGIN
	IF v_amount IS NULL OR v_amount <= 0 OR v_amount IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'credits_hold: bad amount %', p_amount USING ERRCODE = 'invalid_parameter_value';
	END IF;
	WITH debit AS (
		UPDATE users u SET credits = u.credits - v_amount, updated_at = now()
		WHERE u.id = p_user_id AND u.credits >= v_amount
			AND NOT EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id)
		RETURNING u.credits
	), tx AS (
		INSERT INTO credit_transactions AS t (id, task_id, user_id, amount, reason, expires_at)
		SELECT p_transaction_id, p_task_id, p_user_id, v_amount, left(p_reason, 100), now() + make_interval(secs => p_lease_s)
		FROM debit
		ON CONFLICT (task_id) DO NOTHING
		RETURNING t.id
	), history AS (
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		SELECT p_user_id, 'hold', -v_amount, d.credits, coalesce(p_reason, ''), p_task_id FROM debit d, tx
	)
	SELECT d.credits, EXISTS (SELECT FROM tx) INTO balance, v_inserted FROM debit d;
	IF v_inserted THEN
		outcome := 'ok';
	ELSIF balance IS NOT NULL THEN
		-- a rival made the same hold just now: give back the debit nobody saw
		UPDATE users u SET credits = u.credits + v_amount WHERE u.id = p_user_id RETURNING u.credits INTO balance;
		outcome := 'duplicate';
	ELSE
		SELECT u.credits INTO balance FROM users u WHERE u.id = p_user_id;
		outcome := CASE
			WHEN balance IS NULL THEN 'no_user'
			WHEN EXISTS (SELECT FROM credit_transactions t WHERE t.task_id = p_task_id) THEN 'duplicate'
			ELSE 'insufficient' END;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_hold(uuid, uuid, uuid, numeric, text, int) IS
	'Sets credits aside for a task: debits the balance, inserts the hold and its history row, or does nothing. outcome: ok, insufficient, no_user, duplicate (the task has a hold already, in whatever state). The lease is in seconds.';

CREATE FUNCTION credits_end_hold(p_task_id uuid, p_status text, p_used numeric, p_change_type credits_change_type, p_reason text)
	RETURNS TABLE (ended boolean, held numeric, charged numeric, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_user_id uuid;
	v_reason text;
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
	INTO v_user_id, held, charged, v_reason;
	ended := FOUND;
	IF NOT ended THEN
		SELECT t.amount, t.used, u.credits INTO held, charged, balance
		FROM credit_transactions t JOIN users u ON u.id = t.user_id
		-- one that was made since the update looked is not over: to this call it was not there
		WHERE t.task_id = p_task_id AND t.settled_at IS NOT NULL;
		RETURN NEXT;
		RETURN;
	END IF;
	WITH credit AS (
		UPDATE users u SET credits = u.credits + held - charged, updated_at = now()
		WHERE u.id = v_user_id
		RETURNING u.credits
	), history AS (
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, task_id)
		SELECT v_user_id, h.change_type, h.amount, h.balance_after, v_reason, p_task_id
		FROM credit c, LATERAL (VALUES
			(1, 'hold_release'::credits_change_type, held, c.credits + charged),
			(2, p_change_type, -charged, c.credits)) AS h (n, change_type, amount, balance_after)
		WHERE h.amount <> 0
		ORDER BY h.n
	)
	SELECT c.credits INTO balance FROM credit c;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_end_hold(uuid, text, numeric, credits_change_type, text) IS
	'The only way out of a pending hold: confirmed keeps min(used, held) and returns the rest, refunded and expired return all. The status change decides; a hold that has ended already is reported with ended = false and nothing moves. No hold: held is NULL.';

CREATE FUNCTION credits_confirm(p_task_id uuid, p_used numeric, p_change_type credits_change_type)
	RETURNS TABLE (outcome text, charged numeric, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
BEGIN
	IF p_used IS NULL OR p_used < 0 OR p_used IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'credits_confirm: bad amount %', p_used USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO v FROM credits_end_hold(p_task_id, 'confirmed', p_used, p_change_type, NULL);
	outcome := CASE WHEN v.ended THEN 'ok' WHEN v.held IS NULL THEN 'missing' ELSE 'already' END;
	charged := v.charged;
	balance := v.balance;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_confirm(uuid, numeric, credits_change_type) IS
	'Ends a hold by charging min(used, held) and returning the rest. outcome: ok; already (ended before; charged is what it was charged then); missing.';

CREATE FUNCTION credits_refund(p_task_id uuid, p_reason text)
	RETURNS TABLE (outcome text, returned numeric, balance numeric)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
BEGIN
	SELECT * INTO v FROM credits_end_hold(p_task_id, 'refunded', 0, 'refund', p_reason);
	outcome := CASE WHEN v.ended THEN 'ok' WHEN v.held IS NULL THEN 'missing' ELSE 'already' END;
	returned := CASE WHEN v.ended THEN v.held ELSE 0 END;
	balance := v.balance;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION credits_refund(uuid, text) IS
	'Ends a hold by returning all of it. outcome: ok, already, missing; returned is what this very call gave back, 0 unless ok.';

CREATE FUNCTION refund_credits(p_user_id uuid, p_amount numeric, p_task_id uuid) RETURNS jsonb
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

CREATE FUNCTION credits_extend(p_owner uuid, p_lease_s int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_extended int;
BEGIN
	UPDATE credit_transactions c
	SET expires_at = now() + make_interval(secs => p_lease_s)
	FROM tasks t
	WHERE t.owner = p_owner AND t.completed_at IS NULL
		AND c.task_id = t.id AND c.status = 'pending'
		AND c.expires_at < now() + make_interval(secs => p_lease_s) / 2;
	GET DIAGNOSTICS v_extended = ROW_COUNT;
	RETURN v_extended;
END
$$;
COMMENT ON FUNCTION credits_extend(uuid, int) IS
	'Renews the leases of holds whose tasks this process carries, those with less than half a lease left. Called with the heartbeat; returns how many.';

CREATE FUNCTION message_restore(p_message_id uuid, p_task_id uuid, p_prev jsonb) RETURNS SETOF conversation_messages
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE conversation_messages SET
		status = p_prev->>'status', content = p_prev->>'content', reasoning = p_prev->>'reasoning',
		error_message = p_prev->>'error_message', model = p_prev->>'model',
		input_tokens = (p_prev->>'input_tokens')::int, output_tokens = (p_prev->>'output_tokens')::int,
		credits_cost = (p_prev->>'credits_cost')::numeric, task_id = (p_prev->>'task_id')::uuid,
		updated_at = now()
	WHERE id = p_message_id AND task_id = p_task_id
	RETURNING *
$$;
COMMENT ON FUNCTION message_restore(uuid, uuid, jsonb) IS
	'Puts a message that was being regenerated in place back to what tasks.prev_message remembers.';

CREATE FUNCTION credits_expire(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_hold record;
	v_task tasks;
	v_end record;
	v_expired int := 0;
BEGIN
	-- users in one order, so that two sweeps at a time cannot lock each other out
	FOR v_hold IN
		SELECT c.task_id, c.user_id FROM (
			SELECT task_id, user_id FROM credit_transactions
			WHERE status = 'pending' AND expires_at < now()
			ORDER BY expires_at LIMIT p_limit) AS c
		ORDER BY c.user_id, c.task_id
	LOOP
		SELECT * INTO v_task FROM tasks WHERE id = v_hold.task_id FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			IF EXISTS (SELECT FROM tasks WHERE id = v_hold.task_id) THEN
				CONTINUE;	-- somebody is ending it
			END IF;
		ELSIF v_task.status IN ('pending', 'running') AND process_is_alive(v_task.owner) THEN
			CONTINUE;
		END IF;
		IF v_task.status IN ('pending', 'running') THEN
			UPDATE tasks SET status = 'failed', completed_at = now(),
				error_code = 'expired', error_message = 'the hold expired'
			WHERE id = v_task.id;
			IF v_task.prev_message IS NOT NULL THEN
				PERFORM message_restore(v_task.message_id, v_task.id, v_task.prev_message);
			ELSE
				UPDATE conversation_messages SET status = 'error', error_message = 'the hold expired', updated_at = now()
				WHERE id = v_task.message_id AND task_id = v_task.id AND status IN ('pending', 'processing');
			END IF;
		END IF;
		SELECT * INTO v_end FROM credits_end_hold(v_hold.task_id, 'expired', 0, 'refund', 'expired');
		v_expired := v_expired + v_end.ended::int;
	END LOOP;
	RETURN v_expired;
END
$$;
COMMENT ON FUNCTION credits_expire(int) IS
	'Returns holds whose lease ran out and whose task is not alive, and ends the task and its message with them. The last net: a dead task is normally settled from its journal within 35 s, long before its lease ends. Any number of sweeps may run at once. Returns how many holds it ended.';
