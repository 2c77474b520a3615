-- Budgets of keys, users and groups: what is left of them, and what became of them. And the prices of models.
--
-- What is spent is counted by day, week and month at once, so that a budget may change its period and forgets nothing.
-- Who opens a task within a budget locks its row first (after the key's, before the task): with a budget for N calls
-- exactly N are opened. It is counted where the task is ended.

CREATE OR REPLACE FUNCTION quota_group(p_user_id uuid, p_key_id uuid) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
	v_group text;
BEGIN
	IF p_key_id IS NOT NULL THEN
		SELECT s.user_group INTO v_group FROM api_keys k JOIN api_keys s ON s.id = coalesce(k.rotated_to, k.id) WHERE k.id = p_key_id;
	END IF;
	RETURN coalesce(v_group, (SELECT u.user_group FROM users u WHERE u.id = p_user_id));
END
$$;
COMMENT ON FUNCTION quota_group(uuid, uuid) IS 'The group a user is in, or with a key that has one the key''s.';

CREATE OR REPLACE FUNCTION quota_held(p_kind text, p_user_id uuid, p_key_id uuid, p_group text) RETURNS numeric
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	RETURN CASE p_kind
		WHEN 'user' THEN credits_held(p_user_id) -- with allowances that were filled before there was a budget
		WHEN 'group' THEN (SELECT coalesce(sum(t.credits_locked), 0) FROM tasks t
			WHERE t.completed_at IS NULL AND t.user_group = p_group)
		ELSE relay_key_held(p_key_id, p_user_id) END;
END
$$;
COMMENT ON FUNCTION quota_held(text, uuid, uuid, text) IS
	'What live tasks (and allowances of the key or the user) hold of the budget of a key (the one whose limits count), a user or a group: the one place where holds are taken off budgets.';

CREATE OR REPLACE FUNCTION quota_state(p_user_id uuid, p_key_id uuid)
	RETURNS TABLE (kind text, subject text, name text, budget numeric, period text, spent numeric, held numeric, budget_left numeric,
		resets_at timestamptz)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	WITH g AS (SELECT quota_group(p_user_id, p_key_id) AS name
	), q AS (
		SELECT 'key' AS kind, s.id::text AS subject, s.name, s.budget, s.budget_period AS period,
			quota_spent(s.budget_period, s.spent_at, s.spent, s.day_spent, s.week_spent, s.month_spent) AS spent,
			quota_held('key', p_user_id, s.id, NULL) AS held
		FROM api_keys k JOIN api_keys s ON s.id = coalesce(k.rotated_to, k.id)
		WHERE k.id = p_key_id AND s.budget IS NOT NULL
		UNION ALL
		SELECT CASE WHEN q.user_id IS NULL THEN 'group' ELSE 'user' END, coalesce(q.user_id::text, q.user_group), q.user_group,
			q.budget, q.budget_period, quota_spent(q.budget_period, q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent),
			CASE WHEN q.user_id IS NULL THEN quota_held('group', NULL, NULL, q.user_group) ELSE quota_held('user', q.user_id, NULL, NULL) END
		FROM quotas q
		WHERE q.user_id = p_user_id OR q.user_group = (SELECT g.name FROM g)
	)
	SELECT q.kind, q.subject, q.name, q.budget, q.period, q.spent, q.held, greatest(0, q.budget - q.spent - q.held),
		api_key_period_end(q.period)
	FROM q ORDER BY q.kind DESC
$$;
COMMENT ON FUNCTION quota_state(uuid, uuid) IS
	'The budgets that a call of this user with this key (NULL: none) is within, with what is left of each: spending and holds taken off.';

CREATE OR REPLACE FUNCTION quota_left(p_user_id uuid, p_key_id uuid) RETURNS numeric
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT min(s.budget_left) FROM quota_state(p_user_id, p_key_id) AS s
$$;
COMMENT ON FUNCTION quota_left(uuid, uuid) IS
	'Credits that may still be set aside for calls of this user with this key (NULL: without one): the least that is left of the budgets of key, user and group, spending and holds taken off; NULL: there is no budget. Exact only while quota_lock() holds them.';

CREATE OR REPLACE FUNCTION quota_lock(p_user_ids uuid[], p_groups text[]) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_found boolean;
BEGIN
	PERFORM FROM quotas q WHERE q.user_id = ANY (p_user_ids) ORDER BY q.user_id FOR NO KEY UPDATE;
	v_found := FOUND;
	PERFORM FROM quotas q WHERE q.user_group = ANY (p_groups) ORDER BY q.user_group FOR NO KEY UPDATE;
	RETURN v_found OR FOUND;
END
$$;
COMMENT ON FUNCTION quota_lock(uuid[], text[]) IS
	'Locks the budgets of users, then those of groups, each in order, so that nobody else opens a task within them before this transaction ends. False: there are none. A key''s is locked with the key, before.';

CREATE OR REPLACE FUNCTION quota_refusal(p_user_id uuid, p_group text, p_hold numeric) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_hold numeric := round(p_hold, 6);
BEGIN
	IF v_hold = 0 OR NOT quota_lock(ARRAY[p_user_id], ARRAY[p_group]) THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT CASE WHEN q.user_id IS NULL THEN 'group_budget' ELSE 'user_budget' END
		FROM quotas q
		WHERE (q.user_id = p_user_id OR q.user_group = p_group)
			AND v_hold > q.budget - quota_spent(q.budget_period, q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent)
				- CASE WHEN q.user_id IS NULL THEN quota_held('group', NULL, NULL, q.user_group)
					ELSE quota_held('user', q.user_id, NULL, NULL) END
		ORDER BY q.user_id NULLS LAST LIMIT 1);
