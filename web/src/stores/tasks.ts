/* Tasks that run, as far as this page knows, and those that ended unseen. */
import { create } from "zustand";
import type { Task, TaskLimits, TaskStatus } from "@/api/types";

export interface ActiveTask {
	id: string;
	conversationId: string | null;
	progress: number;
	startedAt: number;
	/** A picture or film, not an answer. */
	made: boolean;
}

export type LimitReason = "task_queue_full" | "conversation_queue_full";
export interface StartDecision {
	allowed: boolean;
	reason?: LimitReason;
}

interface TaskState {
	active: Record<string, ActiveTask>;
	/** Finished tasks not yet looked at, by conversation. */
	finished: Record<string, number>;
	limits: { global: number; conversation: number };
	startTask: (id: string, conversationId: string | null, made?: boolean) => void;
	updateTaskProgress: (id: string, progress: number) => void;
	completeTask: (id: string) => void;
	failTask: (id: string) => void;
	/** Replaces what is known by what the server says, after a gap. */
	mergeTasks: (tasks: Task[]) => void;
	setLimits: (limits: TaskLimits) => void;
	markSeen: (conversationId: string) => void;
	markFinished: (conversationId: string) => void;
	clear: () => void;
}

const initial = { active: {}, finished: {}, limits: { global: 15, conversation: 5 } };

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
	if (!(key in record)) return record;
	const { [key]: _gone, ...rest } = record;
	return rest;
}

export const useTasks = create<TaskState>((set) => ({
	...initial,
	startTask: (id, conversationId, made = false) =>
		set((s) =>
			id in s.active
				? s
				: { active: { ...s.active, [id]: { id, conversationId, progress: 0, startedAt: Date.now(), made } } },
		),
	updateTaskProgress: (id, progress) =>
		set((s) => {
			const task = s.active[id];
			return task ? { active: { ...s.active, [id]: { ...task, progress } } } : s;
		}),
	completeTask: (id) => set((s) => ({ active: without(s.active, id) })),
	failTask: (id) => set((s) => ({ active: without(s.active, id) })),
	mergeTasks: (tasks) =>
		set((s) => ({
			active: Object.fromEntries(
				tasks
					.filter((t) => isLive(t.status))
					.map((t) => [
						t.id,
						{
							id: t.id,
							conversationId: t.conversation_id,
							progress: t.progress,
							startedAt: s.active[t.id]?.startedAt ?? Date.parse(t.created_at),
							made: t.type === "image" || t.type === "video",
						},
					]),
			),
		})),
	setLimits: (limits) =>
		set({ limits: { global: limits.global.limit, conversation: limits.conversation.limit } }),
	markSeen: (conversationId) => set((s) => ({ finished: without(s.finished, conversationId) })),
	markFinished: (conversationId) =>
		set((s) => ({ finished: { ...s.finished, [conversationId]: (s.finished[conversationId] ?? 0) + 1 } })),
	clear: () => set(initial),
}));

export function isLive(status: TaskStatus): boolean {
	return status === "pending" || status === "running";
}

export function getActiveTaskCount(conversationId?: string | null): number {
	const all = Object.values(useTasks.getState().active);
	return conversationId === undefined ? all.length : all.filter((t) => t.conversationId === conversationId).length;
}

/** Would the server accept another task? It decides; this saves the trip and tells why. */
export function canStartTask(conversationId: string | null): StartDecision {
	const { limits } = useTasks.getState();
	if (getActiveTaskCount() >= limits.global) return { allowed: false, reason: "task_queue_full" };
	if (conversationId !== null && getActiveTaskCount(conversationId) >= limits.conversation)
		return { allowed: false, reason: "conversation_queue_full" };
	return { allowed: true };
}
