/* The routes that tell what was used. */
import { call, send } from "./client";
import type { List, PageAsk, UsageRecord, UsageSums } from "./types";

export interface UsageFilter {
	from?: string;
	model?: string;
	status?: string;
	key_id?: string;
	/** Admins only. */
	user_id?: string;
	channel?: string;
}
export type UsageSumsQuery = UsageFilter & { group_by: "day" | "hour" | "model" | "key" | "status" | "user" | "channel" };
export type UsageRecordsQuery = UsageFilter & PageAsk<number>;

export const usage = {
	sums: (query: UsageSumsQuery) => call<UsageSums>("/api/usage", { query: { ...query } }),
	records: (query: UsageRecordsQuery) => call<List<UsageRecord>>("/api/usage/records", { query: { ...query } }),
	csv: async (query: UsageFilter) => (await send("/api/usage/records.csv", { query: { ...query } })).blob(),
};
