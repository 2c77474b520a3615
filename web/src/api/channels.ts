/* Channels, their keys, and where a call would go: for admins. */
import { call, patch, post, remove } from "./client";
import type { Body, Channel, ChannelBalance, ChannelEvent, ChannelStats, ChannelTest, ChannelTrial, List, ProviderModels, RouteExplained } from "./types";

const at = (id: number) => `/api/admin/channels/${id}`;

/** All of them, page by page. */
async function all(): Promise<List<Channel>> {
	const items: Channel[] = [];
	for (;;) {
		const page = await call<List<Channel>>("/api/admin/channels", { query: { limit: 100, after_id: items.at(-1)?.id } });
		items.push(...page.items);
		if (!page.has_more) return { items, has_more: false };
	}
}

/** Those that are enabled, some dozens at once. */
async function testAll(): Promise<ChannelTrial[]> {
	const items: ChannelTrial[] = [];
	for (;;) {
		const page = await post<List<ChannelTrial>>("/api/admin/channels/test-all", { after_id: items.at(-1)?.channel_id ?? 0 });
		items.push(...page.items);
		if (!page.has_more) return items;
	}
}

export const channels = {
	channels: all,
	createChannel: (json: unknown) => post<Channel>("/api/admin/channels", json),
	patchChannel: (id: number, json: unknown) => patch<Channel>(at(id), json),
	removeChannel: (id: number) => remove(at(id)),
	testChannel: (id: number, json: Body<"/api/admin/channels/{channel_id}/test", "post"> = {}) => post<ChannelTest>(`${at(id)}/test`, json),
	testAllChannels: testAll,
	channelStats: (id: number) => call<ChannelStats>(`${at(id)}/stats`),
	channelEvents: async (id: number) => (await call<List<ChannelEvent>>("/api/admin/channels/events", { query: { channel_id: id, limit: 20 } })).items,
	providerModels: (id: number) => post<ProviderModels>(`${at(id)}/fetch-models`),
	channelBalances: (id: number) => post<{ items: ChannelBalance[] }>(`${at(id)}/balance`),
	addChannelKey: (id: number, json: Body<"/api/admin/channels/{channel_id}/keys", "post">) => post<Channel>(`${at(id)}/keys`, json),
	patchChannelKey: (id: number, key: number, json: Body<"/api/admin/channels/{channel_id}/keys/{key_id}", "patch">) => patch<Channel>(`${at(id)}/keys/${key}`, json),
	removeChannelKey: (id: number, key: number) => remove(`${at(id)}/keys/${key}`),
	explainRoute: (json: Body<"/api/admin/route-test", "post">) => post<RouteExplained>("/api/admin/route-test", json),
};
