-- Allowances: filled, given back, ended; and the rounds in which calls that took from them are charged.
--
-- An allowance is held credits, like a hold, but of a process and not of a task. Its calls reserve their ceilings in the
-- process' memory. When a call has ended its cost is taken from the balance and the allowance stays as it is, so that a round
-- writes one row of history for an account; from the allowance only what the balance cannot pay, or all where a budget or
-- quota stands behind it, since that was granted against what was left then, and all while its credits are asked for.
--
-- Whoever changes an allowance has its user locked: after the API key, as everywhere (see task.sql). The id of a call in table
-- usage makes it be charged once, whoever settles it: its process, or who finds its flight record (src/engine/flight.h).

CREATE OR REPLACE FUNCTION allowance_room(p_user_id uuid, p_key_id uuid, p_group text) RETURNS numeric
	LANGUAGE plpgsql
AS $$
DECLARE
	v_key api_keys;
	v_room numeric;
BEGIN
	IF p_key_id IS NOT NULL THEN
		-- counting is exact only while nobody else can open a call with this key
		SELECT * INTO v_key FROM api_keys k WHERE k.id = p_key_id FOR NO KEY UPDATE;
		v_room := api_key_budget_left(v_key) - relay_key_held(p_key_id, p_user_id);
	END IF;
	-- what several keys, or many users, spend together is counted by holds
	IF EXISTS (SELECT FROM quotas q WHERE q.user_id = p_user_id OR q.user_group = p_group) THEN
		v_room := 0;
	END IF;
	RETURN v_room;
END
$$;
COMMENT ON FUNCTION allowance_room(uuid, uuid, text) IS
	'What budgets leave for an allowance of this user, or of this key of the user; NULL: there are none; 0 where the user or the group has one. Locks the key.';

CREATE OR REPLACE FUNCTION allowance_fill(
	p_id uuid, p_owner uuid, p_user_id uuid, p_key_id uuid, p_seq int, p_wanted numeric, p_ceiling numeric, p_group text)
	RETURNS TABLE (granted numeric, limited boolean)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_now allowances;
	v_room numeric;
	v_credits numeric;
	v_edge numeric := 20 * p_ceiling;
BEGIN
	IF p_wanted IS NULL OR p_wanted <= 0 OR p_ceiling IS NULL OR p_ceiling <= 0 OR p_ceiling > p_wanted
		OR p_wanted IN ('NaN', 'Infinity') THEN
		RAISE EXCEPTION 'allowance_fill: bad amounts % and %', p_wanted, p_ceiling USING ERRCODE = 'invalid_parameter_value';
	END IF;
	v_room := allowance_room(p_user_id, p_key_id, p_group);
	limited := v_room IS NOT NULL;
	SELECT u.credits INTO v_credits FROM users u WHERE u.id = p_user_id AND u.status = 'active' FOR NO KEY UPDATE;
	SELECT * INTO v_now FROM allowances a WHERE a.id = p_id;
	IF v_now.ended_at IS NOT NULL OR v_now.owner <> p_owner OR v_now.user_id <> p_user_id OR v_now.seq >= p_seq THEN
		granted := CASE WHEN v_now.ended_at IS NULL AND v_now.owner = p_owner AND v_now.seq = p_seq THEN v_now.last_grant END;
		RETURN NEXT;
		RETURN;
	END IF;
	-- a small share of the balance, but what one call needs; near the end each call takes a hold of its own
	granted := round(least(p_wanted, greatest(v_credits / 16, p_ceiling)), 6);
	IF v_credits IS NULL OR v_credits - granted < v_edge OR v_room - granted < v_edge
		OR EXISTS (SELECT FROM allowances a WHERE a.user_id = p_user_id AND a.ended_at IS NULL
			AND (a.asked_at > now() - interval '2.5 seconds' OR a.answered_at > now() - interval '1 second')) THEN
		granted := 0;
		RETURN NEXT;
		RETURN;
	END IF;
	UPDATE users u SET credits = u.credits - allowance_fill.granted, updated_at = now() WHERE u.id = p_user_id
	RETURNING u.credits INTO v_credits;
	INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, allowance_id)
	VALUES (p_user_id, 'hold', -granted, v_credits, 'api: set aside', p_id);
	INSERT INTO allowances AS a (id, user_id, key_id, owner, amount, seq, last_grant)
	VALUES (p_id, p_user_id, p_key_id, p_owner, granted, p_seq, granted)
	ON CONFLICT (id) DO UPDATE SET amount = a.amount + excluded.amount, seq = excluded.seq, last_grant = excluded.last_grant;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION allowance_fill(uuid, uuid, uuid, uuid, int, numeric, numeric, text) IS
	'Makes an allowance, or adds to one, of up to p_wanted: granted. 0: the balance, a budget or a quota is too near its end (20 ceilings), or somebody asks for what is held: each call takes a hold of its own. NULL: it has ended, nobody may take from it. The same p_seq again grants nothing more and tells what it did.';

