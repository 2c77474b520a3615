import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { ToolCall } from "@/api/tools";
import ToolCalls from "@/components/tools/ToolCalls";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { continueTurn } from "@/stream/turns";
import { message } from "./help";

vi.mock("@/stream/turns", () => ({ continueTurn: vi.fn(() => Promise.resolve(true)) }));

const call = (position: number, over: Partial<ToolCall> = {}): ToolCall => ({
	position,
	call_id: `c${position}`,
	called: `demo__tool${position}`,
	server: "demo",
	tool: `tool${position}`,
	arguments: '{"a":1}',
	result: null,
	is_cut: false,
	status: "asked",
	started_at: null,
	ended_at: null,
	...over,
});
const show = (calls: ToolCall[], more: { last?: boolean; busy?: boolean } = {}) =>
	render(<ToolCalls message={message({ calls })} last={more.last ?? true} busy={more.busy ?? false} />);

beforeAll(async () => {
	await startI18n();
	await withTexts(["tools"], Promise.resolve());
});
beforeEach(() => {
	vi.mocked(continueTurn).mockClear();
});
afterEach(cleanup);

test("one call is sent with its word", () => {
	show([call(0)]);
	expect(screen.getByText(/"a": 1/)).toBeTruthy();
	fireEvent.click(screen.getByRole("button", { name: "Allow" }));
	expect(vi.mocked(continueTurn).mock.calls[0]![1]).toEqual({ approve: [0], always: [], deny: [] });
});

test("of several nothing is sent before each has its word", () => {
	show([call(0), call(1), call(2, { status: "approved" })]);
	const allow = screen.getAllByRole("button", { name: "Allow in this conversation" });
	expect(allow).toHaveLength(2);
	fireEvent.click(allow[0]!);
	expect(continueTurn).not.toHaveBeenCalled();
	fireEvent.click(screen.getAllByRole("button", { name: "Deny" })[1]!);
	expect(vi.mocked(continueTurn).mock.calls[0]![1]).toEqual({ approve: [], always: [0], deny: [1] });
});

test("what is no page stays text", () => {
	const { container } = show([call(0, { status: "done", result: "<img src=x onerror=alert(1)> [a](javascript:alert(1))" })], { last: false });
	expect(screen.queryByRole("button", { name: "Allow" })).toBeNull();
	fireEvent.click(screen.getByRole("button", { name: /tool0/ }));
	expect(screen.getByLabelText("Answer").textContent).toContain("<img src=x");
	expect(container.querySelector("img, a")).toBeNull();
});

test("after the calls the last answer can be gone on from", () => {
	show([call(0, { status: "failed", result: "no" })]);
	fireEvent.click(screen.getByRole("button", { name: "Go on" }));
	expect(vi.mocked(continueTurn).mock.calls[0]![1]).toEqual({});
});

test("what is unclear asks again, and nothing asks while the page is busy", () => {
	const { rerender } = show([call(0, { status: "unclear" })]);
	expect(screen.getByText(/not known whether/)).toBeTruthy();
	rerender(<ToolCalls message={message({ calls: [call(0, { status: "unclear" })] })} last busy />);
	expect(screen.queryByRole("button", { name: "Allow" })).toBeNull();
});
