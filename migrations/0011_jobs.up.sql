-- Work that is done later, once: the queue, what is done by the calendar, which kinds are paused.

CREATE DOMAIN job_status AS varchar(10) CHECK (VALUE IN ('waiting', 'running', 'done', 'dead', 'cancelled'));
COMMENT ON DOMAIN job_status IS 'waiting and running are live; dead is for somebody to look at.';

CREATE TABLE jobs (
	id uuid PRIMARY KEY,
	kind varchar(50) NOT NULL,
	status job_status NOT NULL DEFAULT 'waiting',
	priority smallint NOT NULL DEFAULT 0,
	run_at timestamptz NOT NULL DEFAULT now(),
	payload jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(payload) = 'object'),
	sealed bytea,
	unique_key varchar(200),
	user_id uuid,
	attempts int NOT NULL DEFAULT 0,
	run_ms bigint NOT NULL DEFAULT 0,
	owner uuid,
	lease_until timestamptz,
	cancel_requested_at timestamptz,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz,
	ended_at timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- what a worker takes next; what has ended leaves it
CREATE INDEX jobs_next ON jobs (kind, priority DESC, run_at, id) WHERE status = 'waiting';
CREATE INDEX jobs_running ON jobs (kind, lease_until) WHERE status = 'running';
CREATE UNIQUE INDEX jobs_unique_key ON jobs (kind, unique_key) WHERE unique_key IS NOT NULL AND status IN ('waiting', 'running');
CREATE INDEX jobs_dead ON jobs (kind, id) WHERE status = 'dead';
CREATE INDEX jobs_ended ON jobs USING brin (ended_at);
COMMENT ON TABLE jobs IS
	'The queue. A row is written in the transaction that wants the work, taken by a worker with SKIP LOCKED, and ended once. About 300 bytes and three index entries while it lives; what is done is removed by jobs_prune() after an hour, what is dead or cancelled after 30 days.';
COMMENT ON COLUMN jobs.id IS 'UUIDv7, made by who submits it.';
COMMENT ON COLUMN jobs.kind IS 'Which function does it: src/house/jobs.def.';
COMMENT ON COLUMN jobs.status IS 'waiting until run_at, or for a worker; running; done; dead: it failed for good; cancelled.';
COMMENT ON COLUMN jobs.priority IS 'Higher is taken first.';
COMMENT ON COLUMN jobs.run_at IS 'Not before this time.';
COMMENT ON COLUMN jobs.payload IS 'What it is about. Shown to operators: no secrets.';
COMMENT ON COLUMN jobs.sealed IS 'What of it nobody may read, sealed with AES-256-GCM under the installation''s key; NULL: nothing. Removed when the job is done.';
COMMENT ON COLUMN jobs.unique_key IS 'While one of a kind lives with this key there is no second; NULL: there may be any number.';
COMMENT ON COLUMN jobs.user_id IS 'Whose business it is (no foreign key: it is done even when they are gone); NULL: the system''s.';
COMMENT ON COLUMN jobs.attempts IS 'How often it was begun.';
COMMENT ON COLUMN jobs.run_ms IS 'Time taken by its tries that ended, in milliseconds.';
COMMENT ON COLUMN jobs.owner IS 'Process that does it, or did it last (processes.id, no foreign key).';
COMMENT ON COLUMN jobs.lease_until IS 'While it runs: when others may take it unless the owner says that it lives.';
COMMENT ON COLUMN jobs.cancel_requested_at IS 'While it runs: somebody asked to stop it; the function learns of it between its steps.';
COMMENT ON COLUMN jobs.error IS 'Why the last try failed.';
COMMENT ON COLUMN jobs.created_at IS 'When it was submitted.';
COMMENT ON COLUMN jobs.started_at IS 'When the last try began.';
COMMENT ON COLUMN jobs.ended_at IS 'When it was done, given up or cancelled.';

CREATE TABLE job_kinds (
	kind varchar(50) PRIMARY KEY,
	paused boolean NOT NULL DEFAULT false,
	done bigint NOT NULL DEFAULT 0,
	retried bigint NOT NULL DEFAULT 0,
	died bigint NOT NULL DEFAULT 0,
	run_ms bigint NOT NULL DEFAULT 0,
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE job_kinds IS 'One row per kind of job: whether it is paused, and what was done of it. Locked while jobs of the kind are taken, so that all workers together keep to the number that may run at once.';
COMMENT ON COLUMN job_kinds.kind IS 'As in jobs.';
COMMENT ON COLUMN job_kinds.paused IS 'Nothing of this kind is taken; what runs goes on.';
COMMENT ON COLUMN job_kinds.done IS 'Jobs done that have been removed since: jobs_overview() adds those that are still there. Nothing is counted here per job, or all workers would wait for this row.';
COMMENT ON COLUMN job_kinds.retried IS 'Tries that failed and were put off.';
COMMENT ON COLUMN job_kinds.died IS 'Jobs that failed for good.';
COMMENT ON COLUMN job_kinds.run_ms IS 'Time taken by jobs that have been removed, in milliseconds.';
COMMENT ON COLUMN job_kinds.updated_at IS 'Last change.';

CREATE TABLE schedules (
	name varchar(50) PRIMARY KEY,
	kind varchar(50) NOT NULL,
	cron varchar(100) NOT NULL,
	time_zone varchar(50) NOT NULL DEFAULT 'UTC',
	payload jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(payload) = 'object'),
	enabled boolean NOT NULL DEFAULT true,
	next_at timestamptz,
	last_at timestamptz,
	last_job uuid,
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schedules IS 'What is done by the calendar: each time that comes submits one job, whichever host is first. Rows come from src/house/schedules.def; operators change time and zone.';
COMMENT ON COLUMN schedules.name IS 'What operators call it.';
COMMENT ON COLUMN schedules.kind IS 'Kind of the job.';
COMMENT ON COLUMN schedules.cron IS 'Minute, hour, day of month, month, day of week, as in crontab(5).';
COMMENT ON COLUMN schedules.time_zone IS 'Zone of these times, by its IANA name.';
COMMENT ON COLUMN schedules.payload IS 'Payload of the job.';
COMMENT ON COLUMN schedules.enabled IS 'false: it waits for nothing.';
COMMENT ON COLUMN schedules.next_at IS 'When it is due next; NULL: not reckoned yet, or never.';
COMMENT ON COLUMN schedules.last_at IS 'The time it was last due.';
COMMENT ON COLUMN schedules.last_job IS 'The job of that time (no foreign key: jobs are removed).';
COMMENT ON COLUMN schedules.updated_at IS 'Last change.';

GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, job_kinds, schedules TO weir_service;

CREATE TYPE job_taken AS (id uuid, kind text, payload jsonb, sealed bytea, user_id uuid, attempts int);
COMMENT ON TYPE job_taken IS 'A job that jobs_take() handed to the caller.';