END
$$;
COMMENT ON FUNCTION quota_refusal(uuid, text, numeric) IS
	'Why a task with this hold may not be opened: user_budget or group_budget, whose rest does not cover it; NULL: it may. Locks those budgets.';

CREATE OR REPLACE FUNCTION quota_note(p_kind text, p_subject text, p_user_id uuid, p_budget numeric, p_period text,
	p_before numeric, p_before_at timestamptz, p_after numeric) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_start timestamptz := api_key_period_start(p_period);
	v_percent int := CASE WHEN p_budget = 0 THEN NULL WHEN p_after >= p_budget * 0.95 THEN 95 WHEN p_after >= p_budget * 0.8 THEN 80 END;
BEGIN
	IF p_before_at < v_start AND p_before > 0 THEN
		INSERT INTO quota_history (kind, subject, user_id, reason, period, budget, before, after)
		VALUES (p_kind, p_subject, p_user_id, 'reset', p_period, p_budget, p_before, 0);
	END IF;
	IF v_percent IS NOT NULL AND NOT EXISTS (SELECT FROM quota_history h
			WHERE h.kind = p_kind AND h.subject = p_subject AND h.reason = 'reminder' AND h.percent >= v_percent
				AND h.period = p_period AND CASE WHEN v_start IS NULL THEN h.budget = p_budget ELSE h.created_at >= v_start END) THEN
		INSERT INTO quota_history (kind, subject, user_id, reason, period, budget, percent, after)
		VALUES (p_kind, p_subject, p_user_id, 'reminder', p_period, p_budget, v_percent, p_after);
	END IF;
END
$$;
COMMENT ON FUNCTION quota_note(text, text, uuid, numeric, text, numeric, timestamptz, numeric) IS
	'Writes down what a spending means for a budget: that a new period began (p_before was spent in the one of p_before_at), and once in a period (of one without, once for its amount) that 80 or 95 per cent are used. To be called while the budget is locked.';

CREATE OR REPLACE FUNCTION quota_spend(p_user_id uuid, p_group text, p_amount numeric) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
BEGIN
	IF NOT quota_lock(ARRAY[p_user_id], ARRAY[p_group]) THEN
		RETURN;
	END IF;
	FOR v IN
		WITH mine AS (SELECT q.* FROM quotas q WHERE q.user_id = p_user_id
			UNION ALL SELECT q.* FROM quotas q WHERE q.user_group = p_group
		), charged AS (
			UPDATE quotas q SET spent = q.spent + p_amount, spent_at = now(),
				day_spent = p_amount + quota_spent('day', q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent),
				week_spent = p_amount + quota_spent('week', q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent),
				month_spent = p_amount + quota_spent('month', q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent)
			FROM mine o WHERE q.id = o.id
			RETURNING q.*, o.spent_at AS before_at,
				CASE q.budget_period WHEN 'day' THEN o.day_spent WHEN 'week' THEN o.week_spent ELSE o.month_spent END AS before)
		SELECT c.* FROM charged c
	LOOP
		PERFORM quota_note(CASE WHEN v.user_id IS NULL THEN 'group' ELSE 'user' END, coalesce(v.user_id::text, v.user_group),
			v.user_id, v.budget, v.budget_period, v.before, v.before_at,
			quota_spent(v.budget_period, v.spent_at, v.spent, v.day_spent, v.week_spent, v.month_spent));
	END LOOP;
