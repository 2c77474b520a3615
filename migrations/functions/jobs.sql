-- The queue of jobs and the calendar.
--
-- A job is submitted in the transaction that wants it done: it is there when that is, and not otherwise. Whoever takes one has
-- it until its lease ends, which its owner extends while it lives; a job whose owner is dead is taken again. So a job is done
-- at least once, and a function that must not do a thing twice says so to itself in the database.
--
-- Order of locks: jobs, job_kinds, both after whatever else a transaction holds (see functions/task.sql). jobs_take() locks the
-- kind first and passes over jobs that others hold: it waits for none.

CREATE OR REPLACE FUNCTION job_submit(
	p_id uuid, p_kind text, p_payload jsonb, p_sealed bytea, p_unique_key text, p_user_id uuid, p_delay_ms bigint, p_priority int)
	RETURNS uuid
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_id uuid;
BEGIN
	INSERT INTO jobs (id, kind, payload, sealed, unique_key, user_id, run_at, priority)
	VALUES (p_id, p_kind, coalesce(p_payload, '{}'), p_sealed, p_unique_key, p_user_id,
		now() + p_delay_ms * interval '1 millisecond', p_priority)
	ON CONFLICT DO NOTHING RETURNING id INTO v_id;
	IF v_id IS NULL THEN
		SELECT j.id INTO v_id FROM jobs j
		WHERE j.id = p_id OR (j.kind = p_kind AND j.unique_key = p_unique_key AND j.status IN ('waiting', 'running'))
		ORDER BY j.id = p_id DESC LIMIT 1;
	ELSIF p_delay_ms <= 0 THEN
		PERFORM pg_notify('weir_jobs', p_kind);
	END IF;
	RETURN v_id;
END
$$;
COMMENT ON FUNCTION job_submit(uuid, text, jsonb, bytea, text, uuid, bigint, int) IS
	'Queues a job and wakes the workers when this transaction commits. Its id, or that of the live job of the kind that has the unique key already. Asked again with the same id it changes nothing.';

CREATE OR REPLACE FUNCTION jobs_take(p_owner uuid, p_kind text, p_free int, p_at_once int, p_lease_ms bigint, p_tries int)
	RETURNS SETOF job_taken
	LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
DECLARE
	v_paused boolean;
	v_running int;
BEGIN
	IF NOT EXISTS (SELECT FROM jobs j WHERE j.kind = p_kind AND (
		(j.status = 'waiting' AND j.run_at <= now())
		OR (j.status = 'running' AND (j.lease_until < now() OR NOT process_is_alive(j.owner))))) THEN
		RETURN; -- nothing to lock anybody out for
	END IF;
	-- how many run is exact only while nobody else takes jobs of the kind
	LOOP
		SELECT k.paused INTO v_paused FROM job_kinds k WHERE k.kind = p_kind FOR NO KEY UPDATE;
		EXIT WHEN FOUND;
		INSERT INTO job_kinds (kind) VALUES (p_kind) ON CONFLICT DO NOTHING;
	END LOOP;
	-- of the dead: what has used up its tries is dead, too, the rest waits again
	UPDATE jobs j SET
		status = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN j.attempts >= p_tries THEN 'dead' ELSE 'waiting' END,
		ended_at = CASE WHEN j.cancel_requested_at IS NOT NULL OR j.attempts >= p_tries THEN now() END,
		lease_until = NULL, error = 'its process died'
	WHERE j.id = ANY (ARRAY(
		SELECT r.id FROM jobs r
		WHERE r.kind = p_kind AND r.status = 'running' AND (r.lease_until < now() OR NOT process_is_alive(r.owner))
		FOR NO KEY UPDATE SKIP LOCKED));
	IF v_paused THEN
		RETURN;
	END IF;
	SELECT count(*) INTO v_running FROM jobs j WHERE j.kind = p_kind AND j.status = 'running';
	RETURN QUERY
		UPDATE jobs j SET status = 'running', attempts = j.attempts + 1, owner = p_owner, started_at = now(),
			lease_until = now() + p_lease_ms * interval '1 millisecond'
		WHERE j.id = ANY (ARRAY(
			SELECT w.id FROM jobs w
			WHERE w.kind = p_kind AND w.status = 'waiting' AND w.run_at <= now()
			ORDER BY w.priority DESC, w.run_at, w.id LIMIT greatest(least(p_free, p_at_once - v_running), 0)
			FOR NO KEY UPDATE SKIP LOCKED))
		RETURNING j.id, j.kind::text, j.payload, j.sealed, j.user_id, j.attempts;
