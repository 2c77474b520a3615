import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { QueryClientProvider } from "@tanstack/react-query";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Model, Overview } from "@/api/types";
import { MessageItem } from "@/components/chat/MessageItem";
import { ModelList } from "@/components/chat/ModelList";
import Welcome from "@/components/chat/Welcome";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { Checklist } from "@/pages/admin/Checklist";
import { queryClient } from "@/queries/client";
import { message } from "./help";

beforeAll(async () => {
	HTMLDialogElement.prototype.showModal ??= () => undefined;
	HTMLDialogElement.prototype.close ??= () => undefined;
	await startI18n();
	await withTexts(["overview", "welcome"], Promise.resolve());
});
afterEach(cleanup);

describe("the operator's checklist", () => {
	const nothing: Overview["setup"] = { channel: false, model: false, gift: false, mail: false, https: false };

	it("says what is there and links to what is not", () => {
		render(<Checklist setup={{ ...nothing, mail: true }} />);
		expect(screen.getByText("1 of 5 done")).toBeTruthy();
		expect(screen.getByRole("link", { name: "A channel that answers" }).getAttribute("href")).toBe("/admin/channels");
		expect(screen.getAllByRole("img", { name: "Done" })).toHaveLength(1);
	});

	it("stays put away, and comes back when it is asked for", () => {
		const first = render(<Checklist setup={nothing} />);
		fireEvent.click(screen.getByRole("button", { name: "Put away" }));
		first.unmount();
		render(<Checklist setup={nothing} />);
		expect(screen.queryByRole("list")).toBeNull();
		fireEvent.click(screen.getByRole("button", { name: /Show the checklist/ }));
		expect(screen.getByRole("list")).toBeTruthy();
	});

	it("is gone when all is done, with or without a gift", () => {
		const { container } = render(<Checklist setup={{ channel: true, model: true, gift: false, mail: true, https: true }} />);
		fireEvent.click(screen.getByRole("button", { name: "I have backups" }));
		expect(container.innerHTML).toBe("");
	});
});

describe("the list of models", () => {
	const model = (name: string, over: Partial<Model> = {}) => ({ id: name, name, display_name: null, type: "chat", abilities: [], prices: [], ratio: 1, context_tokens: 8000, makes: null, ...over }) as unknown as Model;
	const show = (models: Model[], onSelect = vi.fn()) => {
		render(<ModelList conversationId={null} anchor={document.body} models={models} model={models[0]} onSelect={onSelect} onClose={vi.fn()} />);
		return onSelect;
	};

	it("is grouped by what they do", () => {
		show([model("talker"), model("painter", { type: "image", makes: { ops: ["images.generate"] } as unknown as Model["makes"] })]);
		expect(within(screen.getByRole("group", { name: "They make pictures" })).getByRole("option").textContent).toContain("painter");
		expect(screen.queryByRole("searchbox")).toBeNull();
	});

	it("can be searched when it is long, by keyboard alone", () => {
		const onSelect = show([...Array(9).keys()].map((i) => model(`model-${i}`)));
		const field = screen.getByRole("searchbox");
		fireEvent.change(field, { target: { value: "L-7" } });
		expect(screen.getAllByRole("option")).toHaveLength(1);
		field.focus();
		fireEvent.keyDown(field, { key: "Enter" });
		expect(onSelect).toHaveBeenCalledWith("model-7");
		fireEvent.change(field, { target: { value: "nobody" } });
		expect(screen.getByText("Nothing found")).toBeTruthy();
	});
});

describe("a message", () => {
	const none = { turn: undefined, last: true, busy: false, onRegenerate: vi.fn(), onDelete: vi.fn(), onEdit: vi.fn(), onShow: vi.fn(), onJudge: vi.fn(), onGoOn: vi.fn() };
	const show = (over: object) =>
		render(
			<QueryClientProvider client={queryClient}>
				<MessageItem {...none} message={message(over)} />
			</QueryClientProvider>,
		);

	it("is folded if it is a long question", () => {
		show({ role: "user", content: "line\n".repeat(40) });
		const text = screen.getByText(/^line/);
		expect(text.className).toContain("line-clamp");
		fireEvent.click(screen.getByRole("button", { name: "Show more" }));
		expect(text.className).not.toContain("line-clamp");
		expect(screen.getByRole("button", { name: "Show less" }).getAttribute("aria-expanded")).toBe("true");
	});

	it("is not if it is short", () => {
		show({ role: "user", content: "one\ntwo" });
		expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
	});

	it("has three actions and a menu with the others if it is an answer", async () => {
		show({ role: "assistant", content: "An answer." });
		expect(screen.getAllByRole("button").map((b) => b.getAttribute("aria-label"))).toEqual(["Copy", "Answer again", "Good answer", "More"]);
		fireEvent.click(screen.getByRole("button", { name: "More" }));
		fireEvent.click(await screen.findByRole("menuitem", { name: "Bad answer" }, { timeout: 30_000 }));
		expect(none.onJudge).toHaveBeenCalledWith(expect.objectContaining({ content: "An answer." }), "down");
	});

	it("shows the verdict that was given", () => {
		show({ role: "assistant", content: "An answer.", verdict: "down" });
		expect(screen.getByRole("button", { name: "Bad answer" }).getAttribute("aria-pressed")).toBe("true");
	});
});

describe("the first visit", () => {
	it("has three steps", () => {
		const onClose = vi.fn();
		render(<Welcome onClose={onClose} />);
		for (const [step, button] of [["Ask something", "Next"], ["Attach, or make a picture", "Next"], ["Find it again", "Start"]] as const) {
			expect(screen.getByText(step)).toBeTruthy();
			fireEvent.click(screen.getByText(button));
		}
		expect(onClose).toHaveBeenCalledOnce();
	});

	it("can be skipped", () => {
		const onClose = vi.fn();
		render(<Welcome onClose={onClose} />);
		fireEvent.click(screen.getByText("Skip"));
		expect(onClose).toHaveBeenCalledOnce();
	});
});