END
$$;
COMMENT ON FUNCTION quota_spend(uuid, text, numeric) IS
	'Counts credits that were charged as spent of the budgets of a user and a group. To be called where the charge is made; api_key_spend() does the same for keys.';

CREATE OR REPLACE FUNCTION quota_set(p_user_id uuid, p_group text, p_budget numeric, p_period text, p_actor uuid) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_old quotas;
	v_budget numeric := round(p_budget, 6);
	v_period text := coalesce(p_period, 'none');
BEGIN
	-- Nobody is ending a task meanwhile: what has been spent is either in usage when it is summed up, or counted after.
	LOCK TABLE quotas IN ACCESS EXCLUSIVE MODE;
	SELECT * INTO v_old FROM quotas q WHERE q.user_id = p_user_id OR q.user_group = p_group;
	IF v_old.budget IS NOT DISTINCT FROM v_budget AND (v_budget IS NULL OR v_old.budget_period = v_period) THEN
		RETURN false;
	ELSIF v_budget IS NULL THEN
		DELETE FROM quotas q WHERE q.id = v_old.id;
	ELSIF v_old.id IS NOT NULL THEN
		UPDATE quotas q SET budget = v_budget, budget_period = v_period WHERE q.id = v_old.id;
	ELSE
		INSERT INTO quotas (user_id, user_group, budget, budget_period, spent, day_spent, week_spent, month_spent, spent_at)
		SELECT p_user_id, p_group, v_budget, v_period,
			coalesce(sum(g.cost), 0),
			coalesce(sum(g.cost) FILTER (WHERE g.created_at >= api_key_period_start('day')), 0),
			coalesce(sum(g.cost) FILTER (WHERE g.created_at >= api_key_period_start('week')), 0),
			coalesce(sum(g.cost) FILTER (WHERE g.created_at >= api_key_period_start('month')), 0), max(g.created_at)
		FROM usage g
		WHERE g.created_at >= least(api_key_period_start('month'), api_key_period_start('week'))
			AND (g.user_id = p_user_id OR g.user_id IN (SELECT u.id FROM users u WHERE u.user_group = p_group));
		IF v_period = 'none' THEN -- it is for what comes
			UPDATE quotas q SET spent = 0 WHERE q.user_id = p_user_id OR q.user_group = p_group;
		END IF;
	END IF;
	INSERT INTO quota_history (kind, subject, user_id, reason, period, budget, before, after, actor_id)
	VALUES (CASE WHEN p_group IS NULL THEN 'user' ELSE 'group' END, coalesce(p_group, p_user_id::text), p_user_id, 'budget',
		v_period, v_budget, v_old.budget, v_budget, p_actor);
	RETURN true;
END
$$;
COMMENT ON FUNCTION quota_set(uuid, text, numeric, text, uuid) IS
	'Gives a user or a group a budget, changes it or (p_budget NULL) takes it away, with its history. What was spent in the current day, week and month counts from the first moment on, a group''s by who is in it now; a budget without a period is for what comes. False: it was so already. To be called before anything else is locked.';

CREATE OR REPLACE FUNCTION api_keys_quota_history() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO quota_history (kind, subject, user_id, reason, period, budget, before, after, actor_id)
	VALUES ('key', NEW.id::text, NEW.user_id, 'budget', NEW.budget_period, NEW.budget, OLD.budget, NEW.budget, NEW.user_id);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION api_keys_quota_history() IS 'Trigger: a changed budget of a key goes into the history. Keys are changed by who owns them.';
CREATE OR REPLACE TRIGGER api_keys_quota_history AFTER UPDATE OF budget, budget_period ON api_keys
	FOR EACH ROW WHEN (OLD.budget IS DISTINCT FROM NEW.budget OR OLD.budget_period IS DISTINCT FROM NEW.budget_period)
	EXECUTE FUNCTION api_keys_quota_history();

