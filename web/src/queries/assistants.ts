import { useQuery } from "@tanstack/react-query";
import { type Assistant, assistants } from "@/api/assistants";
import { queryClient } from "./client";
import { usePaged } from "./paged";

const KEY = ["assistants"] as const;
export const PROMPTS = ["prompts"] as const;

/** Those one may use, newest first. */
export function useAssistants() {
	return useQuery({ queryKey: [...KEY, "list"], queryFn: () => assistants.list({}), staleTime: 300_000 });
}

/** One's own; there are no more than a page of them. */
export function useOwnAssistants() {
	return useQuery({ queryKey: [...KEY, "own"], queryFn: () => assistants.list({ scope: "own" }), staleTime: 300_000 });
}

/** Those of others, page after page: what was taken by a link first, then what the house may use. */
export function useOthersAssistants() {
	const taken = usePaged<Assistant>([...KEY, "taken"], (ask) => assistants.list({ ...ask, scope: "taken" }), { limit: 100, staleTime: 300_000 });
	const house = usePaged<Assistant>([...KEY, "house"], (ask) => assistants.list({ ...ask, scope: "house" }), { limit: 100, staleTime: 300_000 });
	const next = [taken.query, house.query].find((query) => query.hasNextPage);
	return {
		items: [...taken.items, ...house.items],
		more: next && (() => void next.fetchNextPage()),
		isFetching: taken.query.isFetchingNextPage || house.query.isFetchingNextPage,
		error: taken.query.error ?? house.query.error,
	};
}

/** One of them, as much of it as one may see; null: none. */
export function useAssistant(id: string | null | undefined) {
	return useQuery({ queryKey: [...KEY, id], queryFn: () => assistants.get(id!), enabled: !!id, staleTime: 300_000 });
}

export const refreshAssistants = () => queryClient.invalidateQueries({ queryKey: KEY });
