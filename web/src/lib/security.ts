/* Why a key is locked, and what was noticed about it, in words. */
import type { TFunction } from "i18next";
import type { SecurityEvent } from "@/api/types";
import { bytes, count } from "./format";

export const KINDS = ["new_model", "new_address", "failures", "size_jump", "overspeed", "leaked"] as const;
export type Kind = (typeof KINDS)[number];

/** A rule by its name; an operator's own words as they are. */
export function reasonText(t: TFunction<"app">, reason: string | null): string {
	if (reason === null) return "–";
	return (KINDS as readonly string[]).includes(reason) ? t(`security.${reason as Kind}`) : reason;
}

const list = (value: unknown) => (Array.isArray(value) ? value.join(", ") : "");
const number = (value: unknown) => (typeof value === "number" ? value : 0);

/** What the event is about. */
export function detailText(t: TFunction<"app">, { kind, details }: SecurityEvent): string {
	const d = details as Record<string, unknown>;
	switch (kind) {
		case "new_model":
			return list(d["models"]);
		case "new_address":
			return list(d["addresses"]);
		case "failures":
			return t("security.detail_failures", { failures: count(number(d["failures"])), refusals: count(number(d["refusals"])), limit: count(number(d["limit"])) });
		case "size_jump":
			return t("security.detail_size", { mean: bytes(number(d["mean_bytes"])), before: bytes(number(d["mean_bytes_before"])) });
		case "overspeed":
			return t("security.detail_speed", { calls: count(number(d["calls_per_minute"])), tokens: count(number(d["tokens_per_minute"])) });
		case "leaked":
			return t("security.detail_leaked");
	}
}