CREATE OR REPLACE FUNCTION allowance_return(p_id uuid, p_owner uuid, p_seq int, p_part numeric) RETURNS numeric
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_user uuid := (SELECT a.user_id FROM allowances a WHERE a.id = p_id AND a.owner = p_owner AND a.ended_at IS NULL);
	v_now allowances;
	v_part numeric;
	v_credits numeric;
BEGIN
	SELECT u.credits INTO v_credits FROM users u WHERE u.id = v_user FOR NO KEY UPDATE;
	SELECT * INTO v_now FROM allowances a WHERE a.id = p_id AND a.ended_at IS NULL;
	IF v_user IS NULL OR v_now.id IS NULL OR (p_part IS NOT NULL AND v_now.seq >= p_seq) THEN
		RETURN 0;
	END IF;
	v_part := least(greatest(coalesce(round(p_part, 6), v_now.amount), 0), v_now.amount);
	UPDATE allowances a SET amount = a.amount - v_part, seq = greatest(a.seq, p_seq), asked_at = NULL, answered_at = now(),
		ended_at = CASE WHEN p_part IS NULL THEN now() END
	WHERE a.id = p_id;
	IF v_part > 0 THEN
		UPDATE users u SET credits = u.credits + v_part, updated_at = now() WHERE u.id = v_user;
		INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, allowance_id)
		VALUES (v_user, 'hold_release', v_part, v_credits + v_part, 'api: set aside', p_id);
	END IF;
	RETURN v_part;
END
$$;
COMMENT ON FUNCTION allowance_return(uuid, uuid, int, numeric) IS
	'Gives back p_part of an allowance, or (NULL) all of it, which ends it; answers who asked. Returns what this call gave back; the same p_seq again gives nothing.';

CREATE OR REPLACE FUNCTION allowances_end(p_owner uuid) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
	v_n int := 0;
BEGIN
	FOR v IN SELECT a.id FROM allowances a WHERE a.owner = p_owner AND a.ended_at IS NULL ORDER BY a.user_id, a.id LOOP
		PERFORM allowance_return(v.id, p_owner, 0, NULL);
		v_n := v_n + 1;
	END LOOP;
	RETURN v_n;
END
$$;
COMMENT ON FUNCTION allowances_end(uuid) IS
	'Gives back all allowances of a process that leaves, or that is dead and whose flight records are settled. Returns how many.';

