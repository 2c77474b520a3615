/* The routes of tools of other servers. */
import { call, patch, post, remove } from "./client";
import type { components } from "./schema";
import type { List } from "./types";

type Schemas = components["schemas"];

export type ToolCall = Schemas["ToolCall"];
/** A server whose tools a conversation may have. */
export type OfferedTools = Schemas["OfferedTools"];
export type ToolServer = Schemas["ToolServer"];
export type ServerTool = Schemas["ServerTool"];

const at = (id: string) => `/api/admin/tool-servers/${id}`;

export const tools = {
	offered: () => call<List<OfferedTools>>("/api/tools"),
	servers: () => call<List<ToolServer>>("/api/admin/tool-servers"),
	create: (json: unknown) => post<ToolServer>("/api/admin/tool-servers", json),
	patch: (id: string, json: unknown) => patch<ToolServer>(at(id), json),
	remove: (id: string) => remove(at(id)),
	read: (id: string) => post<ToolServer>(`${at(id)}/read`),
};