CREATE OR REPLACE FUNCTION quota_json(p_user_id uuid, p_group text) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('amount', trim_scale(q.budget), 'period', q.budget_period, 'spent', trim_scale(s.spent),
		'held', trim_scale(s.held), 'left', trim_scale(greatest(0, q.budget - s.spent - s.held)),
		'resets_at', json_time(api_key_period_end(q.budget_period)))
	FROM quotas q, LATERAL (SELECT quota_spent(q.budget_period, q.spent_at, q.spent, q.day_spent, q.week_spent, q.month_spent) AS spent,
		quota_held(CASE WHEN q.user_id IS NULL THEN 'group' ELSE 'user' END, q.user_id, NULL, q.user_group) AS held) AS s
	WHERE q.user_id = p_user_id OR q.user_group = p_group
$$;
COMMENT ON FUNCTION quota_json(uuid, text) IS 'The API''s Budget of a user or of a group, the other being NULL; NULL: none.';

CREATE OR REPLACE FUNCTION group_json(g user_groups) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('name', g.name, 'description', g.description, 'ratio', trim_scale(g.ratio),
		'budget', quota_json(NULL, g.name), 'users', (SELECT count(*) FROM users u WHERE u.user_group = g.name),
		'keys', (SELECT count(*) FROM api_keys k WHERE k.user_group = g.name),
		'created_at', json_time(g.created_at), 'updated_at', json_time(g.updated_at))
$$;
COMMENT ON FUNCTION group_json(user_groups) IS 'The API''s Group.';

CREATE OR REPLACE FUNCTION quota_history_json(h quota_history) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN jsonb_build_object('id', h.id, 'kind', h.kind, 'subject', h.subject, 'user_id', h.user_id, 'reason', h.reason,
		'period', h.period, 'budget', trim_scale(h.budget), 'percent', h.percent, 'before', trim_scale(h.before),
		'after', trim_scale(h.after), 'actor_id', h.actor_id, 'created_at', json_time(h.created_at));
COMMENT ON FUNCTION quota_history_json(quota_history) IS 'The API''s QuotaChange.';

-- Prices.

CREATE OR REPLACE FUNCTION model_base_price(p_model_id bigint, p_meter text) RETURNS numeric
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT round(p.unit_price * CASE WHEN p_meter = 'call' THEN 1 ELSE 1000000 END / p.per, 6)
	FROM prices p
	WHERE p.model_id = p_model_id AND p.meter = p_meter AND p.user_group IS NULL AND p.tier = 'standard' AND p.min_context = 0
		AND p.hours IS NULL AND p.valid_from <= now()
	ORDER BY p.valid_from DESC LIMIT 1
$$;
COMMENT ON FUNCTION model_base_price(bigint, text) IS
	'What a model costs now without any condition: credits per million tokens, or per call; NULL: there is no such price.';

CREATE OR REPLACE FUNCTION model_set_base_price(p_model_id bigint, p_meter text, p_price numeric) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_per int := CASE WHEN p_meter = 'call' THEN 1 ELSE 1000000 END;
BEGIN
	IF p_price IS NULL OR p_price = model_base_price(p_model_id, p_meter)
		OR (p_meter = 'call' AND p_price = 0 AND model_base_price(p_model_id, p_meter) IS NULL) THEN
		RETURN;
	END IF;
	UPDATE prices p SET unit_price = p_price, per = v_per
	WHERE p.id = (SELECT b.id FROM prices b
		WHERE b.model_id = p_model_id AND b.meter = p_meter AND b.user_group IS NULL AND b.tier = 'standard' AND b.min_context = 0
			AND b.hours IS NULL AND b.valid_from <= now()
		ORDER BY b.valid_from DESC LIMIT 1);
	IF NOT FOUND THEN
		INSERT INTO prices (model_id, meter, unit_price, per) VALUES (p_model_id, p_meter, p_price, v_per);
	END IF;
END
$$;
COMMENT ON FUNCTION model_set_base_price(bigint, text, numeric) IS
	'Sets what model_base_price() tells: the row that holds now, or a new one. NULL, and a price per call of 0 where there is none, change nothing.';

CREATE OR REPLACE FUNCTION model_base_prices(p_model_id bigint) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_build_object('ratio_ppm', 1000000, 'rows', jsonb_agg(jsonb_build_array(m.meter, 0, (m.price * 1000000)::bigint,
		CASE m.meter WHEN 'call' THEN 1 ELSE 1000000 END)))
	FROM (SELECT v.meter, model_base_price(p_model_id, v.meter) AS price
		FROM (VALUES ('input'), ('output'), ('call')) AS v (meter)) AS m
	WHERE m.price IS NOT NULL
