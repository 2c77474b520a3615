/* The routes about jobs, for admins. */
import { call, patch, post } from "./client";
import type { Job, JobQueue, List, PageAsk, Schedule } from "./types";

export const jobs = {
	list: (query: PageAsk<string> & { status?: string; kind?: string }) => call<List<Job>>("/api/admin/jobs", { query: { ...query } }),
	retry: (id: string) => post<Job>(`/api/admin/jobs/${id}/retry`),
	cancel: (id: string) => post<Job>(`/api/admin/jobs/${id}/cancel`),
	replay: (kind: string, from: string) => post<{ replayed: number }>("/api/admin/jobs/replay", { kind, from }),
	queues: () => call<{ items: JobQueue[] }>("/api/admin/queues"),
	pause: (kind: string, pause: boolean) => post<JobQueue>(`/api/admin/queues/${kind}/${pause ? "pause" : "resume"}`),
	schedules: () => call<{ items: Schedule[] }>("/api/admin/schedules"),
	patchSchedule: (name: string, json: { cron?: string; time_zone?: string; enabled?: boolean }) => patch<Schedule>(`/api/admin/schedules/${name}`, json),
	runSchedule: (name: string) => post<Job>(`/api/admin/schedules/${name}/run`),
};