END
$$;
COMMENT ON FUNCTION jobs_take(uuid, text, int, int, bigint, int) IS
	'Takes what is due of a kind, the most urgent first: at most p_free, and never more than p_at_once running over all workers. Jobs whose process is dead, or whose lease is over, are taken up again, or dead after p_tries. Nothing of a kind that is paused.';

CREATE OR REPLACE FUNCTION jobs_extend(p_owner uuid, p_ids uuid[], p_lease_ms bigint) RETURNS uuid[]
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	WITH mine AS (
		UPDATE jobs j SET lease_until = now() + p_lease_ms * interval '1 millisecond'
		WHERE j.id = ANY (p_ids) AND j.owner = p_owner AND j.status = 'running'
		RETURNING j.id, j.cancel_requested_at
	)
	SELECT array_agg(i.id) FROM unnest(p_ids) AS i (id) LEFT JOIN mine m ON m.id = i.id
	WHERE m.id IS NULL OR m.cancel_requested_at IS NOT NULL;
$$;
COMMENT ON FUNCTION jobs_extend(uuid, uuid[], bigint) IS
	'The owner of these running jobs lives. Returns those of them that should stop: somebody asked for it, or they are the caller''s no more; NULL: none.';

CREATE OR REPLACE FUNCTION job_done(p_owner uuid, p_id uuid, p_ms bigint) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- who was woken while it looked, looks again
	UPDATE jobs j SET status = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN j.woken THEN 'waiting' ELSE 'done' END,
		ended_at = CASE WHEN j.woken AND j.cancel_requested_at IS NULL THEN NULL ELSE now() END,
		attempts = CASE WHEN j.woken AND j.cancel_requested_at IS NULL THEN 0 ELSE j.attempts END, woken = false, run_at = now(),
		lease_until = NULL, error = NULL, sealed = CASE WHEN j.woken THEN j.sealed END, run_ms = j.run_ms + p_ms
	WHERE j.id = p_id AND j.owner = p_owner AND j.status = 'running';
	RETURN FOUND
		OR EXISTS (SELECT FROM jobs j WHERE j.id = p_id AND j.owner = p_owner AND j.status IN ('done', 'cancelled'));
END
$$;
COMMENT ON FUNCTION job_done(uuid, uuid, bigint) IS
	'Ends a job that its owner has done in p_ms milliseconds; one that was woken meanwhile waits again. False: it is not the caller''s any more. Asked again it answers the same.';

CREATE OR REPLACE FUNCTION job_later(p_owner uuid, p_id uuid, p_delay_ms bigint, p_ms bigint) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE jobs j SET status = CASE WHEN j.cancel_requested_at IS NULL THEN 'waiting' ELSE 'cancelled' END,
		ended_at = CASE WHEN j.cancel_requested_at IS NOT NULL THEN now() END,
		attempts = 0, run_ms = j.run_ms + p_ms, lease_until = NULL, error = NULL, woken = false,
		run_at = now() + CASE WHEN j.woken THEN 0 ELSE p_delay_ms END * interval '1 millisecond'
	WHERE j.id = p_id AND j.owner = p_owner AND j.status = 'running';
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION job_later(uuid, uuid, bigint, bigint) IS
	'A step is done and the next is due in a while: the job waits again, with all its tries. False: it is not the caller''s any more.';

CREATE OR REPLACE FUNCTION job_failed(
	p_owner uuid, p_id uuid, p_error text, p_tries int, p_first_ms bigint, p_longest_ms bigint, p_final boolean, p_ms bigint)
	RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v jobs;
BEGIN
	UPDATE jobs j SET
		status = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
			WHEN p_final OR j.attempts >= p_tries THEN 'dead' ELSE 'waiting' END,
		ended_at = CASE WHEN j.cancel_requested_at IS NOT NULL OR p_final OR j.attempts >= p_tries THEN now() END,
		lease_until = NULL, error = left(p_error, 500), run_ms = j.run_ms + p_ms,
		-- doubled with each try, and a quarter more or less, so that what failed together does not come back together
		run_at = now() + least(p_first_ms * 2 ^ (j.attempts - 1), p_longest_ms) * (0.75 + random() * 0.5) * interval '1 millisecond'
	WHERE j.id = p_id AND j.owner = p_owner AND j.status = 'running' RETURNING * INTO v;
	UPDATE job_kinds k SET updated_at = now(), retried = k.retried + (v.status = 'waiting')::int, died = k.died + (v.status = 'dead')::int
	WHERE k.kind = v.kind;
	RETURN v.status;
END
$$;
COMMENT ON FUNCTION job_failed(uuid, uuid, text, int, bigint, bigint, boolean, bigint) IS
	'A try has failed: the job waits for the next, or is dead when that was the last (or p_final: another would not help). Its status now; NULL: it is not the caller''s any more.';

