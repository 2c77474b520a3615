import { QueryClient } from "@tanstack/react-query";
import { isTransient } from "@/api/errors";

/** Reads are tried again after a server's or the network's fault, twice; 4xx and 429 never. */
export const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 30_000,
			retry: (count, error) => count < 2 && isTransient(error),
			retryDelay: (count) => 500 * 2 ** count,
			refetchOnWindowFocus: false,
		},
		mutations: { retry: false },
	},
});

/** Sets what is known now. A read that is on its way may be older: it is made again. */
export function setNewer<T>(queryKey: readonly unknown[], update: (data: T | undefined) => T | undefined) {
	const onItsWay = queryClient.getQueryState(queryKey)?.fetchStatus === "fetching";
	queryClient.setQueryData<T>(queryKey, update);
	if (onItsWay) void queryClient.invalidateQueries({ queryKey });
}

export const keys = {
	me: ["me"] as const,
	history: ["me", "history"] as const,
	holds: ["me", "holds"] as const,
	sessions: ["me", "sessions"] as const,
	preferences: ["me", "preferences"] as const,
	push: ["me", "push"] as const,
	apiKeys: ["me", "keys"] as const,
	keyList: (q: string, status: string) => ["me", "keys", q, status] as const,
	quota: ["me", "quota"] as const,
	usage: (...rest: string[]) => ["usage", ...rest] as [string, ...string[]],
	/** What a list shows, as it is asked of the server. */
	conversations: (ask: { view?: string; folder_id?: string; q?: string } = {}) => ["conversations", ask] as const,
	folders: ["folders"] as const,
	allConversations: ["conversations"] as const,
	conversation: (id: string) => ["conversation", id] as const,
	messages: (id: string) => ["messages", id] as const,
	models: ["models"] as const,
	agents: ["agents"] as const,
	knowledge: ["knowledge"] as const,
	admin: (...rest: (string | number)[]) => ["admin", ...rest] as const,
};
