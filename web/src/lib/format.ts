/* Numbers and times, for people, in their language. */
import { type Language, language } from "@/i18n/language";

export const locale = (l: Language) => (l === "zh" ? "zh-CN" : "en-GB");

/** Credits: at most four decimals below ten, two above. */
export function credits(value: number): string {
	const size = Math.abs(value);
	// what is not nothing is not shown as nothing
	const digits = size < 0.00005 ? 6 : size < 10 ? 4 : 2;
	return new Intl.NumberFormat(locale(language()), { maximumFractionDigits: digits }).format(value);
}

/** Credits with their sign, for a ledger. */
export function signedCredits(value: number): string {
	return new Intl.NumberFormat(locale(language()), { maximumFractionDigits: 6, signDisplay: "exceptZero" }).format(value);
}

export function count(value: number): string {
	return new Intl.NumberFormat(locale(language())).format(value);
}

/** 32000 → 32K */
export function compact(value: number): string {
	return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function bytes(value: number): string {
	const units = ["B", "KB", "MB", "GB"];
	let n = value;
	let unit = 0;
	while (n >= 1024 && unit < units.length - 1) {
		n /= 1024;
		unit += 1;
	}
	return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

export function dateTime(value: string | number | null): string {
	if (value === null) return "–";
	return new Intl.DateTimeFormat(locale(language()), { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
}

export function clock(value: string | number): string {
	return new Intl.DateTimeFormat(locale(language()), { hour: "2-digit", minute: "2-digit" }).format(new Date(value));
}
