DROP VIEW IF EXISTS audit_broken; -- it reads tasks.job_id
DROP FUNCTION IF EXISTS media_pictures, media_open, media_claim, media_unsent, media_accepted, media_unclear, media_called, media_progress,
	media_end, media_refetch, media_live, task_is_alive, job_wake;
DROP TABLE media_submits;
DROP DOMAIN media_submit_state;
DELETE FROM tasks WHERE job_id IS NOT NULL;
ALTER TABLE tasks DROP COLUMN job_id;
ALTER TABLE jobs DROP COLUMN woken;
ALTER TABLE llm_models DROP COLUMN media;