$$;
COMMENT ON FUNCTION model_base_prices(bigint) IS 'The prices of a model as tasks.prices has them, for a task that has none of its own.';

CREATE OR REPLACE FUNCTION price_zones() RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	WITH zone AS (SELECT DISTINCT p.time_zone AS name FROM prices p WHERE p.hours IS NOT NULL
	), day AS (
		-- days on which a zone's distance to UTC is not what it is a day later
		SELECT z.name, d.at, n.turns FROM zone z, LATERAL generate_series(date_trunc('day', now(), 'UTC') - interval '1 day',
				now() + interval '400 days', interval '1 day') AS d (at),
			LATERAL (SELECT (d.at AT TIME ZONE z.name) + interval '1 day'
				<> ((d.at + interval '1 day') AT TIME ZONE z.name) AS turns) AS n
	), turn AS (
		SELECT z.name, date_trunc('day', now(), 'UTC') - interval '1 day' AS at FROM zone z
		UNION ALL
		SELECT d.name, m.at FROM day d, LATERAL generate_series(d.at + interval '30 minutes', d.at + interval '1 day',
			interval '30 minutes') AS m (at)
		WHERE d.turns AND (m.at AT TIME ZONE d.name) - ((m.at - interval '30 minutes') AT TIME ZONE d.name) <> interval '30 minutes'
	)
	SELECT jsonb_object_agg(z.name, (SELECT jsonb_agg(jsonb_build_array(extract(epoch FROM t.at)::bigint,
			extract(epoch FROM (t.at AT TIME ZONE z.name) - (t.at AT TIME ZONE 'UTC'))::bigint) ORDER BY t.at)
		FROM turn t WHERE t.name = z.name))
	FROM zone z
$$;
COMMENT ON FUNCTION price_zones() IS
	'The time zones in which prices have hours, 400 days ahead: {name: [[Unix time, seconds east of UTC from then on], ...]}; NULL: none.';

CREATE OR REPLACE FUNCTION price_json(p prices, p_model text) RETURNS jsonb
	LANGUAGE sql STABLE
	RETURN jsonb_build_object('id', p.id, 'model', p_model, 'group', p.user_group, 'meter', p.meter, 'tier', p.tier,
		'min_context', p.min_context, 'unit_price', trim_scale(p.unit_price), 'per', p.per,
		'valid_from', CASE WHEN isfinite(p.valid_from) THEN json_time(p.valid_from) END,
		'hours', p.hours, 'time_zone', p.time_zone, 'created_at', json_time(p.created_at));
COMMENT ON FUNCTION price_json(prices, text) IS 'The API''s Price, of a model of this name.';

CREATE OR REPLACE FUNCTION prices_put(p_models text[], p_rows jsonb) RETURNS jsonb
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_problem jsonb;
	v_done jsonb;
