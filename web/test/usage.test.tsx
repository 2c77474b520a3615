import { fireEvent, render } from "@testing-library/react";
import { beforeAll, describe, expect, it } from "vitest";
import { Bars } from "@/components/usage/Bars";
import { startI18n } from "@/i18n";
import { setLanguage } from "@/i18n/language";
import { withTexts } from "@/i18n/texts";
import { cost, dayName, duration, everyDay, everyHour, fromOf, hourName, NOTHING, roundTop, short, shortTime } from "@/lib/usage";

const sum = { ...NOTHING, calls: 2, request_tokens: 30, response_tokens: 40, cost: 0.5 };
const sums = {
	from: "2026-02-27T00:00:00Z",
	to: "2026-03-02T09:30:00Z",
	total: sum,
	items: [{ name: "2026-02-28", ...sum }],
};

describe("days", () => {
	it("begin with UTC's, and today counts", () => {
		const now = Date.parse("2026-03-02T00:30:00Z");
		expect(fromOf("7", now)).toBe("2026-02-24T00:00:00Z");
		expect(fromOf("30", now)).toBe("2026-02-01T00:00:00Z");
	});

	it("are all there, with nothing where nothing was used", () => {
		expect(everyDay(sums).map((d) => [d.name, d.calls])).toEqual([
			["2026-02-27", 0],
			["2026-02-28", 2],
			["2026-03-01", 0],
			["2026-03-02", 0],
		]);
	});

	it("have 24 hours, whatever time it is", () => {
		const today = { ...sums, from: "2026-03-02T00:00:00Z", items: [{ name: "2026-03-02T09:00Z", ...sum }] };
		const hours = everyHour(today);
		expect(hours).toHaveLength(24);
		expect(hours.filter((h) => h.calls > 0).map((h) => hourName(h.name))).toEqual(["09:00"]);
		expect(hours.at(-1)!.name).toBe("2026-03-02T23:00Z");
	});

	it("are named in the language, and as UTC's wherever the reader is", () => {
		expect(dayName("2026-03-01")).toBe("1 Mar");
		setLanguage("zh");
		expect(dayName("2026-03-01")).toBe("3月1日");
	});
});

describe("numbers of what was used", () => {
	it.each([
		[null, "–"],
		[0, "0ms"],
		[999, "999ms"],
		[1000, "1s"],
		[12_345, "12.3s"],
		[123_456, "123s"],
	])("%s ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

	it.each([
		[0, 1],
		[0.0011, 0.002],
		[0.3, 0.3],
		[0.41, 0.5],
		[5.6, 6],
		[6.1, 8],
		[9, 10],
		[101, 200],
	])("a scale for %s ends at %s", (most, top) => expect(roundTop(most)).toBe(top));

	it("have their points below each other, and what cost little is not free", () => {
		expect([0, 0.5, 1234.56789, 0.00002].map(cost)).toEqual(["0.0000", "0.5000", "1,234.5679", "<0.0001"]);
	});

	it("are shortened where they would not fit", () => {
		expect([99_999_999, 123_456_789].map(short)).toEqual(["99,999,999", "123.5M"]);
		setLanguage("zh");
		expect(short(123_456_789)).toBe("1.2亿");
	});

	it("say the year only where it is another one", () => {
		const now = new Date("2026-03-02T12:00:00");
		expect(shortTime("2026-03-01T09:05:00", now)).toBe("1 Mar, 09:05");
		expect(shortTime("2025-03-01T09:05:00", now)).toBe("1 Mar 2025, 09:05");
	});
});

describe("the chart", () => {
	beforeAll(async () => {
		await startI18n();
		await withTexts(["usage"], Promise.resolve());
	});

	it("has a bar and a line of its table for each day", () => {
		const { container, getByRole } = render(<Bars days={everyDay(sums)} />);
		const heights = [...container.querySelectorAll("rect[data-day]")].map((r) => Number(r.getAttribute("height")));
		expect(heights).toEqual([0, 100, 0, 0]);
		const rows = [...container.querySelectorAll("tbody tr")].map((r) => r.textContent);
		expect(rows).toHaveLength(4);
		expect(rows[2]).toMatch(/^28 Feb.*0\.5000$/);
		expect(getByRole("table", { hidden: true })).toBeTruthy();
	});

	it("tells the day that is pointed at", () => {
		const { container } = render(<Bars days={everyDay(sums)} />);
		const svg = container.querySelector("svg")!;
		svg.getBoundingClientRect = () => ({ left: 0, width: 400 }) as DOMRect;
		fireEvent(svg, new MouseEvent("pointermove", { clientX: 150, bubbles: true }));
		expect(container.querySelector("figcaption")?.textContent).toMatch(/28 Feb: 0\.5 credits, 2 calls/);
	});
});