CREATE OR REPLACE FUNCTION job_wake(p_id uuid) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE jobs j SET run_at = least(j.run_at, now()), woken = j.status = 'running'
	WHERE j.id = p_id AND j.status IN ('waiting', 'running');
	PERFORM pg_notify('weir_jobs', j.kind) FROM jobs j WHERE j.id = p_id AND j.status = 'waiting';
END
$$;
COMMENT ON FUNCTION job_wake(uuid) IS 'What a job that waits for later waits for has come: it is due now, and one that runs as soon as this step is done.';

CREATE OR REPLACE FUNCTION job_cancel(p_id uuid) RETURNS SETOF jobs
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE jobs j SET status = 'cancelled', ended_at = now() WHERE j.id = p_id AND j.status = 'waiting';
	UPDATE jobs j SET cancel_requested_at = coalesce(j.cancel_requested_at, now()) WHERE j.id = p_id AND j.status = 'running';
	RETURN QUERY SELECT j.* FROM jobs j WHERE j.id = p_id;
END
$$;
COMMENT ON FUNCTION job_cancel(uuid) IS 'Cancels a job that waits, asks one that runs to stop, leaves one that has ended; its row, or none.';

CREATE OR REPLACE FUNCTION job_retry(p_id uuid) RETURNS SETOF jobs
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE jobs j SET status = 'waiting', attempts = 0, run_at = now(), ended_at = NULL, cancel_requested_at = NULL
	WHERE j.id = p_id AND (j.status IN ('dead', 'cancelled') OR (j.status = 'waiting' AND j.run_at > now()))
		AND NOT EXISTS (SELECT FROM jobs o WHERE o.kind = j.kind AND o.unique_key = j.unique_key AND o.id <> j.id
			AND o.status IN ('waiting', 'running'));
	IF FOUND THEN
		PERFORM pg_notify('weir_jobs', (SELECT j.kind FROM jobs j WHERE j.id = p_id));
	END IF;
	RETURN QUERY SELECT j.* FROM jobs j WHERE j.id = p_id;
END
$$;
COMMENT ON FUNCTION job_retry(uuid) IS
	'Lets a job that is dead, cancelled or put off run now, with all its tries; any other, and one whose unique key another has taken, stays as it is. Its row, or none.';

