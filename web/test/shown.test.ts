import { act, renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { useShown } from "@/hooks/useShown";

const start = (key: string | null, length: number) => renderHook(({ key, length }) => useShown(key, length), { initialProps: { key, length } });

describe("how many messages are drawn", () => {
	it("is a screen at first, then a page", () => {
		const drawn: number[] = [];
		renderHook(() => drawn.push(useShown("a", 1000).shown));
		expect(drawn[0]).toBe(12);
		expect(drawn.at(-1)).toBe(50);
	});

	it("waits for the first of them", () => {
		const { result, rerender } = start("a", 0);
		expect(result.current.shown).toBe(12);
		rerender({ key: "a", length: 30 });
		expect(result.current.shown).toBe(50);
	});

	it("grows by pages, and says when one is to be fetched", () => {
		const { result } = start("a", 120);
		const here: boolean[] = [];
		act(() => void here.push(result.current.more()));
		expect([result.current.shown, here.pop()]).toEqual([100, true]);
		act(() => void here.push(result.current.more()));
		expect([result.current.shown, here.pop()]).toEqual([150, false]);
	});

	it("begins anew with each conversation", () => {
		const { result, rerender } = start("a", 500);
		act(() => void result.current.more());
		expect(result.current.shown).toBe(100);
		rerender({ key: "b", length: 500 });
		expect(result.current.shown).toBe(50);
		rerender({ key: "a", length: 500 });
		expect(result.current.shown).toBe(50);
	});
});
