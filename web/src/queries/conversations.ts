import { type InfiniteData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Conversation, List } from "@/api/types";
import { conversations, type View } from "@/api/weir";
import { tellTabs } from "@/lib/tabs";
import { useConversation } from "@/stores/conversation";
import { keys, queryClient, setNewer } from "./client";

type Pages = InfiniteData<List<Conversation>, string | undefined>;
const NOT_FOUND = 404;
/** Pages of a list that are read again as they are. */
const LONG = 2;

const PAGE = 100;

export interface ListAsk {
	view?: View;
	folder_id?: string;
	q?: string;
}

function page(ask: ListAsk, before_id?: string) {
	return conversations.list({ limit: PAGE, before_id, ...ask });
}

/** A list of the sidebar; with `own` what was just made here stands first. */
export function useConversations(ask: ListAsk, own = false) {
	const fresh = useConversation((s) => s.fresh);
	const { view, folder_id, q } = ask;
	const query = useInfiniteQuery({
		queryKey: keys.conversations({ view, folder_id, q }),
		initialPageParam: undefined as string | undefined,
		queryFn: ({ pageParam }) => page({ view, folder_id, q }, pageParam),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		placeholderData: (before, from) => (from?.queryKey[1].q !== undefined && q !== undefined ? before : undefined),
	});
	const items = useMemo(() => {
		const listed = query.data?.pages.flatMap((p) => p.items) ?? [];
		if (!own) return listed;
		const ids = new Set(listed.map((c) => c.id));
		const wanted = (q ?? "").toLowerCase();
		const mine = fresh.filter((c) => !ids.has(c.id) && !c.pinned && !c.archived && !c.folder_id && c.title.toLowerCase().includes(wanted));
		return [...mine, ...listed];
	}, [query.data, fresh, q, own]);
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

/**
 * What the lists show may have changed. Of a long one that was scrolled through, its first page is read, and stands
 * before what is known of the rest.
 */
export async function refreshConversations() {
	await queryClient.invalidateQueries({
		queryKey: keys.allConversations,
		predicate: (query) => ((query.state.data as Pages | undefined)?.pages.length ?? 0) <= LONG,
	});
	for (const [queryKey, data] of queryClient.getQueriesData<Pages>({ queryKey: keys.allConversations, type: "active" }))
		if (data && data.pages.length > LONG) await renewHead(queryKey);
}

async function renewHead(queryKey: readonly unknown[]) {
	const head = await page(queryKey[1] as ListAsk).catch(() => null);
	if (!head) return;
	const ids = new Set(head.items.map((c) => c.id));
	const last = head.items.at(-1)?.updated_at ?? "";
	queryClient.setQueryData<Pages>(queryKey, (data) =>
		data && {
			pageParams: data.pageParams,
			pages: data.pages.map((p, i) => ({
				...p,
				// What stood above the end of the new head and is not in it has gone elsewhere.
				items: i === 0 ? [...head.items, ...rest(p.items, ids, last)] : rest(p.items, ids, last),
			})),
		},
	);
}

const rest = (items: Conversation[], ids: Set<string>, last: string) => items.filter((c) => !ids.has(c.id) && c.updated_at <= last);

/** No list shows these until it is read anew. */
export function dropFromLists(ids: string[]) {
	queryClient.setQueriesData<Pages>({ queryKey: keys.allConversations }, (data) =>
		data ? { ...data, pages: data.pages.map((p) => ({ ...p, items: p.items.filter((c) => !ids.includes(c.id)) })) } : data,
	);
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

export function forgetConversation(id: string) {
	useConversation.getState().dropFresh(id);
	dropFromLists([id]);
	queryClient.removeQueries({ queryKey: keys.messages(id) });
	queryClient.removeQueries({ queryKey: keys.conversation(id) });
}
