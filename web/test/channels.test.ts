import { describe, expect, it } from "vitest";
import { channelModels, channelModelsText, healthOf, jsonObject, words } from "@/lib/channels";
import { type Order, sorted } from "@/lib/sorted";

describe("what is typed of a channel", () => {
	it("lists and JSON objects", () => {
		expect(words(" a, b ,,c ")).toEqual(["a", "b", "c"]);
		expect(words("")).toEqual([]);
		expect(jsonObject("")).toEqual({});
		expect(jsonObject('{"a": null}')).toEqual({ a: null });
		for (const wrong of ["{", "[]", "null", "1", '"a"']) expect(jsonObject(wrong)).toBeNull();
	});

	it("models, to and fro", () => {
		const text = "gpt\nours=theirs";
		expect(channelModelsText(channelModels(text))).toBe(text);
	});

	it("how it fares, where that is told", () => {
		const health = { state: "open", first_byte_ms: 12, errors_per_mille: 5, calls: 3 };
		expect(healthOf({ health })).toBe(health);
		expect(healthOf({ id: 1 })).toBeNull();
	});
});

describe("rows in the order that somebody chose", () => {
	const rows = [{ n: 2, s: "b" }, { n: null, s: "a" }, { n: 10, s: "c" }];
	const by = (order: Order<"n" | "s">) => sorted(rows, order, (row, column) => row[column]).map((r) => r.s);

	it("numbers as numbers, what is not known last", () => {
		expect(by({ by: "n", down: false })).toEqual(["b", "c", "a"]);
		expect(by({ by: "n", down: true })).toEqual(["c", "b", "a"]);
		expect(by({ by: "s", down: true })).toEqual(["c", "b", "a"]);
	});
});
