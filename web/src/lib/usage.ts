/* Days, and numbers of what was used. Days are UTC's, as the server sums them up. */
import type { UsageSum, UsageSums } from "@/api/types";
import { language } from "@/i18n/language";
import { locale } from "./format";

const DAY_MS = 86_400_000;

export const RANGES = ["7", "30", "90", "365"] as const;
export type Range = (typeof RANGES)[number];

export interface Day extends UsageSum {
	/** 2026-11-29 */
	name: string;
}

/** Of a day on which nothing was used. */
export const NOTHING: UsageSum = {
	calls: 0,
	errors: 0,
	request_tokens: 0,
	response_tokens: 0,
	cached_tokens: 0,
	cache_write_tokens: 0,
	reasoning_tokens: 0,
	cost: 0,
	latency_ms: null,
	first_token_ms: null,
};

/** When the first of the last days began. A time, because a date alone would be the database's. */
export function fromOf(range: Range | "1", now = Date.now()): string {
	return `${new Date(now - (Number(range) - 1) * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`;
}

/** Every day of the span: the server names only those on which something was used. */
export function everyDay({ from, to, items }: UsageSums): Day[] {
	const used = new Map(items.map((item) => [item.name, item]));
	const days: Day[] = [];
	for (let at = Date.parse(`${from.slice(0, 10)}T00:00:00Z`); at <= Date.parse(to); at += DAY_MS) {
		const name = new Date(at).toISOString().slice(0, 10);
		days.push({ ...NOTHING, ...used.get(name), name });
	}
	return days;
}

/** Every hour of the span, named as the server names them; of a day all 24, so that it does not grow. */
export function everyHour({ from, to, items }: UsageSums): Day[] {
	const used = new Map(items.map((item) => [item.name, item]));
	const hours: Day[] = [];
	const start = Date.parse(from);
	const end = Math.max(Date.parse(to), start + DAY_MS - 1);
	for (let at = start; at <= end; at += 3_600_000) {
		const name = `${new Date(at).toISOString().slice(0, 13)}:00Z`;
		hours.push({ ...NOTHING, ...used.get(name), name });
	}
	return hours;
}

/** 2026-11-29T13:00Z: 13:00 */
export function hourName(name: string): string {
	return name.slice(11, 16);
}

export function dayName(name: string): string {
	return new Intl.DateTimeFormat(locale(language()), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${name}T00:00:00Z`));
}

/** When, with its year only if it is another one: for lists of many. */
export function shortTime(value: string, now = new Date()): string {
	const at = new Date(value);
	return new Intl.DateTimeFormat(locale(language()), {
		month: "short",
		day: "numeric",
		hour: "2-digit",
		minute: "2-digit",
		...(at.getFullYear() !== now.getFullYear() && { year: "numeric" }),
	}).format(at);
}

/** A short and a long time alike with a unit; null when it is not known. */
export function duration(ms: number | null): string {
	if (ms === null) return "–";
	const inSeconds = ms >= 1000;
	return new Intl.NumberFormat(locale(language()), {
		style: "unit",
		unit: inSeconds ? "second" : "millisecond",
		unitDisplay: "narrow",
		maximumFractionDigits: inSeconds && ms < 100_000 ? 1 : 0,
	}).format(inSeconds ? ms / 1000 : ms);
}

/** A count in full as long as there is room for it: then 123.5M. */
export function short(value: number): string {
	const tooLong = value >= 100_000_000;
	// Not in British English, which writes a small m.
	return new Intl.NumberFormat(language(), tooLong ? { notation: "compact", maximumFractionDigits: 1 } : {}).format(value);
}

/** Credits in a column: as many decimals in each, so that the points are below each other. */
export function cost(value: number): string {
	const format = new Intl.NumberFormat(locale(language()), { minimumFractionDigits: 4, maximumFractionDigits: 4 });
	// What cost something does not look free.
	return value > 0 && value < 0.0001 ? `<${format.format(0.0001)}` : format.format(value);
}

/** The top of a scale that ends on a round number, and whose half is one. */
export function roundTop(most: number): number {
	if (!(most > 0)) return 1;
	const power = 10 ** Math.floor(Math.log10(most));
	const step = [1, 2, 3, 4, 5, 6, 8, 10].find((s) => most <= s * power) ?? 10;
	// Not a product of what is not exact: 3 * 0.1 would be drawn as 0.30000000000000004.
	return Number((step * power).toPrecision(1));
}

export interface BillLine {
	meter: string;
	units: number;
	price: number;
	per: number;
	cost: number;
}

export interface FailedTry {
	channel: string;
	model: string;
	code: string;
	/** Of its answer; absent: there was none. */
	status?: number;
	ms: number;
}

/** What is on record of a call beside its columns. */
export interface CallDetails {
	lines: BillLine[];
	ratio: number;
	tries: FailedTry[];
	/** How much was made, by what is counted: {"image": 1}. */
	units: [string, number][];
	other: [string, unknown][];
}

export function callDetails(metadata: Record<string, unknown>): CallDetails {
	const { lines, ratio, tries, units, ...other } = metadata as Partial<Omit<CallDetails, "units">> & { units?: Record<string, number> };
	return { lines: lines ?? [], ratio: ratio ?? 1, tries: tries ?? [], units: Object.entries(units ?? {}), other: Object.entries(other) };
}
