-- The ledger's proof: each invariant as a query that returns the rows that break it.

CREATE OR REPLACE VIEW audit_ledger AS
	SELECT u.id AS user_id, u.credits AS available,
		coalesce(h.granted, 0) AS granted, coalesce(h.spent, 0) AS spent,
		coalesce(h.held, 0) AS held_by_history, coalesce(t.held, 0) + coalesce(a.held, 0) AS held,
		coalesce(h.spent_by_tasks, 0) AS spent_by_tasks, coalesce(t.spent, 0) AS spent_by_holds
	FROM users u
		LEFT JOIN (
			SELECT user_id,
				sum(change_amount) FILTER (WHERE change_type::text NOT LIKE '%\_cost' AND change_type::text NOT LIKE 'hold%') AS granted,
				-sum(change_amount) FILTER (WHERE change_type::text LIKE '%\_cost') AS spent,
				-sum(change_amount) FILTER (WHERE change_type::text LIKE '%\_cost' AND task_id IS NOT NULL) AS spent_by_tasks,
				-sum(change_amount) FILTER (WHERE change_type::text LIKE 'hold%') AS held
			FROM credits_history GROUP BY user_id) h ON h.user_id = u.id
		LEFT JOIN (
			SELECT user_id,
				sum(amount) FILTER (WHERE status = 'pending') AS held,
				sum(used) FILTER (WHERE status = 'confirmed') AS spent
			FROM credit_transactions GROUP BY user_id) t ON t.user_id = u.id
		LEFT JOIN (SELECT user_id, sum(amount) AS held FROM allowances WHERE ended_at IS NULL GROUP BY user_id) a ON a.user_id = u.id;
COMMENT ON VIEW audit_ledger IS
	'Each user''s credits derived twice, from credits_history and from the holds and allowances: granted = available + held + spent.';
COMMENT ON COLUMN audit_ledger.user_id IS 'The user.';
COMMENT ON COLUMN audit_ledger.available IS 'users.credits.';
COMMENT ON COLUMN audit_ledger.granted IS 'Sum of grants and corrections.';
COMMENT ON COLUMN audit_ledger.spent IS 'Sum of all costs by history.';
COMMENT ON COLUMN audit_ledger.held_by_history IS 'Holds minus releases by history.';
COMMENT ON COLUMN audit_ledger.held IS 'Sum of pending holds and of allowances.';
COMMENT ON COLUMN audit_ledger.spent_by_tasks IS 'Costs charged to tasks by history.';
COMMENT ON COLUMN audit_ledger.spent_by_holds IS 'What confirmed holds used.';

CREATE OR REPLACE VIEW audit_broken AS
	-- I1: granted = available + held + spent, and both derivations agree
	SELECT 'I1' AS invariant, to_jsonb(l) AS detail
	FROM audit_ledger l
	WHERE granted <> available + held + spent OR held <> held_by_history OR spent_by_tasks <> spent_by_holds
UNION ALL
	-- I2: a pending hold has no ended task, a live paid task has its hold, each hold has its history exactly once
	SELECT 'I2', jsonb_build_object('why', b.why, 'task_id', b.task_id, 'user_id', b.user_id)
	FROM (
		SELECT 'pending hold of an ended task' AS why, c.task_id, c.user_id
		FROM credit_transactions c JOIN tasks t ON t.id = c.task_id
		WHERE c.status = 'pending' AND t.status IN ('completed', 'failed', 'cancelled')
		UNION ALL
		SELECT 'live task without its pending hold', t.id, t.user_id
		FROM tasks t LEFT JOIN credit_transactions c ON c.task_id = t.id
		WHERE t.status IN ('pending', 'running') AND t.credits_locked > 0
			AND (c.id IS NULL OR c.status <> 'pending' OR c.amount <> t.credits_locked)
		UNION ALL
		SELECT 'ended task and its hold disagree', t.id, t.user_id
		FROM tasks t LEFT JOIN credit_transactions c ON c.task_id = t.id
		WHERE t.status IN ('completed', 'failed', 'cancelled') AND t.credits_locked > 0
			AND (c.id IS NULL OR c.used <> t.credits_used)
		UNION ALL
		SELECT 'history does not show the hold once and its end once', c.task_id, c.user_id
		FROM credit_transactions c LEFT JOIN (
			SELECT task_id,
				count(*) FILTER (WHERE change_type = 'hold') AS holds,
				count(*) FILTER (WHERE change_type = 'hold_release') AS releases,
				count(*) FILTER (WHERE change_type::text LIKE '%\_cost') AS costs,
				sum(change_amount) FILTER (WHERE change_type = 'hold') AS held,
				sum(change_amount) FILTER (WHERE change_type = 'hold_release') AS released,
				coalesce(sum(change_amount) FILTER (WHERE change_type::text LIKE '%\_cost'), 0) AS cost
			FROM credits_history WHERE task_id IS NOT NULL GROUP BY task_id) h ON h.task_id = c.task_id
		WHERE h.task_id IS NULL OR h.holds <> 1 OR h.held <> -c.amount
			OR h.releases <> (c.status <> 'pending')::int OR h.released <> c.amount
			OR h.costs <> (c.used > 0)::int OR h.cost <> -c.used
		UNION ALL
		SELECT 'history of a hold that does not exist', h.task_id, h.user_id
		FROM credits_history h
		WHERE h.task_id IS NOT NULL AND NOT EXISTS (SELECT FROM credit_transactions c WHERE c.task_id = h.task_id)
		UNION ALL
		SELECT 'allowance and its history disagree', a.id, a.user_id
		FROM allowances a LEFT JOIN (
			SELECT allowance_id, -sum(change_amount) AS held FROM credits_history
			WHERE allowance_id IS NOT NULL AND change_type IN ('hold', 'hold_release') GROUP BY allowance_id) h ON h.allowance_id = a.id
		WHERE a.amount <> coalesce(h.held, 0) OR (a.ended_at IS NOT NULL AND a.amount <> 0)
	) b
