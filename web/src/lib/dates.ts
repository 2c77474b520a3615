/* The sidebar's groups: today, yesterday, then one per date. */
import type { Language } from "@/i18n/language";

const DAY_MS = 86_400_000;

function midnight(at: Date): number {
	return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** 今天, 昨天, or the date (with its year when it is another one), in local time. */
export function formatDateGroup(value: string | Date, language: Language, now = new Date()): string {
	const at = new Date(value);
	// Rounded: a day may have 23 or 25 hours.
	const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
	if (days <= 0) return language === "zh" ? "今天" : "Today";
	if (days === 1) return language === "zh" ? "昨天" : "Yesterday";
	return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
		day: "numeric",
		month: "long",
		...(at.getFullYear() !== now.getFullYear() && { year: "numeric" }),
	}).format(at);
}

export interface DateGroup<T> {
	label: string;
	items: T[];
}

/** In the order given, which is newest first; a group never appears twice. */
export function groupConversationsByDate<T extends { updated_at: string }>(
	items: readonly T[],
	language: Language,
	now = new Date(),
): DateGroup<T>[] {
	const groups = new Map<string, T[]>();
	// Thousands of conversations have some hundred days.
	const labels = new Map<number, string>();
	for (const item of items) {
		const day = midnight(new Date(item.updated_at));
		let label = labels.get(day);
		if (label === undefined) labels.set(day, (label = formatDateGroup(item.updated_at, language, now)));
		const group = groups.get(label);
		if (group) group.push(item);
		else groups.set(label, [item]);
	}
	return [...groups].map(([label, members]) => ({ label, items: members }));
}
