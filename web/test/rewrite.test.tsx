import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Conversation } from "@/api/types";
import { MessageItem } from "@/components/chat/MessageItem";
import ChatChoice from "@/components/knowledge/ChatChoice";
import { beginConversation } from "@/hooks/useMessageHandlers";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { keys, queryClient } from "@/queries/client";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { json, message } from "./help";

vi.setConfig({ testTimeout: 60_000 });

const sent = vi.fn<(url: string, init?: RequestInit) => Promise<Response>>();
const bodies = () => sent.mock.calls.filter(([, init]) => init?.body).map(([url, init]) => [init!.method, new URL(url, location.href).pathname, JSON.parse(init!.body as string)]);
const show = (node: React.ReactNode) => render(<QueryClientProvider client={queryClient}>{node}</QueryClientProvider>);

beforeAll(async () => {
	configure({ asyncUtilTimeout: 20_000 });
	await startI18n();
	await withTexts(["knowledge"], Promise.resolve());
	HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
		this.open = true;
	};
	HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
		this.open = false;
	};
});
beforeEach(() => {
	queryClient.clear();
	useConversation.getState().clear();
	sent.mockReset();
	sent.mockImplementation((url, init) => {
		const path = new URL(url, location.href).pathname;
		if (path === "/api/knowledge") return Promise.resolve(json({ items: [{ id: "b1", name: "Handbook", documents: 2 }], has_more: false }));
		return Promise.resolve(json({ id: "c1", ...(init?.body ? JSON.parse(init.body as string) : {}) }, init?.method === "POST" ? 201 : 200));
	});
	vi.stubGlobal("fetch", sent);
});
afterEach(cleanup);

describe("the switch for rewriting questions", () => {
	it("changes that of a conversation alone, and is not there where nothing is searched", async () => {
		queryClient.setQueryData(keys.conversation("c1"), { id: "c1", knowledge_ids: ["b1"], knowledge_mode: "auto", knowledge_rewrite: null } as Conversation);
		show(<ChatChoice conversationId="c1" onClose={() => undefined} />);
		const toggle = await screen.findByRole("switch", { name: "Rewrite questions" });
		expect((toggle as HTMLInputElement).checked).toBe(false);
		fireEvent.click(toggle);
		await waitFor(() => expect(bodies()).toEqual([["PATCH", "/api/conversations/c1", { knowledge_rewrite: true }]]));
		await waitFor(() => expect((toggle as HTMLInputElement).checked).toBe(true));
		fireEvent.click(screen.getByRole("radio", { name: "Never" }));
		await waitFor(() => expect(bodies()[1]).toEqual(["PATCH", "/api/conversations/c1", { knowledge_ids: ["b1"], knowledge_mode: "off" }]));
		await waitFor(() => expect(screen.queryByRole("switch")).toBeNull());
	});
	it("is kept for a conversation that is not begun yet", async () => {
		useConversation.getState().setKnowledge({ ids: ["b1"], mode: "always", rewrite: false });
		show(<ChatChoice conversationId={null} onClose={() => undefined} />);
		fireEvent.click(await screen.findByRole("switch", { name: "Rewrite questions" }));
		const chosen = useConversation.getState().knowledge;
		expect(chosen).toEqual({ ids: ["b1"], mode: "always", rewrite: true });
		await beginConversation("demo", null, chosen);
		expect(bodies()).toEqual([["POST", "/api/conversations", { model: "demo", knowledge_ids: ["b1"], knowledge_mode: "always", knowledge_rewrite: true }]]);
	});
});

describe("an answer", () => {
	const acts = { turn: undefined, last: true, busy: false, onRegenerate: vi.fn(), onDelete: vi.fn(), onEdit: vi.fn(), onShow: vi.fn(), onJudge: vi.fn(), onGoOn: vi.fn() };
	const stages = [
		{ op: "rewrite" as const, model: "small", input_tokens: 100, output_tokens: 20, credits: 0.25 },
		{ op: "embeddings" as const, model: "vectors", input_tokens: 9, output_tokens: 0, credits: 0.5 },
	];
	const answer = (rewrite: string | null) => message({ content: "Two weeks.", searched: { query: "How much leave is there?", rewrite, vectors: "used", found: 1, stages } });

	it("tells for what was searched, and what each call cost", async () => {
		useSettings.setState({ showCosts: true });
		show(<MessageItem message={answer("used")} {...acts} />);
		expect(await screen.findByText("Searched for: How much leave is there?")).toBeTruthy();
		expect(screen.getByText(/Question rewritten: 0\.25 credits, 120 tokens · Vector: 0\.5 credits, 9 tokens/)).toBeTruthy();
	});
	it("tells where the question stayed as it was, and nothing where that was wanted", async () => {
		const { rerender } = show(<MessageItem message={answer("upstream_failed")} {...acts} />);
		expect(await screen.findByText("The question could not be rewritten: it was searched for as it is.")).toBeTruthy();
		rerender(
			<QueryClientProvider client={queryClient}>
				<MessageItem message={answer(null)} {...acts} />
			</QueryClientProvider>,
		);
		expect(screen.queryByText(/earched for/)).toBeNull();
	});
});
