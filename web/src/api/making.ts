/* The routes that have pictures and films made. */
import { type Op, PATHS } from "@/lib/making";
import { call, remove } from "./client";
import type { List, Task } from "./types";

const PAGE = 60;

export const making = {
	/** Of pictures and films, the newest first. */
	list: (before_id?: string) => call<List<Task>>("/api/tasks", { query: { type: "image,video", limit: PAGE, before_id } }),
	get: (id: string) => call<Task>(`/api/tasks/${id}`),
	/** `key`: the same is asked once, however often it is sent. */
	make: (op: Op, json: unknown, key: string) =>
		call<{ task: Task }>(PATHS[op], { method: "POST", json, headers: { "Idempotency-Key": key } }),
	removeFile: (id: string) => remove(`/api/uploads/${id}`),
};