CREATE OR REPLACE FUNCTION allowances_expire(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
	v_n int := 0;
BEGIN
	FOR v IN SELECT a.id, a.owner FROM allowances a LEFT JOIN processes p ON p.id = a.owner
		WHERE a.ended_at IS NULL AND coalesce(p.heartbeat_at, a.created_at) < now() - interval '60 seconds'
		ORDER BY a.user_id, a.id LIMIT p_limit
	LOOP
		PERFORM allowance_return(v.id, v.owner, 0, NULL);
		v_n := v_n + 1;
	END LOOP;
	RETURN v_n;
END
$$;
COMMENT ON FUNCTION allowances_expire(int) IS
	'The last net: gives back allowances whose owner has had no heartbeat for 60 s, whole, since nothing proves what was used: a process that dies alone is settled from its flight record long before. Returns how many.';

CREATE OR REPLACE FUNCTION allowances_pending(p_user_id uuid, p_key_id uuid) RETURNS boolean
	LANGUAGE plpgsql
AS $$
BEGIN
	UPDATE allowances a SET asked_at = coalesce(a.asked_at, now())
	WHERE a.user_id = p_user_id AND a.ended_at IS NULL AND a.amount > 0 AND (p_key_id IS NULL OR a.key_id = p_key_id)
		AND coalesce(a.answered_at < now() - interval '1 second', true)
		AND coalesce(a.asked_at > now() - interval '2.5 seconds', true); -- who does not answer is dead
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION allowances_pending(uuid, uuid) IS
	'Before anybody is refused for want of credits: may allowances of the user (of this key alone, if one is named) hold some that are idle? Asks their owners; false once they have answered, or had time to.';

CREATE OR REPLACE FUNCTION relay_note(p_calls relay_call[]) RETURNS relay_cost[]
	LANGUAGE plpgsql
AS $$
DECLARE
	v_new relay_cost[];
	v_budgets boolean;
BEGIN
	PERFORM pg_current_xact_id(); -- before any id of usage is drawn: usage_roll_up() goes by it
	-- asked first: who gives a user a budget, quota_set(), waits until this is counted
	v_budgets := EXISTS (SELECT FROM quotas q WHERE q.user_id = ANY (ARRAY(SELECT c.user_id FROM unnest(p_calls) AS c))
		OR q.user_group = ANY (ARRAY(SELECT c.user_group FROM unnest(p_calls) AS c)));
	WITH put AS (
		INSERT INTO usage (request_id, task_id, user_id, key_id, channel_id, channel, provider, model_id, model,
			request_tokens, response_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, estimated, cost, overrun,
			latency_ms, first_token_ms, status, error_code, allowance_id, op, metadata)
		SELECT c.request_id, c.call_id, c.user_id, c.key_id, c.channel_id,
			coalesce(c.channel, (SELECT h.name FROM channels h WHERE h.id = c.channel_id)),
			coalesce(c.provider, (SELECT h.provider FROM channels h WHERE h.id = c.channel_id)), c.model_id,
			coalesce(c.model, (SELECT l.name FROM llm_models l WHERE l.id = c.model_id)),
			coalesce(c.input_tokens, 0), coalesce(c.output_tokens, 0), coalesce(c.cached_tokens, 0),
			coalesce(c.cache_write_tokens, 0), coalesce(c.reasoning_tokens, 0), c.estimated, c.cost, c.overrun,
			c.latency_ms, c.first_token_ms, c.outcome, c.error_code, c.allowance_id, CASE WHEN c.model IS NOT NULL THEN 'chat' END,
			coalesce(c.details, '{}')
		FROM unnest(p_calls) AS c
		ON CONFLICT (task_id) WHERE allowance_id IS NOT NULL DO NOTHING
		RETURNING task_id, allowance_id, user_id, key_id, cost
	)
	SELECT array_agg(ROW(p.task_id, p.allowance_id, p.user_id, p.cost, p.key_id, c.user_group)::relay_cost) INTO v_new
	FROM put p JOIN unnest(p_calls) AS c ON c.call_id = p.task_id;
	WITH spent AS (
		SELECT k.id, sum(k.cost) AS cost FROM (
			SELECT n.key_id AS id, n.cost FROM unnest(v_new) AS n
			UNION ALL
			SELECT o.rotated_to, n.cost FROM unnest(v_new) AS n JOIN api_keys o ON o.id = n.key_id WHERE o.rotated_to IS NOT NULL) AS k
		WHERE k.id IS NOT NULL AND k.cost > 0 GROUP BY k.id ORDER BY k.id
	), old AS (
		SELECT k.id, k.spent_at, CASE k.budget_period WHEN 'day' THEN k.day_spent WHEN 'week' THEN k.week_spent ELSE k.month_spent END AS spent
		FROM spent s JOIN api_keys k ON k.id = s.id WHERE k.budget IS NOT NULL
	), charged AS (
		UPDATE api_keys k SET spent = k.spent + s.cost, spent_at = now(),
			day_spent = s.cost + quota_spent('day', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent),
			week_spent = s.cost + quota_spent('week', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent),
			month_spent = s.cost + quota_spent('month', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent)
		FROM spent s WHERE k.id = s.id
		RETURNING k.*
	)
	SELECT count(quota_note('key', c.id::text, c.user_id, c.budget, c.budget_period, o.spent, o.spent_at,
		quota_spent(c.budget_period, c.spent_at, c.spent, c.day_spent, c.week_spent, c.month_spent))) > 0 OR v_budgets INTO v_budgets
	FROM charged c LEFT JOIN old o ON o.id = c.id WHERE c.budget IS NOT NULL AND c.rotated_to IS NULL;
	IF v_budgets THEN
		PERFORM quota_spend(s.user_id, s.user_group, s.cost)
		FROM (SELECT n.user_id, n.user_group, sum(n.cost) AS cost FROM unnest(v_new) AS n WHERE n.cost > 0
			GROUP BY n.user_id, n.user_group ORDER BY n.user_id, n.user_group) AS s;
	END IF;
	RETURN v_new;
END
$$;
COMMENT ON FUNCTION relay_note(relay_call[]) IS
	'Puts calls on record, those that are not, and counts them for their keys (and for the keys that took their places, as api_key_spend() does) and for the budgets of users and groups. Returns what their accounts are to be charged.';

CREATE OR REPLACE FUNCTION relay_pay(p_calls relay_call[]) RETURNS relay_paid[]
	LANGUAGE plpgsql
AS $$
DECLARE
	v_calls relay_call[];
	v_paid relay_paid[] := '{}';
	v_keys uuid[] := ARRAY(SELECT c.key_id FROM unnest(p_calls) AS c);
	v record;
	v_now allowances;
	v_credits numeric;
	v_balance numeric;
	v_taken numeric;
	v_short numeric;
	v_less numeric;
BEGIN
	PERFORM FROM api_keys k
	WHERE k.id = ANY (v_keys || ARRAY(SELECT o.rotated_to FROM api_keys o WHERE o.id = ANY (v_keys)))
	ORDER BY k.id FOR NO KEY UPDATE;
	PERFORM quota_lock(ARRAY(SELECT c.user_id FROM unnest(p_calls) AS c), ARRAY(SELECT c.user_group FROM unnest(p_calls) AS c));
	PERFORM FROM users u WHERE u.id = ANY (ARRAY(SELECT c.user_id FROM unnest(p_calls) AS c)) ORDER BY u.id FOR NO KEY UPDATE;
	v_calls := ARRAY(SELECT c FROM unnest(p_calls) AS c
		WHERE NOT EXISTS (SELECT FROM usage g WHERE g.task_id = c.call_id AND g.allowance_id IS NOT NULL));
	FOR v IN SELECT c.user_id, c.allowance_id, sum(c.cost) AS cost, bool_or(c.limited) AS limited
		FROM unnest(v_calls) AS c GROUP BY c.user_id, c.allowance_id ORDER BY c.user_id, c.allowance_id
	LOOP
		v_credits := (SELECT u.credits FROM users u WHERE u.id = v.user_id); -- NULL: the user is gone, and what it had
		SELECT * INTO v_now FROM allowances a WHERE a.id = v.allowance_id AND a.ended_at IS NULL;
		v_taken := least(coalesce(v_now.amount, 0), CASE
			WHEN v.limited OR v_now.asked_at IS NOT NULL OR v_now.answered_at > now() - interval '2.5 seconds' THEN v.cost ELSE greatest(v.cost - v_credits, 0) END);
		v_short := greatest(v.cost - coalesce(v_credits + v_taken, 0), 0);
		v_balance := v_credits + v_taken - (v.cost - v_short);
		IF v_taken > 0 THEN
			UPDATE allowances a SET amount = a.amount - v_taken WHERE a.id = v.allowance_id;
			INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, allowance_id)
			VALUES (v.user_id, 'hold_release', v_taken, v_credits + v_taken, 'api: set aside', v.allowance_id);
		END IF;
		IF v.cost > v_short THEN
			UPDATE users u SET credits = v_balance, updated_at = now() WHERE u.id = v.user_id;
			INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, allowance_id)
			VALUES (v.user_id, 'relay_cost', v_short - v.cost, v_balance, 'api', v.allowance_id);
		END IF;
		-- what nobody can pay any more: the allowance was taken for lost and given back meanwhile
		FOR i IN 1..cardinality(v_calls) LOOP
			EXIT WHEN v_short = 0;
			CONTINUE WHEN v_calls[i].user_id <> v.user_id OR v_calls[i].allowance_id <> v.allowance_id;
			v_less := least(v_short, v_calls[i].cost);
			v_calls[i].cost := v_calls[i].cost - v_less;
			v_calls[i].overrun := v_calls[i].overrun + v_less;
			v_short := v_short - v_less;
		END LOOP;
		v_paid := v_paid || ROW(v.user_id, v.allowance_id, v_balance, v_taken, v_now.id IS NOT NULL)::relay_paid;
	END LOOP;
	PERFORM relay_note(v_calls);
	RETURN v_paid;
