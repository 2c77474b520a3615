/* The way to a message, wherever it is in its conversation. */
import { ApiError } from "@/api/errors";
import type { List, Message } from "@/api/types";
import { conversations } from "@/api/weir";
import { queryClient } from "@/queries/client";
import { flatten, messagesQuery, type Pages, refreshMessages } from "@/queries/messages";
import { useConversation } from "@/stores/conversation";

const WAIT_MS = 20_000;
const SETTLE_MS = 2_500;
const SHOWN_MS = 4_000;

const has = (messages: Message[], id: string) => messages.some((m) => m.id === id);

/** Loads the conversation as far back as the message; false: it is not in what is shown. */
async function load(conversationId: string, messageId: string): Promise<boolean> {
	const query = messagesQuery(conversationId);
	for (;;) {
		const data: Pages = await queryClient.ensureInfiniteQueryData(query);
		if (has(flatten(data), messageId)) return true;
		const pages: List<Message>[] = [];
		const params: (string | undefined)[] = [];
		let next = query.getNextPageParam(data.pages.at(-1)!);
		while (next !== undefined && !has(flatten({ pages, pageParams: [] }), messageId)) {
			const page = await query.queryFn({ pageParam: next });
			params.push(next);
			pages.push(page);
			next = query.getNextPageParam(page);
		}
		let isStale = false;
		// All at once: a page each would be drawn a page each.
		queryClient.setQueryData<Pages>(query.queryKey, (now) => {
			isStale = now?.pages.at(-1)?.items[0]?.id !== data.pages.at(-1)?.items[0]?.id;
			return isStale || !now ? now : { pages: [...now.pages, ...pages], pageParams: [...now.pageParams, ...params] };
		});
		if (!isStale) return has(flatten({ pages, pageParams: [] }), messageId);
	}
}

const frame = () => new Promise<unknown>((done) => requestAnimationFrame(done));

/** Scrolls to it until the page lies still, and shows for a while which it is. */
async function show(messageId: string): Promise<void> {
	const find = () => document.querySelector<HTMLElement>(`[data-message="${messageId}"]`);
	const end = performance.now() + WAIT_MS;
	useConversation.setState({ wanted: messageId });
	while (!find() && performance.now() < end) await frame();
	const found = find();
	if (!found) return;
	found.tabIndex = -1;
	found.focus({ preventScroll: true });
	found.dataset.found = "";
	setTimeout(() => delete found.dataset.found, SHOWN_MS);
	const hands = new AbortController();
	for (const event of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(event, () => hands.abort(), { signal: hands.signal, passive: true });
	const still = performance.now() + SETTLE_MS;
	let top = NaN;
	// What is above it may still grow; whoever scrolls meanwhile is left alone.
	while (!hands.signal.aborted && performance.now() < still) {
		const now = found.getBoundingClientRect().top;
		if (now !== top) {
			found.scrollIntoView({ block: found.offsetHeight > innerHeight / 2 ? "start" : "center", behavior: "instant" });
			top = found.getBoundingClientRect().top;
		}
		await frame();
	}
	hands.abort();
}

interface Found {
	id: string;
	conversation_id: string;
	/** It is in the version that is shown. */
	active: boolean;
}

/**
 * Goes to a message: in another version of the conversation, that is shown. False: it is gone.
 */
export async function jumpTo(message: Found, navigate: (path: string) => void): Promise<boolean> {
	try {
		return await goTo(message, navigate);
	} catch (e) {
		if (e instanceof ApiError && e.status === 404) return false;
		throw e;
	}
}

async function goTo(message: Found, navigate: (path: string) => void): Promise<boolean> {
	const { id, conversation_id: conversationId } = message;
	const activate = async () => {
		await conversations.showVersion(conversationId, id);
		await refreshMessages(conversationId);
	};
	if (!message.active) await activate();
	navigate(`/c/${conversationId}`);
	let isThere = await load(conversationId, id);
	// Another version was chosen since it was found.
	if (!isThere && message.active) {
		await activate();
		isThere = await load(conversationId, id);
	}
	if (isThere) await show(id);
	return isThere;
}
