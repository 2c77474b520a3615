import { act, renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { useShown } from "@/hooks/useShown";

beforeEach(() => void vi.useFakeTimers());

const start = (key: string | null, length: number) => renderHook(({ key, length }) => useShown(key, length), { initialProps: { key, length } });
/** Each step is a task of its own. */
const settle = () => {
	for (let i = 0; i < 20; i++) act(() => void vi.advanceTimersByTime(100));
};

describe("how many messages are drawn", () => {
	it("is a screen at first, then step by step a page", () => {
		const { result } = start("a", 1000);
		expect(result.current.shown).toBe(12);
		act(() => void vi.advanceTimersByTime(100));
		expect(result.current.shown).toBe(18);
		settle();
		expect(result.current.shown).toBe(50);
	});

	it("waits for the first of them", () => {
		const { result, rerender } = start("a", 0);
		settle();
		expect(result.current.shown).toBe(12);
		rerender({ key: "a", length: 80 });
		settle();
		expect(result.current.shown).toBe(50);
	});

	it("grows by pages, and says when one is to be fetched", () => {
		const { result } = start("a", 120);
		settle();
		const here: boolean[] = [];
		act(() => void here.push(result.current.more()));
		expect([result.current.shown, here.pop()]).toEqual([100, true]);
		act(() => void here.push(result.current.more()));
		expect([result.current.shown, here.pop()]).toEqual([150, false]);
	});

	it("begins anew when a conversation is opened again", () => {
		const { result, rerender } = start("a", 500);
		settle();
		act(() => void result.current.more());
		expect(result.current.shown).toBe(100);
		rerender({ key: null, length: 0 } as unknown as { key: string; length: number });
		rerender({ key: "a", length: 500 });
		expect(result.current.shown).toBe(12);
	});
});
