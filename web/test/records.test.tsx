import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { describe, expect, it } from "vitest";
import type { List, PageAsk, UsageRecord } from "@/api/types";
import { callDetails } from "@/lib/usage";
import { usePaged } from "@/queries/paged";

/** A log that grows by a record with each question for its newest, and has an older page. */
function log() {
	let newest = 10;
	const asked: (number | undefined)[] = [];
	const page = async ({ before_id }: PageAsk<number>) => {
		asked.push(before_id);
		if (before_id === undefined) newest += 1;
		return { items: [{ id: before_id === undefined ? newest : 1 }], has_more: before_id === undefined } as List<UsageRecord>;
	};
	return { asked, page };
}

function shown(every_ms: number | false) {
	const client = new QueryClient();
	const { asked, page } = log();
	const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
	return { asked, ...renderHook(({ every }: { every: number | false }) => usePaged(["log"], page, { every_ms: every }), { wrapper, initialProps: { every: every_ms } }) };
}

const wait = (ms: number) => act(() => new Promise((done) => setTimeout(done, ms)));

describe("the log of requests", () => {
	it("shows new ones by itself, until one is looked at", async () => {
		const { result, rerender, asked } = shown(20);
		await waitFor(() => expect(result.current.items[0]?.id).toBeGreaterThan(12));
		rerender({ every: false });
		await wait(30);
		const until = asked.length;
		await wait(100);
		expect(asked.length).toBe(until);
		rerender({ every: 20 });
		await waitFor(() => expect(asked.length).toBeGreaterThan(until));
	});

	it("stays as it is when one has gone on to older ones", async () => {
		const { result, asked } = shown(20);
		await waitFor(() => expect(result.current.items.length).toBe(1));
		await act(() => result.current.query.fetchNextPage());
		await waitFor(() => expect(result.current.items.length).toBe(2));
		await wait(30);
		const until = asked.length;
		await wait(100);
		expect(asked.length).toBe(until);
	});

	it("does not ask again unless it is told to", async () => {
		const { result, asked } = shown(false);
		await waitFor(() => expect(result.current.items.length).toBe(1));
		await wait(100);
		expect(asked).toEqual([undefined]);
	});
});

describe("a list that the server sorts", () => {
	it("goes on behind its last item, whichever way", async () => {
		const asked: PageAsk<number>[] = [];
		const page = async (ask: PageAsk<number>) => {
			asked.push(ask);
			return { items: [{ id: asked.length }], has_more: true } as List<UsageRecord>;
		};
		const client = new QueryClient();
		const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
		const { result } = renderHook(() => usePaged(["sorted"], page, { limit: 5 }), { wrapper });
		for (const sort of ["-cost", "cost"]) {
			const before = asked.length;
			await act(async () => result.current.query.onSort(sort));
			await waitFor(() => expect(asked.length).toBeGreaterThan(before));
			await waitFor(() => expect(result.current.query.isPlaceholderData).toBe(false));
			await act(() => result.current.query.fetchNextPage());
			const last = asked.length - 1;
			expect(asked.slice(last - 1)).toEqual([
				{ limit: 5, sort },
				sort === "cost" ? { limit: 5, sort, after_id: last } : { limit: 5, sort, before_id: last },
			]);
		}
	});
});

describe("what is on record of a call", () => {
	it("names what was made, and keeps what it does not know", () => {
		const { units, other, lines, tries, ratio } = callDetails({ units: { image: 2 }, seed: 7 });
		expect(units).toEqual([["image", 2]]);
		expect(other).toEqual([["seed", 7]]);
		expect([lines, tries, ratio]).toEqual([[], [], 1]);
	});
});
