/* The messages of a conversation: pages of the server, newest page first. */
import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { List, Message } from "@/api/types";
import { conversations } from "@/api/weir";
import { keys, queryClient, setNewer } from "./client";

export type Pages = InfiniteData<List<Message>, unknown>;
type Param = string | undefined;
const PAGE = 50;

export const messagesQuery = (id: string) => ({
	queryKey: keys.messages(id),
	initialPageParam: undefined as Param,
	queryFn: ({ pageParam }: { pageParam: Param }) => conversations.messages(id, { limit: PAGE, before_id: pageParam }),
	getNextPageParam: (page: List<Message>) => (page.has_more ? page.items[0]?.id : undefined),
});

export function useMessages(conversationId: string | null) {
	const query = useInfiniteQuery({ ...messagesQuery(conversationId ?? ""), enabled: conversationId !== null });
	const messages = useMemo(() => flatten(query.data), [query.data]);
	return { ...query, messages };
}

export function flatten(data: Pages | undefined): Message[] {
	return data ? [...data.pages].reverse().flatMap((page) => page.items) : [];
}

/** Puts messages where they belong: in the place of their older selves, or at the end. */
export function upsert(data: Pages | undefined, messages: Message[]): Pages {
	const pages = (data?.pages ?? [{ items: [], has_more: false }]).map((p) => ({ ...p, items: [...p.items] }));
	for (const message of messages) {
		const page = pages.find((p) => p.items.some((m) => m.id === message.id));
		if (page) page.items = page.items.map((m) => (m.id === message.id ? message : m));
		else pages[0]!.items.push(message);
	}
	pages[0]!.items.sort((a, b) => a.sequence - b.sequence);
	return { pages, pageParams: data?.pageParams ?? [undefined] };
}

export function upsertMessages(conversationId: string, ...messages: Message[]) {
	setNewer<Pages>(keys.messages(conversationId), (data) => upsert(data, messages));
}

export function cachedMessages(conversationId: string): Message[] {
	return flatten(queryClient.getQueryData<Pages>(keys.messages(conversationId)));
}

/** Takes out what another version has taken the place of. */
export function dropFrom(conversationId: string, sequence: number) {
	setNewer<Pages>(keys.messages(conversationId), (data) =>
		data ? { ...data, pages: data.pages.map((p) => ({ ...p, items: p.items.filter((m) => m.sequence < sequence) })) } : data,
	);
}

/** The newest state of a conversation's messages: now if it is on the screen, else when it next is. */
export async function refreshMessages(conversationId: string) {
	const queryKey = keys.messages(conversationId);
	// A first read that is on its way may be older, and would be waited for instead of made anew.
	if (queryClient.getQueryData(queryKey) === undefined) await queryClient.cancelQueries({ queryKey });
	await queryClient.invalidateQueries({ queryKey });
}