UNION ALL
	-- I3: no balance below zero, now or at any time
	SELECT 'I3', jsonb_build_object('user_id', id, 'credits', credits) FROM users WHERE credits < 0 OR credits = 'NaN'
UNION ALL
	SELECT 'I3', jsonb_build_object('user_id', user_id, 'history_id', id, 'balance_after', balance_after)
	FROM credits_history WHERE balance_after < 0
UNION ALL
	-- I4: history alone rebuilds every balance, step by step
	SELECT 'I4', jsonb_build_object('user_id', s.user_id, 'history_id', s.id,
		'balance_after', s.balance_after, 'rebuilt', s.rebuilt)
	FROM (
		SELECT user_id, id, balance_after,
			sum(change_amount) OVER (PARTITION BY user_id ORDER BY id) AS rebuilt
		FROM credits_history) s
	WHERE s.balance_after <> s.rebuilt
UNION ALL
	SELECT 'I4', jsonb_build_object('user_id', u.id, 'credits', u.credits, 'rebuilt', coalesce(h.rebuilt, 0))
	FROM users u LEFT JOIN (SELECT user_id, sum(change_amount) AS rebuilt FROM credits_history GROUP BY user_id) h ON h.user_id = u.id
	WHERE u.credits <> coalesce(h.rebuilt, 0)
UNION ALL
	-- I5: no hold older than its lease + 15 s
	SELECT 'I5', jsonb_build_object('task_id', task_id, 'user_id', user_id, 'expires_at', expires_at)
	FROM credit_transactions WHERE status = 'pending' AND expires_at < now() - interval '15 seconds'
UNION ALL
	SELECT 'I5', jsonb_build_object('allowance_id', a.id, 'user_id', a.user_id, 'owner', a.owner, 'heartbeat_at', p.heartbeat_at)
	FROM allowances a LEFT JOIN processes p ON p.id = a.owner
	WHERE a.ended_at IS NULL AND coalesce(p.heartbeat_at, a.created_at) < now() - interval '75 seconds'
UNION ALL
	-- I6: never charged more than held; what exceeded the hold is on record, and usage shows what was charged
	SELECT 'I6', jsonb_build_object('task_id', task_id, 'held', amount, 'used', used)
	FROM credit_transactions WHERE used > amount
UNION ALL
	SELECT 'I6', jsonb_build_object('task_id', t.id, 'charged', t.credits_used, 'held', t.credits_locked, 'usage', g.cost, 'overrun', g.overrun)
	FROM usage g JOIN tasks t ON t.id = g.task_id
	WHERE g.cost <> t.credits_used OR (g.overrun > 0 AND g.cost <> t.credits_locked)
UNION ALL
	-- I10: what calls of an allowance were charged is what its account paid for them, and what of an ended call is on record once
	SELECT 'I10', jsonb_build_object('allowance_id', coalesce(g.id, h.id), 'usage', g.cost, 'history', h.cost)
	FROM (SELECT allowance_id AS id, sum(cost) AS cost FROM usage WHERE allowance_id IS NOT NULL GROUP BY allowance_id) g
		FULL JOIN (SELECT allowance_id AS id, -sum(change_amount) AS cost FROM credits_history
			WHERE allowance_id IS NOT NULL AND change_type = 'relay_cost' GROUP BY allowance_id) h ON h.id = g.id
	WHERE coalesce(g.cost, 0) <> coalesce(h.cost, 0)
		AND EXISTS (SELECT FROM allowances a WHERE a.id = coalesce(g.id, h.id)) -- its usage may be gone with it
UNION ALL
	-- I9: no task runs without a heartbeat for more than 35 s
	SELECT 'I9', jsonb_build_object('task_id', t.id, 'user_id', t.user_id, 'owner', t.owner, 'heartbeat_at', p.heartbeat_at)
	FROM tasks t LEFT JOIN processes p ON p.id = t.owner
	WHERE t.status IN ('pending', 'running') AND (t.owner IS NOT NULL OR t.status = 'running') AND t.job_id IS NULL
		AND coalesce(p.heartbeat_at, t.started_at, t.created_at) < now() - interval '35 seconds'
