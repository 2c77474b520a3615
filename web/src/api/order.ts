/* Folders of conversations, and several conversations as a file. */
import { call, patch, post, remove, send } from "./client";
import type { Folder, List } from "./types";

export const folders = {
	list: () => call<List<Folder>>("/api/folders"),
	create: (name: string) => post<Folder>("/api/folders", { name }),
	patch: (id: string, json: { name?: string; position?: number }) => patch<Folder>(`/api/folders/${id}`, json),
	remove: (id: string) => remove(`/api/folders/${id}`),
};

export const exportMany = async (ids: string[], format: "json" | "markdown") =>
	(await send("/api/conversations/export", { method: "POST", json: { ids, format } })).blob();