END
$$;
COMMENT ON FUNCTION relay_pay(relay_call[]) IS
	'Settles calls account by account: from the balance, and from the allowance what that cannot pay (all, where it is limited). What neither can pay is overrun. relay_round() calls it where its statements for all at once do not do.';

CREATE OR REPLACE FUNCTION relay_round(p_calls relay_call[])
	RETURNS TABLE (place bigint, settled boolean, charged numeric, balance numeric, taken numeric, live boolean)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	v_before uuid[];
	v_new relay_cost[];
	v_paid relay_paid[];
	v_users uuid[];
	v_balances numeric[];
	v_accounts int;
	v_budgeted uuid[];
	v_budgeted_groups text[];
BEGIN
	IF p_calls[1].limited THEN -- all of them are, or none
		v_before := ARRAY(SELECT c.call_id FROM unnest(p_calls) AS c
			WHERE EXISTS (SELECT FROM usage g WHERE g.task_id = c.call_id AND g.allowance_id IS NOT NULL));
		v_paid := relay_pay(p_calls);
	ELSE
		BEGIN
			v_new := relay_note(p_calls);
			WITH spent AS (
				SELECT n.user_id, sum(n.cost) AS cost, min(n.allowance_id::text)::uuid AS allowance_id,
					count(DISTINCT n.allowance_id) > 1 AS several
				FROM unnest(v_new) AS n WHERE n.cost > 0 GROUP BY n.user_id ORDER BY n.user_id
			), paid AS (
				UPDATE users u SET credits = u.credits - s.cost, updated_at = now()
				FROM spent s WHERE u.id = s.user_id AND u.credits >= s.cost AND NOT s.several
					-- not what is being gathered for somebody: then allowances pay
					AND NOT EXISTS (SELECT FROM allowances a WHERE a.user_id = u.id AND a.ended_at IS NULL
						AND (a.asked_at IS NOT NULL OR a.answered_at > now() - interval '2.5 seconds'))
				RETURNING u.id, u.credits, s.cost, s.allowance_id
			), history AS (
				INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description, allowance_id)
				SELECT p.id, 'relay_cost', -p.cost, p.credits, 'api', p.allowance_id FROM paid p
			)
			SELECT array_agg(p.id), array_agg(p.credits), (SELECT count(*) FROM spent) INTO v_users, v_balances, v_accounts FROM paid p;
			IF coalesce(cardinality(v_users), 0) < v_accounts THEN
				RAISE EXCEPTION USING ERRCODE = 'WR001'; -- somebody cannot pay, or pays by two allowances
			END IF;
			v_before := CASE WHEN cardinality(v_new) = cardinality(p_calls) THEN '{}' ELSE ARRAY(
				SELECT c.call_id FROM unnest(p_calls) AS c EXCEPT SELECT n.call_id FROM unnest(v_new) AS n) END;
		EXCEPTION WHEN SQLSTATE 'WR001' THEN
			v_before := ARRAY(SELECT c.call_id FROM unnest(p_calls) AS c
				WHERE EXISTS (SELECT FROM usage g WHERE g.task_id = c.call_id AND g.allowance_id IS NOT NULL));
			v_paid := relay_pay(p_calls);
		END;
	END IF;
	v_budgeted := ARRAY(SELECT q.user_id FROM quotas q WHERE q.user_id = ANY (ARRAY(SELECT c.user_id FROM unnest(p_calls) AS c)));
	v_budgeted_groups := ARRAY(SELECT q.user_group FROM quotas q WHERE q.user_group = ANY (ARRAY(SELECT c.user_group FROM unnest(p_calls) AS c)));
	RETURN QUERY
		SELECT row_number() OVER () - 1, c.call_id <> ALL (v_before),
			CASE WHEN v_paid IS NULL AND c.call_id <> ALL (v_before) THEN c.cost
				ELSE (SELECT g.cost FROM usage g WHERE g.task_id = c.call_id AND g.allowance_id IS NOT NULL) END,
			coalesce(v_balances[array_position(v_users, c.user_id)], (SELECT u.credits FROM users u WHERE u.id = c.user_id)),
			coalesce((SELECT p.taken FROM unnest(v_paid) AS p WHERE p.user_id = c.user_id AND p.allowance_id = c.allowance_id), 0),
			coalesce((SELECT p.live FROM unnest(v_paid) AS p WHERE p.user_id = c.user_id AND p.allowance_id = c.allowance_id), true)
				-- granted before there was a budget: from now on each call asks
				AND (c.limited OR (c.user_id = ANY (v_budgeted) OR c.user_group = ANY (v_budgeted_groups)) IS NOT TRUE)
		FROM unnest(p_calls) AS c;
END
$$;
COMMENT ON FUNCTION relay_round(relay_call[]) IS
	'Settles calls that took from allowances (all of them limited, or none), exactly once each, in one transaction: usage, keys, accounts with one row of history each. A row for each, by its place from 0: settled (else it was before, and charged is what it was charged then), balance; what this round used up of its allowance, and whether that lives (the same for each of its calls): not when it has ended, nor when its user or group has a budget that it was granted without.';
