import { beforeEach, describe, expect, it } from "vitest";
import type { Task } from "@/api/types";
import { draftOf, NEW, useConversation } from "@/stores/conversation";
import { NOTIFICATIONS_MAX, useNotifications, useToasts } from "@/stores/notices";
import { createStreamingMessage, createTempMessage, type LiveTurn, overlay } from "@/stores/runtime";
import { defaultSettings, getSavedSettings, saveSettings, useSettings } from "@/stores/settings";
import { canStartTask, getActiveTaskCount, useTasks } from "@/stores/tasks";
import { message } from "./help";

describe("tasks", () => {
	const { startTask, completeTask, failTask, updateTaskProgress, mergeTasks, setLimits, clear } = useTasks.getState();
	beforeEach(clear);

	it("allows 15 over all conversations, and says why the 16th has to wait", () => {
		for (let i = 0; i < 15; i += 1) startTask(`t${i}`, `c${i}`);
		expect(canStartTask("c99")).toEqual({ allowed: false, reason: "task_queue_full" });
		completeTask("t0");
		expect(canStartTask("c99")).toEqual({ allowed: true });
	});

	it("allows 5 in one conversation", () => {
		for (let i = 0; i < 5; i += 1) startTask(`t${i}`, "c");
		expect(canStartTask("c")).toEqual({ allowed: false, reason: "conversation_queue_full" });
		expect(canStartTask("other")).toEqual({ allowed: true });
		expect(canStartTask(null)).toEqual({ allowed: true });
		failTask("t4");
		expect(canStartTask("c")).toEqual({ allowed: true });
	});

	it("counts a task once, and none after the end of all", () => {
		startTask("t", "c");
		startTask("t", "c");
		updateTaskProgress("t", 40);
		updateTaskProgress("unknown", 40);
		expect(getActiveTaskCount()).toBe(1);
		expect(getActiveTaskCount("c")).toBe(1);
		expect(useTasks.getState().active.t?.progress).toBe(40);
		completeTask("t");
		completeTask("t");
		expect(getActiveTaskCount()).toBe(0);
	});

	it("takes the server's word after a gap, and the server's limits", () => {
		startTask("gone", "c");
		const task = (id: string, status: Task["status"]) =>
			({ id, status, conversation_id: "c", progress: 5, created_at: "2026-01-01T00:00:00Z" }) as Task;
		mergeTasks([task("a", "running"), task("b", "completed"), task("d", "pending")]);
		expect(Object.keys(useTasks.getState().active)).toEqual(["a", "d"]);
		setLimits({ global: { active: 0, limit: 2 }, conversation: { active: 0, limit: 1 }, can_start: true });
		expect(canStartTask("x")).toEqual({ allowed: false, reason: "task_queue_full" });
		setLimits({ global: { active: 0, limit: 15 }, conversation: { active: 0, limit: 5 }, can_start: true });
	});
});

describe("notifications", () => {
	beforeEach(() => useNotifications.getState().clear());
	const one = (n: number) => ({ taskId: `t${n}`, conversationId: `c${n}`, title: "x", failed: false, completedAt: n });

	it(`keeps the newest ${NOTIFICATIONS_MAX}`, () => {
		for (let i = 0; i < 60; i += 1) useNotifications.getState().add(one(i));
		const { items } = useNotifications.getState();
		expect(items).toHaveLength(50);
		expect(items[0]?.taskId).toBe("t59");
		expect(items.at(-1)?.taskId).toBe("t10");
	});

	it("tells of a task once", () => {
		expect(useNotifications.getState().add(one(1))).toBe(true);
		expect(useNotifications.getState().add(one(1))).toBe(false);
		useNotifications.getState().readAll();
		expect(useNotifications.getState().items.every((i) => i.read)).toBe(true);
		useNotifications.getState().forgetConversation("c1");
		expect(useNotifications.getState().items).toEqual([]);
	});

	it("shows the same words once, and not a wall of toasts", () => {
		const { show } = useToasts.getState();
		for (let i = 0; i < 9; i += 1) show({ tone: "info", text: `text ${i % 6}` });
		const { items } = useToasts.getState();
		expect(items.length).toBeLessThanOrEqual(4);
		expect(new Set(items.map((i) => i.text)).size).toBe(items.length);
	});
});

