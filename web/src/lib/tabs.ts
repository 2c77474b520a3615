/* Word between the tabs of one browser, for changes that the server does not announce. */
export type TabWord = { type: "conversation"; id: string } | { type: "message"; conversationId: string };

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("weir.changes");

export function tellTabs(word: TabWord) {
	channel?.postMessage(word);
}

export function hearTabs(heard: (word: TabWord) => void): () => void {
	const listener = (event: MessageEvent<TabWord>) => heard(event.data);
	channel?.addEventListener("message", listener);
	return () => channel?.removeEventListener("message", listener);
}