UNION ALL
	SELECT 'I9', jsonb_build_object('task_id', t.id, 'user_id', t.user_id, 'job_id', t.job_id, 'job', j.status)
	FROM tasks t LEFT JOIN jobs j ON j.id = t.job_id
	WHERE t.status IN ('pending', 'running') AND t.job_id IS NOT NULL AND coalesce(j.status NOT IN ('waiting', 'running'), true)
		AND coalesce(j.ended_at, t.created_at) < now() - interval '35 seconds'
UNION ALL
	-- I11: what a user's budget counts is what usage shows
	SELECT 'I11', jsonb_build_object('user_id', q.user_id, 'counted', q.month_spent, 'usage', g.cost)
	FROM quotas q, LATERAL (SELECT coalesce(sum(u.cost), 0) AS cost FROM usage u
		WHERE u.user_id = q.user_id AND u.created_at >= date_trunc('month', now(), 'UTC')) AS g
	WHERE q.user_id IS NOT NULL
		AND g.cost <> CASE WHEN q.spent_at >= date_trunc('month', now(), 'UTC') THEN q.month_spent ELSE 0 END
UNION ALL
	-- I14: a document that is ready has all its chunks, and in the space that is searched each has a vector or was skipped
	SELECT 'I14', jsonb_build_object('document_id', v.document_id, 'version', v.version, 'chunks', v.chunks, 'found', n.chunks, 'vectors', n.vectors)
	FROM kb_document d
		JOIN kb_version v ON v.document_id = d.id AND v.version = d.version AND v.state = 'ready'
		LEFT JOIN kb_space s ON s.kb_id = d.kb_id AND s.state = 'active', LATERAL (
			SELECT count(*) AS chunks, count(e.chunk_id) AS vectors
			FROM kb_chunk c LEFT JOIN kb_vec e ON e.chunk_id = c.id AND e.space_id = s.id
			WHERE c.document_id = d.id AND c.version = d.version) AS n
	WHERE n.chunks <> v.chunks OR (s.id IS NOT NULL AND n.vectors <> v.chunks);
COMMENT ON VIEW audit_broken IS 'Every row that breaks an invariant; empty when the ledger is sound.';
COMMENT ON COLUMN audit_broken.invariant IS 'I1 to I6, I9 to I11 or I14.';
COMMENT ON COLUMN audit_broken.detail IS 'The offending row.';
GRANT SELECT ON audit_ledger, audit_broken TO weir_service;

CREATE OR REPLACE FUNCTION audit_run() RETURNS TABLE (invariant text, ok boolean, detail jsonb)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	WITH broken AS MATERIALIZED (SELECT b.invariant, b.detail FROM audit_broken b)
	SELECT i.name, count(b.detail) = 0, jsonb_strip_nulls(jsonb_build_object(
		'rule', i.rule,
		'broken', nullif(count(b.detail), 0),
		'rows', (SELECT jsonb_agg(r.detail) FROM (SELECT x.detail FROM broken x WHERE x.invariant = i.name LIMIT 100) r),
		'sum', CASE i.name WHEN 'I1' THEN (
			SELECT jsonb_build_object('granted', coalesce(sum(granted), 0), 'available', coalesce(sum(available), 0),
				'held', coalesce(sum(held), 0), 'spent', coalesce(sum(spent), 0))
			FROM audit_ledger) END))
	FROM (VALUES
		('I1', 'granted = available + held + spent, per user and in sum'),
		('I2', 'every hold ended exactly once or is alive'),
		('I3', 'no balance below zero, ever'),
		('I4', 'balances rebuild from credits_history alone'),
		('I5', 'no hold or allowance older than its lease + 15 s'),
		('I6', 'spent <= held; any excess is on record and not charged'),
		('I9', 'no task runs without a heartbeat, or a job that carries it, for more than 35 s'),
		('I10', 'what calls of an allowance used is what its account paid'),
		('I11', 'what the budgets of users counted this month is what usage shows'),
		('I14', 'of each document that is ready vectors + skipped = passages')) AS i (name, rule)
		LEFT JOIN broken b ON b.invariant = i.name
	GROUP BY i.name, i.rule
	ORDER BY length(i.name), i.name
$$;
COMMENT ON FUNCTION audit_run() IS
	'One row per invariant, all of one snapshot. detail: the rule, the number of offending rows and up to 100 of them; for I1 the sums. Reads whole tables: for audits, not for every request.';

CREATE OR REPLACE FUNCTION audit_live_tasks()
	RETURNS TABLE (task_id uuid, user_id uuid, conversation_id uuid, type text, started_at timestamptz, owner uuid, owner_alive boolean)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT t.id, t.user_id, t.conversation_id, t.type, t.started_at, t.owner, task_is_alive(t)
	FROM tasks t WHERE t.completed_at IS NULL AND t.type NOT IN ('relay', 'embed') ORDER BY t.created_at
$$;
COMMENT ON FUNCTION audit_live_tasks() IS 'Live tasks, to be compared with the slots in Redis (I8); without those of the relay, whose places most calls take without a task, and those that embed, which take no slots.';
