import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import type { Model, Task } from "@/api/types";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { filesOf, priceOf, progressOf, promptOf } from "@/lib/making";
import { queryClient } from "@/queries/client";
import { useTasks } from "@/stores/tasks";
import { json } from "./help";

const file = { id: "f1", url: "https://elsewhere.example/f1.png", content_type: "image/png", size_bytes: 9 };
const task = (over: Partial<Task> = {}) =>
	({ id: "t1", type: "image", status: "running", progress: 20, result: null, credits_used: 0, completed_at: null, created_at: "2026-01-02T03:04:05Z", ...over }) as Task;
const model = (name: string, type: string, meter: string, unit_price: number) =>
	({ id: name.length, name, display_name: name, type, is_default: false, abilities: [], ratio: 1.5, prices: [{ meter, min_context: 0, unit_price, per: 1 }] }) as unknown as Model;

describe("what was made", () => {
	it("is in the result, whatever that is", () => {
		expect(filesOf(task())).toEqual([]);
		expect(filesOf(task({ result: "odd" }))).toEqual([]);
		expect(filesOf(task({ result: { files: "odd" } }))).toEqual([]);
		expect(filesOf(task({ result: { files: [file] } }))).toEqual([file]);
		expect(promptOf(task({ result: { prompt: 7 } }))).toBe("");
	});
	it("costs by the picture, the second or the call, with the group's ratio", () => {
		expect(priceOf(model("m", "image", "image", 4), "image")).toEqual({ credits: 6, of: "image" });
		expect(priceOf(model("m", "video", "second", 4), "video")).toEqual({ credits: 6, of: "second" });
		// Not by the second: what is paid for a call is paid once.
		expect(priceOf(model("m", "video", "call", 4), "video")).toEqual({ credits: 6, of: "call" });
		expect(priceOf(model("m", "image", "image", 4), "video")).toBeNull();
		expect(priceOf(undefined, "image")).toBeNull();
	});
	it("never goes back", () => {
		expect(progressOf(task(), 10)).toBe(20);
		expect(progressOf(task(), 30)).toBe(30);
		expect(progressOf(task(), undefined)).toBe(20);
	});
});

describe("the page", () => {
	let tasks: Task[] = [];
	const asked: { path: string; body: unknown }[] = [];
	let Page: () => JSX.Element;

	beforeAll(async () => {
		await startI18n();
		Page = (await withTexts(["making"], import("@/pages/MakingPage"))).default;
	});
	beforeEach(() => {
		asked.length = 0;
		queryClient.clear();
		useTasks.getState().clear();
		useSession.setState({ status: "in", token: "token", expiresAt: Date.now() + 900_000 });
		vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
			if (path.startsWith("/api/models")) return json({ items: [model("banana", "image", "image", 4), model("sora", "video", "second", 2)], has_more: false });
			if (init.method === "POST") {
				asked.push({ path, body: JSON.parse(init.body as string) });
				tasks = [task({ id: "t9" }), ...tasks];
				return json({ task: tasks[0] }, 202);
			}
			return json({ items: tasks, has_more: false });
		});
	});
	afterEach(cleanup);
	const show = () =>
		render(
			<QueryClientProvider client={queryClient}>
				<Page />
			</QueryClientProvider>,
		);

	it("shows what runs, what was made and what was not", async () => {
		tasks = [task(), task({ id: "t2", status: "completed", result: { prompt: "a weir", files: [file] }, credits_used: 6 }), task({ id: "t3", status: "failed" }), task({ id: "t4", type: "chat" })];
		show();
		await screen.findByText("a weir");
		expect(screen.getAllByRole("progressbar")).toHaveLength(1);
		expect(screen.getByText(/Nothing was charged/)).toBeTruthy();
		useTasks.getState().startTask("t1", null);
		useTasks.getState().updateTaskProgress("t1", 55);
		await waitFor(() => expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("55"));
	});

	it("asks for what is wanted, once", async () => {
		tasks = [];
		show();
		await screen.findByText("6 credits each");
		fireEvent.change(screen.getByLabelText("What is to be seen"), { target: { value: " a weir " } });
		fireEvent.change(screen.getByLabelText("Shape"), { target: { value: "16:9" } });
		const button = screen.getByRole("button", { name: "Make it" });
		fireEvent.click(button);
		fireEvent.click(button);
		await screen.findByRole("progressbar");
		expect(asked).toEqual([{ path: "/api/images/generate", body: { prompt: "a weir", model: "banana", size: "16:9" } }]);
	});
});
