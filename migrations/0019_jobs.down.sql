-- Its functions too, those of functions/jobs.sql.

DROP FUNCTION IF EXISTS job_submit, jobs_take, job_done, job_failed, job_later, jobs_extend, job_cancel, job_retry, jobs_replay,
	schedules_run, cron_next, cron_fields, cron_field, jobs_overview,
	jobs_due, schedules_know, jobs_prune;
DROP TYPE job_taken;
DROP TABLE jobs, job_kinds, schedules;
DROP DOMAIN job_status;
