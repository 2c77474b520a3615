import { beforeAll, describe, expect, it } from "vitest";
import type { SecurityEvent } from "@/api/types";
import { startI18n, t } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { detailText, KINDS, reasonText } from "@/lib/security";

const event = (kind: SecurityEvent["kind"], details: object) => ({ kind, details }) as SecurityEvent;

beforeAll(async () => {
	await startI18n();
	await withTexts(["security"], Promise.resolve());
});

describe("why a key is locked", () => {
	it("is a rule by its name, or an operator's words", () => {
		expect(reasonText(t, "leaked")).toBe("Leaked");
		expect(reasonText(t, "seen on a forum")).toBe("seen on a forum");
		expect(reasonText(t, null)).toBe("–");
	});
});

describe("what was noticed", () => {
	it.each([
		["new_model", { models: ["a", "b"] }, "a, b"],
		["new_address", { addresses: ["10.0.0.1"] }, "10.0.0.1"],
		["failures", { failures: 1200, refusals: 3, limit: 50 }, "1,200 failures and 3 refusals within an hour, 50 are allowed"],
		["size_jump", { mean_bytes: 2048, mean_bytes_before: 100 }, "2.0 KB on average, 100 B before"],
		["overspeed", { calls_per_minute: 61, tokens_per_minute: 9000 }, "61 calls, 9,000 tokens within a minute"],
		["leaked", {}, "Found in a list"],
	] as const)("%s is told in words", (kind, details, text) => expect(detailText(t, event(kind, details))).toBe(text));

	it("has words even where details are missing", () => {
		for (const kind of KINDS) expect(detailText(t, event(kind, {}))).not.toContain("undefined");
	});
});
