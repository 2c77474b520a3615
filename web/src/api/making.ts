/* The routes that have pictures and films made. */
import { call, post } from "./client";
import type { Body, List, Task } from "./types";

export const making = {
	list: () => call<List<Task>>("/api/tasks", { query: { limit: 100 } }),
	image: (json: Body<"/api/images/generate", "post">) => post<{ task: Task }>("/api/images/generate", json),
	video: (json: Body<"/api/videos/generate", "post">) => post<{ task: Task }>("/api/videos/generate", json),
};
