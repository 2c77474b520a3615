import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import type { Model, Task } from "@/api/types";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { askedOf, bodyOf, costOf, even, filesOf, makerFor, otherFor, priceOf, problemOf, progressOf, promptOf, withImages, withModel, withOp } from "@/lib/making";
import { queryClient } from "@/queries/client";
import { useTasks } from "@/stores/tasks";
import { json } from "./help";

const file = { id: "f1", url: "https://elsewhere.example/f1.png", content_type: "image/png", size_bytes: 9 };
const task = (over: Partial<Task> = {}) =>
	({ id: "t1", type: "image", status: "running", progress: 20, result: null, credits_used: 0, completed_at: null, created_at: "2026-01-02T03:04:05Z", ...over }) as Task;
const choices = (...values: string[]) => values.map((value) => ({ value, factor: 1 }));
const MAKES = { ops: [] as string[], sizes: choices("1:1", "16:9"), size: null, resolutions: [], resolution: null, seconds: [], length: null, images_min: 0, images_max: 0, n_max: 1, prompt_max: 40, has_watermark: false, typical_s: 20 };
const model = (name: string, type: string, meter: string, unit_price: number, makes: Partial<NonNullable<Model["makes"]>> = {}) =>
	({
		id: name.length,
		name,
		display_name: name,
		type,
		is_default: false,
		abilities: [],
		ratio: 1.5,
		prices: [{ meter, min_context: 0, unit_price, per: 1 }],
		makes: { ...MAKES, ops: [type === "image" ? "images.generate" : "videos.generate"], ...makes },
	}) as unknown as Model;
const picture = (n: number) => ({ type: "image" as const, url: `https://example.org/${n}.png` });