describe("settings", () => {
	it("come back as they were saved", () => {
		saveSettings({ ...defaultSettings(), theme: "dark", language: "zh", model: "m", textSize: "large" });
		expect(getSavedSettings()).toMatchObject({ theme: "dark", language: "zh", model: "m", textSize: "large" });
	});

	it.each(["{", "null", "7", '{"theme":"pink","sendKey":3,"showCosts":"yes","model":5,"textSize":null}'])(
		"have their defaults where %s was saved",
		(saved) => {
			localStorage.setItem("weir.settings", saved);
			expect(getSavedSettings()).toEqual(defaultSettings());
		},
	);

	it("reset what is advanced and leave theme, language and model", () => {
		useSettings.getState().change({ theme: "dark", model: "m", sendKey: "mod-enter", wrapCode: true });
		useSettings.getState().resetSettings();
		expect(useSettings.getState()).toMatchObject({ theme: "dark", model: "m", sendKey: "enter", wrapCode: false });
		expect(getSavedSettings()).toMatchObject({ theme: "dark", sendKey: "enter" });
	});
});

describe("drafts", () => {
	beforeEach(() => useConversation.getState().clear());

	it("are kept per conversation", () => {
		const { setDraft } = useConversation.getState();
		setDraft("a", { text: "for a" });
		setDraft(NEW, { text: "for a new one" });
		const { drafts } = useConversation.getState();
		expect(draftOf(drafts, "a").text).toBe("for a");
		expect(draftOf(drafts, null).text).toBe("for a new one");
		expect(draftOf(drafts, "b")).toEqual({ text: "", attachments: [] });
		setDraft("a", { text: "" });
		expect(useConversation.getState().drafts).not.toHaveProperty("a");
	});
});

describe("what the reader sees while an answer is written", () => {
	const turn = (over: Partial<LiveTurn>): LiveTurn => ({
		key: "k",
		conversationId: "c1",
		kind: "send",
		phase: "streaming",
		taskId: "t2",
		assistantId: null,
		question: null,
		questionId: null,
		replaces: null,
		beside: null,
		answer: createStreamingMessage("c1", "demo"),
		text: "half an ans",
		reasoning: "",
		startedAt: 0,
		...over,
	});
	const known = [message({ id: "q", role: "user", sequence: 1 }), message({ id: "a", sequence: 2, content: "old" })];

	it("is the question and the answer at the end, before the server named them", () => {
		const question = createTempMessage("c1", "next?");
		const seen = overlay(known, [turn({ question })]);
		expect(seen.map((m) => m.content)).toEqual(["", "old", "next?", "half an ans"]);
		expect(seen.at(-1)?.status).toBe("processing");
	});

	it("is the refilled answer in its own place", () => {
		const failed = message({ id: "a", sequence: 2, status: "error", is_error: true, error_display: "bad" });
		const seen = overlay([known[0]!, failed, message({ id: "q2", role: "user", sequence: 3 })], [
			turn({ kind: "refill", assistantId: "a", answer: failed }),
		]);
		expect(seen.map((m) => m.id)).toEqual(["q", "a", "q2"]);
		expect(seen[1]).toMatchObject({ content: "half an ans", is_error: false, error_display: null });
	});

	it("is another version in the place of one and of what follows it", () => {
		const later = [message({ id: "q2", role: "user", sequence: 3 }), message({ id: "a2", sequence: 4 })];
		const question = createTempMessage("c1", "other words");
		const edited = overlay([...known, ...later], [turn({ question, replaces: later[0] })]);
		expect(edited.map((m) => m.content)).toEqual(["", "old", "other words", "half an ans"]);
		const again = overlay([...known, ...later], [turn({ kind: "sibling", replaces: known[1] })]);
		expect(again.map((m) => m.content)).toEqual(["", "half an ans"]);
		const accepted = overlay([...known, ...later, message({ id: "new", role: "user", sequence: 5, content: "accepted" })], [turn({ replaces: later[0], questionId: "new" })]);
		expect(accepted.map((m) => m.content)).toEqual(["", "old", "accepted", "half an ans"]);
	});

	it("is the same list when nothing is written", () => {
		expect(overlay(known, [])).toBe(known);
	});

	it("does not double what the server has by now", () => {
		const question = message({ id: "q", role: "user", sequence: 1 });
		expect(overlay(known, [turn({ question, assistantId: "a" })])).toHaveLength(2);
	});
});
