/* Lists that the server pages and, where it can, sorts. */
import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { List, PageAsk } from "@/api/types";

interface More {
	limit?: number;
	staleTime?: number;
	/** New ones come by themselves, unless one has gone on to further pages. */
	every_ms?: number | false;
}

/** Page after page of a list, in an order that may be chosen. What is behind the last item of a list that goes up is more than it. */
export function usePaged<T extends { id: string | number }>(queryKey: readonly unknown[], page: (ask: PageAsk<T["id"]>) => Promise<List<T>>, { limit = 50, staleTime = 0, every_ms = false }: More = {}) {
	const [sort, setSort] = useState<string>();
	const up = sort !== undefined && !sort.startsWith("-");
	const query = useInfiniteQuery<List<T>, Error, InfiniteData<List<T>>, readonly unknown[], T["id"] | undefined>({
		queryKey: [...queryKey, sort ?? ""],
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => page({ limit, ...(sort !== undefined && { sort }), ...(pageParam !== undefined && { [up ? "after_id" : "before_id"]: pageParam }) }),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		placeholderData: (before) => before,
		staleTime,
		refetchInterval: ({ state }) => (state.data && state.data.pages.length > 1 ? false : every_ms),
	});
	// What is shown meanwhile, of the question before, is asked whether there is more of it, too: query.hasNextPage knows only what has come.
	const hasNextPage = query.data?.pages.at(-1)?.has_more === true;
	return { query: { ...query, hasNextPage, sort, onSort: setSort }, items: query.data?.pages.flatMap((p) => p.items) ?? [] };
}