BEGIN
	LOCK TABLE prices IN SHARE ROW EXCLUSIVE MODE; -- what is told of before and after is true
	DROP TABLE IF EXISTS pg_temp.prices_told;
	CREATE TEMP TABLE prices_told ON COMMIT DROP AS
	SELECT t.n, m.id AS model_id, t.r->>'model' AS model, t.r->>'group' AS user_group, t.r->>'meter' AS meter,
		coalesce(t.r->>'tier', 'standard') AS tier, coalesce((t.r->>'min_context')::int, 0) AS min_context,
		(t.r->>'unit_price')::numeric AS unit_price, coalesce((t.r->>'per')::int, CASE WHEN t.r->>'meter' IN ('image', 'second',
			'character', 'page', 'query', 'call') THEN 1 ELSE 1000000 END) AS per,
		coalesce((t.r->>'valid_from')::timestamptz, '-infinity') AS valid_from, t.r->>'hours' AS hours,
		coalesce(t.r->>'time_zone', 'UTC') AS time_zone
	FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS t (r, n) LEFT JOIN llm_models m ON m.name = t.r->>'model';
	SELECT jsonb_build_object('row', t.n - 1, 'field', t.field) INTO v_problem
	FROM (
		SELECT t.n, CASE
			WHEN t.model_id IS NULL THEN 'model'
			WHEN t.user_group IS NOT NULL AND NOT EXISTS (SELECT FROM user_groups g WHERE g.name = t.user_group) THEN 'group'
			WHEN t.hours IS NOT NULL AND NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = t.time_zone) THEN 'time_zone'
			WHEN EXISTS (SELECT FROM prices_told o WHERE o.n < t.n AND (o.model_id, o.meter, o.tier, o.min_context, o.valid_from,
				o.time_zone) = (t.model_id, t.meter, t.tier, t.min_context, t.valid_from, t.time_zone)
				AND o.user_group IS NOT DISTINCT FROM t.user_group AND o.hours IS NOT DISTINCT FROM t.hours) THEN 'twice' END AS field
		FROM prices_told t) AS t
	WHERE t.field IS NOT NULL ORDER BY t.n LIMIT 1;
	IF v_problem IS NULL THEN
		SELECT jsonb_build_object('model', m.name) INTO v_problem
		FROM unnest(p_models) AS m (name) WHERE NOT EXISTS (SELECT FROM llm_models l WHERE l.name = m.name) LIMIT 1;
	END IF;
	IF v_problem IS NOT NULL THEN
		RETURN jsonb_build_object('problem', v_problem);
	END IF;
	WITH gone AS (
		DELETE FROM prices p USING llm_models m
		WHERE m.id = p.model_id AND m.name = ANY (p_models)
			AND NOT EXISTS (SELECT FROM prices_told t WHERE (t.model_id, t.meter, t.tier, t.min_context, t.valid_from, t.time_zone)
				= (p.model_id, p.meter::text, p.tier::text, p.min_context, p.valid_from, p.time_zone)
				AND t.user_group IS NOT DISTINCT FROM p.user_group AND t.hours IS NOT DISTINCT FROM p.hours)
		RETURNING p AS row, m.name AS model
	), put AS (
		INSERT INTO prices AS p (model_id, user_group, meter, tier, min_context, unit_price, per, valid_from, hours, time_zone)
		SELECT t.model_id, t.user_group, t.meter, t.tier, t.min_context, t.unit_price, t.per, t.valid_from, t.hours, t.time_zone
		FROM prices_told t
		ON CONFLICT ON CONSTRAINT prices_key DO UPDATE SET unit_price = excluded.unit_price, per = excluded.per
		WHERE p.unit_price * excluded.per <> excluded.unit_price * p.per
		RETURNING p AS row
	), change AS (
		SELECT 'removed' AS what, g.row, g.model, NULL::prices AS old FROM gone g
		UNION ALL
		-- the table is still as it was before
		SELECT CASE WHEN o.id IS NULL THEN 'added' ELSE 'changed' END, p.row, m.name, o
		FROM put p JOIN llm_models m ON m.id = (p.row).model_id LEFT JOIN prices o ON o.id = (p.row).id
	)
	SELECT jsonb_build_object('added', count(*) FILTER (WHERE c.what = 'added'), 'changed', count(*) FILTER (WHERE c.what = 'changed'),
		'removed', count(*) FILTER (WHERE c.what = 'removed'),
		'same', (SELECT count(*) FROM prices_told) - count(*) FILTER (WHERE c.what <> 'removed'),
		'items', coalesce(jsonb_agg(price_json(c.row, c.model) || jsonb_build_object('change', c.what,
			'before', trim_scale((c.old).unit_price), 'before_per', (c.old).per)
			ORDER BY c.model, (c.row).user_group NULLS FIRST, (c.row).tier, (c.row).meter, (c.row).min_context), '[]'))
	INTO v_done FROM change c;
	RETURN v_done;
END
$$;
COMMENT ON FUNCTION prices_put(text[], jsonb) IS
	'Adds rows of prices or changes those that have the same key; rows of p_models that are not among them go. p_rows is an array of the API''s PriceInput, checked but for names. Answers {added, changed, removed, same, items: [Price with change, before, before_per]}; or {problem: {row, field}} or {problem: {model}}, and nothing is changed: an unknown model, group or time_zone, or a row that is there twice. For a dry run, roll back.';

DROP TRIGGER IF EXISTS prices_version ON prices;
CREATE CONSTRAINT TRIGGER prices_version AFTER INSERT OR UPDATE OR DELETE ON prices
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
DROP TRIGGER IF EXISTS user_groups_version ON user_groups;
CREATE CONSTRAINT TRIGGER user_groups_version AFTER INSERT OR UPDATE OR DELETE ON user_groups
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_changed();