CREATE OR REPLACE FUNCTION jobs_replay(p_kind text, p_from timestamptz, p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_id uuid;
	v_n int := 0;
BEGIN
	FOR v_id IN SELECT j.id FROM jobs j WHERE j.kind = p_kind AND j.status = 'dead' AND j.ended_at >= p_from
		ORDER BY j.id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED LOOP
		v_n := v_n + (SELECT count(*) FROM job_retry(v_id) r WHERE r.status = 'waiting');
	END LOOP;
	RETURN v_n;
END
$$;
COMMENT ON FUNCTION jobs_replay(text, timestamptz, int) IS 'Lets what died of a kind since then run again, at most p_limit; how many.';

CREATE OR REPLACE FUNCTION jobs_overview()
	RETURNS TABLE (kind text, paused boolean, waiting bigint, running bigint, dead bigint, oldest_s bigint, done bigint,
		retried bigint, died bigint, run_ms bigint)
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT coalesce(k.kind, j.kind)::text, coalesce(k.paused, false), coalesce(j.waiting, 0), coalesce(j.running, 0), coalesce(j.dead, 0),
		coalesce(j.oldest_s, 0), coalesce(k.done, 0) + coalesce(j.done, 0), coalesce(k.retried, 0), coalesce(k.died, 0),
		coalesce(k.run_ms, 0) + coalesce(j.run_ms, 0)
	FROM job_kinds k FULL JOIN (
		SELECT j.kind, count(*) FILTER (WHERE j.status = 'waiting') AS waiting, count(*) FILTER (WHERE j.status = 'running') AS running,
			count(*) FILTER (WHERE j.status = 'dead') AS dead, count(*) FILTER (WHERE j.status = 'done') AS done,
			sum(j.run_ms)::bigint AS run_ms,
			greatest(extract(epoch FROM now() - min(j.run_at) FILTER (WHERE j.status = 'waiting'))::bigint, 0) AS oldest_s
		FROM jobs j GROUP BY j.kind) AS j ON j.kind = k.kind
	ORDER BY 1;
$$;
COMMENT ON FUNCTION jobs_overview() IS
	'What stands of each kind: how many wait (also for later), run and are dead; oldest_s: since how many seconds the first that waits is due.';

CREATE OR REPLACE FUNCTION cron_field(p_field text, p_least int, p_most int) RETURNS int[]
	LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp
AS $$
DECLARE
	v_part text;
	v text[];
	v_from int;
	v_to int;
	v_all int[] := '{}';
BEGIN
	FOREACH v_part IN ARRAY string_to_array(p_field, ',') LOOP
		v := regexp_match(v_part, '^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?$');
		IF v IS NULL THEN
			RAISE EXCEPTION 'cron: "%" is not understood', v_part USING ERRCODE = 'invalid_parameter_value';
		END IF;
		v_from := CASE WHEN v[1] IS NOT NULL THEN p_least ELSE v[2]::int END;
		-- "3/5" is from 3 on, as "3-59/5"
		v_to := CASE WHEN v[1] IS NOT NULL OR (v[3] IS NULL AND v[4] IS NOT NULL) THEN p_most ELSE coalesce(v[3], v[2])::int END;
		IF v_from < p_least OR v_to > p_most OR v_from > v_to OR v[4]::int = 0 THEN
			RAISE EXCEPTION 'cron: "%" is not within % to %', v_part, p_least, p_most USING ERRCODE = 'invalid_parameter_value';
		END IF;
		v_all := v_all || ARRAY(SELECT generate_series(v_from, v_to, coalesce(v[4]::int, 1)));
	END LOOP;
	IF cardinality(v_all) = 0 THEN
		RAISE EXCEPTION 'cron: a field is empty' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN v_all;
END
$$;
COMMENT ON FUNCTION cron_field(text, int, int) IS 'The numbers that a field of a cron line names: "*", "5", "1-5", "*/10", "0,30".';

CREATE OR REPLACE FUNCTION cron_fields(p_cron text) RETURNS text[]
	LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp
AS $$
DECLARE
	c_months constant text[] := '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}';
	c_weekdays constant text[] := '{sun,mon,tue,wed,thu,fri,sat}';
	v text[] := regexp_split_to_array(lower(trim(p_cron)), '\s+');
BEGIN
	v := CASE WHEN cardinality(v) <> 1 THEN v
		WHEN v[1] = '@hourly' THEN '{0,*,*,*,*}'
		WHEN v[1] IN ('@daily', '@midnight') THEN '{0,0,*,*,*}'
		WHEN v[1] = '@weekly' THEN '{0,0,*,*,0}'
		WHEN v[1] = '@monthly' THEN '{0,0,1,*,*}'
		WHEN v[1] IN ('@yearly', '@annually') THEN '{0,0,1,1,*}'
		ELSE v END;
	IF cardinality(v) <> 5 THEN
		RAISE EXCEPTION 'cron: five fields are wanted: minute, hour, day, month, weekday' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR i IN 1..12 LOOP
		v[4] := regexp_replace(v[4], '\m' || c_months[i] || '\M', i::text, 'g');
	END LOOP;
	-- a week that begins on Sunday ends with it, too: fri-sun is 5-7
	v[5] := regexp_replace(v[5], '-sun\M', '-7', 'g');
	FOR i IN 1..7 LOOP
		v[5] := regexp_replace(v[5], '\m' || c_weekdays[i] || '\M', (i - 1)::text, 'g');
	END LOOP;
	RETURN v;
END
$$;
COMMENT ON FUNCTION cron_fields(text) IS
	'The five fields of a cron line, with numbers for the names of months and weekdays (jan, MON-FRI) and for @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually. Raises invalid_parameter_value where there are not five.';

CREATE OR REPLACE FUNCTION cron_next(p_cron text, p_time_zone text, p_after timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
DECLARE
	v text[] := cron_fields(p_cron);
	v_minutes int[];
	v_hours int[];
	v_days int[];
	v_months int[];
	v_weekdays int[];
	v_local timestamp := date_trunc('minute', p_after AT TIME ZONE p_time_zone);
	v_day date := v_local::date;
	v_at timestamptz;
BEGIN
	v_minutes := cron_field(v[1], 0, 59);
	v_hours := cron_field(v[2], 0, 23);
	v_days := cron_field(v[3], 1, 31);
	v_months := cron_field(v[4], 1, 12);
	v_weekdays := cron_field(v[5], 0, 7); -- Sunday is 0 and 7
	FOR i IN 0..1462 LOOP -- four years: the 29th of February comes once in them
		-- as crontab(5) has it: when both days are restricted (there is no * in them, nor */2), either will do
		IF extract(month FROM v_day + i)::int = ANY (v_months) AND (CASE
			WHEN v[3] NOT LIKE '%*%' AND v[5] NOT LIKE '%*%' THEN extract(day FROM v_day + i)::int = ANY (v_days)
				OR extract(dow FROM v_day + i)::int = ANY (v_weekdays) OR extract(isodow FROM v_day + i)::int = ANY (v_weekdays)
			ELSE extract(day FROM v_day + i)::int = ANY (v_days)
				AND (extract(dow FROM v_day + i)::int = ANY (v_weekdays) OR extract(isodow FROM v_day + i)::int = ANY (v_weekdays)) END)
		THEN
			-- an hour that the clock skips comes as the one after it, one that it repeats comes once
			SELECT min(t.at) INTO v_at
			FROM (SELECT (v_day + i + make_time(h, m, 0)) AT TIME ZONE p_time_zone AS at
				FROM unnest(v_hours) AS h, unnest(v_minutes) AS m) AS t
			WHERE t.at > p_after;
			IF v_at IS NOT NULL THEN
				RETURN v_at;
			END IF;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION cron_next(text, text, timestamptz) IS
	'The first time after p_after that a cron line (five fields, crontab(5); cron_fields()) names in a time zone; NULL: none within four years. Raises invalid_parameter_value for a line or zone it does not understand.';

CREATE OR REPLACE FUNCTION schedules_run(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v schedules;
	v_id uuid;
	v_n int := 0;
BEGIN
	FOR v IN SELECT * FROM schedules s WHERE s.enabled AND (s.next_at IS NULL OR s.next_at <= now())
		ORDER BY s.name LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED LOOP
		v_id := NULL;
		IF v.next_at IS NOT NULL THEN
			v_id := job_submit(gen_random_uuid(), v.kind, v.payload, NULL, 'schedule:' || v.name, NULL, 0, 0);
			v_n := v_n + 1;
		END IF;
		UPDATE schedules s SET last_at = coalesce(v.next_at, s.last_at), last_job = coalesce(v_id, s.last_job),
			next_at = coalesce(cron_next(v.cron, v.time_zone, now()), 'infinity'), updated_at = now()
		WHERE s.name = v.name;
	END LOOP;
	RETURN v_n;
END
$$;
COMMENT ON FUNCTION schedules_run(int) IS
	'Submits what the calendar says is due, once for all hosts; what was missed while nobody looked is done once. While the job of the time before lives there is no second. How many times came.';

CREATE OR REPLACE FUNCTION jobs_due(p_kinds text[]) RETURNS text[]
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT array_agg(k.kind) FROM unnest(p_kinds) AS k (kind)
	WHERE EXISTS (SELECT FROM jobs j WHERE j.kind = k.kind AND j.status = 'waiting' AND j.run_at <= now())
		OR EXISTS (SELECT FROM jobs j WHERE j.kind = k.kind AND j.status = 'running'
			AND (j.lease_until < now() OR NOT process_is_alive(j.owner)));
$$;
COMMENT ON FUNCTION jobs_due(text[]) IS 'Of which of these kinds is there something to take? NULL: of none.';

CREATE OR REPLACE FUNCTION schedules_know(p_names text[], p_crons text[], p_kinds text[]) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	INSERT INTO schedules (name, cron, kind) SELECT * FROM unnest(p_names, p_crons, p_kinds) ON CONFLICT DO NOTHING;
$$;
COMMENT ON FUNCTION schedules_know(text[], text[], text[]) IS
	'Makes the rows of what a build does by the calendar; what is there stays as operators have set it.';

CREATE OR REPLACE FUNCTION jobs_prune(p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_n int;
BEGIN
	WITH gone AS (
		DELETE FROM jobs WHERE id = ANY (ARRAY(
			SELECT j.id FROM jobs j
			WHERE j.ended_at < now() - CASE j.status WHEN 'done' THEN interval '1 hour' ELSE interval '30 days' END
				AND j.status IN ('done', 'dead', 'cancelled') LIMIT p_limit FOR UPDATE SKIP LOCKED))
		RETURNING kind, status, run_ms
	), counted AS (
		INSERT INTO job_kinds AS k (kind, done, run_ms)
		SELECT g.kind, count(*) FILTER (WHERE g.status = 'done'), sum(g.run_ms) FROM gone g GROUP BY g.kind ORDER BY g.kind
		ON CONFLICT (kind) DO UPDATE SET done = k.done + excluded.done, run_ms = k.run_ms + excluded.run_ms, updated_at = now()
	)
	SELECT count(*) INTO v_n FROM gone;
	RETURN v_n;
END
$$;
COMMENT ON FUNCTION jobs_prune(int) IS
	'Removes at most p_limit jobs that were done an hour ago, or died or were cancelled 30 days ago, and keeps the sums; how many.';
