-- pgbench -M prepared
-- One job: taken and done, each a call and a transaction of its own, as a worker with one free thread does.
SELECT id FROM jobs_take('00000000-0000-7000-8009-000000000001', 'pgbench', 1, 1000000, 60000, 3) \gset
SELECT job_done('00000000-0000-7000-8009-000000000001', :id::uuid, 1);