describe("what was made", () => {
	it("is in the result, whatever that is", () => {
		expect(filesOf(task())).toEqual([]);
		expect(filesOf(task({ result: "odd" }))).toEqual([]);
		expect(filesOf(task({ result: { files: "odd" } }))).toEqual([]);
		expect(filesOf(task({ result: { files: [file] } }))).toEqual([file]);
		expect(promptOf(task({ result: { prompt: 7 } }))).toBe("");
		// What was asked says it while it runs, and of a storyboard its scenes do.
		expect(promptOf(task({ asked: { op: "images.generate", prompt: "a weir" } }))).toBe("a weir");
		expect(promptOf(task({ asked: { shots: [{ scene: "a", duration: 5 }, { scene: "b", duration: 5 }] } }))).toBe("a · b");
		expect(askedOf(task({ asked: { op: "images.generate", prompt: "a", model: "m" } }))).toEqual({ op: "images.generate", body: { prompt: "a", model: "m" } });
		expect(askedOf(task({ asked: { op: "cakes.bake" } }))).toBeNull();
		expect(askedOf(task())).toBeNull();
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

describe("what is wanted", () => {
	const plain = model("plain", "image", "image", 4);
	const editor = model("editor", "image", "image", 4, {
		ops: ["images.generate", "images.edit"],
		images_max: 2,
		resolutions: [{ value: "1K", factor: 1 }, { value: "4K", factor: 2.25 }],
		resolution: "1K",
	});
	const film = model("film", "video", "second", 3, { seconds: choices("10", "15"), length: "10", has_watermark: true });
	const filmOf = model("film-of", "video", "second", 3, { ops: ["videos.from_image"], seconds: choices("10"), length: "10", images_min: 1, images_max: 1 });
	const story = model("story", "video", "second", 9, { ops: ["videos.storyboard"], seconds: choices("10", "15"), length: "15", images_max: 1 });
	const makers = [plain, editor, film, filmOf, story];
	const generate = withModel({ op: "images.generate", model: "plain" }, plain, 0);

	it("follows the pictures that come and go", () => {
		const edit = withImages(generate, 1, makers);
		expect(edit).toMatchObject({ op: "images.edit", model: "editor" });
		expect(withImages(edit, 0, makers)).toMatchObject({ op: "images.generate", model: "editor" });
		expect(withImages(withModel({ op: "videos.generate", model: "film" }, film, 0), 1, makers)).toMatchObject({ op: "videos.from_image", model: "film-of" });
		expect(withImages(generate, 1, [plain])).toBe(generate);
		expect(makerFor("videos.storyboard", [plain])).toBeUndefined();
	});
	it("keeps what the next model takes too, and drops the rest", () => {
		const large = { ...withOp(generate, "images.edit", makers), size: "16:9", resolution: "4K" };
		expect(withModel(large, plain, 0)).toMatchObject({ op: "images.generate", model: "plain", size: "16:9", resolution: undefined });
		const first = withModel({ ...generate, seconds: "15" }, story, 0);
		expect(first).toMatchObject({ op: "videos.storyboard", seconds: "15", shots: even(15, 2) });
	});
	it("says what stands in the way, and who could do it", () => {
		const edit = withOp(generate, "images.edit", makers);
		expect(problemOf(edit, editor, "mend it", [])).toBe("picture_missing");
		expect(problemOf(edit, editor, "mend it", [picture(1), picture(2)])).toBeNull();
		expect(problemOf(edit, editor, "mend it", [1, 2, 3].map(picture))).toBe("picture_many");
		expect(problemOf(edit, editor, " ", [picture(1)])).toBe("words_missing");
		expect(problemOf(generate, plain, "x".repeat(41), [])).toBe("words_long");
		expect(problemOf(generate, plain, "a weir", [picture(1)])).toBe("picture_none");
		expect(problemOf(generate, plain, "a weir", [{ type: "audio", url: "https://example.org/a.mp3" }])).toBe("picture_only");
		expect(otherFor(generate, makers, "a weir", [picture(1)])).toMatchObject({ op: "images.edit", model: "editor" });
		expect(otherFor(generate, [plain], "a weir", [picture(1)])).toBeNull();
		const wordless = withModel({ op: "videos.from_image", model: "film-of" }, filmOf, 0);
		expect(problemOf(wordless, filmOf, "it flows", [])).toBe("picture_missing");
	});
	it("wants scenes that fill the film", () => {
		const make = withModel(generate, story, 0);
		expect(problemOf(make, story, "", [])).toBe("shots");
		expect(problemOf({ ...make, shots: even(15, 2, ["a", "b"]) }, story, "", [])).toBeNull();
		expect(problemOf({ ...make, shots: even(10, 2, ["a", "b"]) }, story, "", [])).toBe("shots");
		for (let n = 1; n <= 10; n++) expect(even(25, n).reduce((sum, s) => sum + s.duration, 0)).toBeCloseTo(25, 6);
	});
	it("is asked in the words of its route", () => {
		const edit = { ...withOp(generate, "images.edit", makers), size: "16:9", resolution: "4K" };
		expect(bodyOf(edit, " mend it ", [picture(1), picture(2)])).toEqual({ model: "editor", prompt: "mend it", size: "16:9", resolution: "4K", image_urls: [picture(1).url, picture(2).url] });
		const make = { ...withModel({ op: "videos.generate", model: "film" }, film, 0), size: "16:9", seconds: "15", noWatermark: true };
		expect(bodyOf(make, "it flows", [])).toEqual({ model: "film", prompt: "it flows", aspect_ratio: "16:9", n_frames: "15", remove_watermark: true });
		const shots = even(15, 2, ["a ", "b"]);
		expect(bodyOf({ ...withModel(generate, story, 0), shots }, "", [picture(1)])).toEqual({ model: "story", shots: even(15, 2, ["a", "b"]), storyboard_images: [picture(1).url] });
	});
	it("costs what the server holds for it", () => {
		expect(costOf(generate, plain)).toBe(6);
		expect(costOf({ ...withOp(generate, "images.edit", makers), resolution: "4K" }, editor)).toBe(13.5);
		expect(costOf({ ...withModel(generate, film, 0), seconds: "15" }, film)).toBe(67.5);
		expect(costOf(generate, { ...plain, prices: [] })).toBeNull();
		const several = model("several", "image", "image", 4, { n_max: 4 });
		const three = withModel({ ...generate, n: 3 }, several, 0);
		expect(costOf(three, several)).toBe(18);
		expect(bodyOf(three, "a", [])).toMatchObject({ n: 3 });
		expect(withModel(three, plain, 0).n).toBeUndefined();
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
		await screen.findByText("Costs 6 credits");
		fireEvent.change(screen.getByLabelText("What is to be seen"), { target: { value: " a weir " } });
		fireEvent.change(screen.getByLabelText("Shape"), { target: { value: "16:9" } });
		const button = screen.getByRole("button", { name: "Make it" });
		fireEvent.click(button);
		fireEvent.click(button);
		await screen.findByRole("progressbar");
		expect(asked).toEqual([{ path: "/api/images/generate", body: { prompt: "a weir", model: "banana", size: "16:9" } }]);
	});
});
