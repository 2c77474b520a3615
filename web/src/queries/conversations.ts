import { type InfiniteData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Conversation, List } from "@/api/types";
import { conversations } from "@/api/weir";
import { tellTabs } from "@/lib/tabs";
import { useConversation } from "@/stores/conversation";
import { keys, queryClient, setNewer } from "./client";

type Pages = InfiniteData<List<Conversation>, string | undefined>;
const NOT_FOUND = 404;

/** The list of the sidebar: what was just made here first, then what the server lists. */
export function useConversations(search: string) {
	const fresh = useConversation((s) => s.fresh);
	const query = useInfiniteQuery({
		queryKey: keys.conversations(search),
		initialPageParam: undefined as string | undefined,
		queryFn: ({ pageParam }) => conversations.list({ limit: 50, before_id: pageParam, q: search }),
		getNextPageParam: (page) => (page.has_more ? page.items.at(-1)?.id : undefined),
		placeholderData: (before) => before,
	});
	const items = useMemo(() => {
		const listed = query.data?.pages.flatMap((p) => p.items) ?? [];
		const ids = new Set(listed.map((c) => c.id));
		const wanted = search.toLowerCase();
		const own = fresh.filter((c) => !ids.has(c.id) && c.title.toLowerCase().includes(wanted));
		return [...own, ...listed];
	}, [query.data, fresh, search]);
	return { ...query, items };
}

export function useConversationById(id: string | null) {
	return useQuery({
		queryKey: keys.conversation(id ?? ""),
		enabled: id !== null,
		queryFn: () => conversations.get(id!),
		initialData: () => (id === null ? undefined : known(id)),
		initialDataUpdatedAt: 0,
		retry: (count, error) => (error as { status?: number }).status !== NOT_FOUND && count < 2,
	});
}

export function known(id: string): Conversation | undefined {
	const lists = queryClient.getQueriesData<Pages>({ queryKey: keys.allConversations });
	for (const [, data] of lists)
		for (const page of data?.pages ?? []) {
			const found = page.items.find((c) => c.id === id);
			if (found) return found;
		}
	return useConversation.getState().fresh.find((c) => c.id === id);
}

/** Everywhere the conversation is shown: list, title bar, fresh ones. */
export function changeConversation(id: string, change: Partial<Conversation>) {
	queryClient.setQueriesData<Pages>({ queryKey: keys.allConversations }, (data) =>
		data
			? {
					...data,
					pages: data.pages.map((p) => ({
						...p,
						items: p.items.map((c) => (c.id === id ? { ...c, ...change } : c)),
					})),
				}
			: data,
	);
	setNewer<Conversation>(keys.conversation(id), (c) => (c ? { ...c, ...change } : c));
	useConversation.getState().changeFresh(id, change);
}

/** One conversation as the server has it now, wherever it is shown. */
export async function refreshConversation(id: string) {
	changeConversation(id, await conversations.get(id));
}

export function refreshConversations() {
	return queryClient.invalidateQueries({ queryKey: keys.allConversations });
}

/** The title changes at once and goes back if the server refuses. */
export function useRename() {
	return useMutation({
		mutationFn: ({ id, title }: { id: string; title: string }) => conversations.patch(id, { title }),
		onMutate: ({ id, title }) => {
			const before = known(id) ?? queryClient.getQueryData<Conversation>(keys.conversation(id));
			if (title !== "") changeConversation(id, { title, title_is_custom: true });
			return before;
		},
		onSuccess: (conversation) => {
			changeConversation(conversation.id, conversation);
			tellTabs({ type: "conversation", id: conversation.id });
		},
		onError: (_e, { id }, before) => before && changeConversation(id, before),
	});
}

export function useDeleteConversation() {
	return useMutation({
		mutationFn: (id: string) => conversations.remove(id),
		onSuccess: (_r, id) => {
			forgetConversation(id);
			tellTabs({ type: "conversation", id });
		},
	});
}

export function forgetConversation(id: string) {
	useConversation.getState().dropFresh(id);
	queryClient.setQueriesData<Pages>({ queryKey: keys.allConversations }, (data) =>
		data
			? { ...data, pages: data.pages.map((p) => ({ ...p, items: p.items.filter((c) => c.id !== id) })) }
			: data,
	);
	queryClient.removeQueries({ queryKey: keys.messages(id) });
	queryClient.removeQueries({ queryKey: keys.conversation(id) });
}
