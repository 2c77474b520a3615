/* Rows of prices in words. */
import { useTranslation } from "react-i18next";
import type { Price } from "@/api/types";
import { compact, dateTime } from "@/lib/format";
import { keys, queryClient } from "@/queries/client";

export const refreshPrices = () => {
	void queryClient.invalidateQueries({ queryKey: keys.models });
	void queryClient.invalidateQueries({ queryKey: keys.admin("models") });
	return queryClient.invalidateQueries({ queryKey: keys.admin("prices") });
};

export const METERS = ["input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output", "image", "second", "character", "page", "query", "call"] as const;
export type Meter = (typeof METERS)[number];
export const meterKey = (meter: string) => `prices.m_${meter as Meter}` as const;

/** "1M tokens", "1 image", "1000 × character". */
export function useUnit() {
	const { t } = useTranslation();
	return (meter: string, per: number) => {
		const ofTokens = METERS.indexOf(meter as Meter) <= METERS.indexOf("audio_output");
		if (ofTokens && per === 1_000_000) return t("prices.per_million");
		const unit = t(meterKey(meter));
		return per === 1 ? t("prices.per_one", { unit }) : t("prices.per_units", { n: compact(per), unit });
	};
}

/** When a row holds, in words. */
export function useConditions() {
	const { t } = useTranslation();
	return (row: Price) => {
		const said = [
			row.group,
			row.tier === "standard" ? null : t(`prices.t_${row.tier}`),
			row.min_context > 0 ? t("prices.from_tokens", { tokens: compact(row.min_context) }) : null,
			row.valid_from ? t("prices.since", { time: dateTime(row.valid_from) }) : null,
			row.hours ? `${row.hours} ${row.time_zone}` : null,
		].filter(Boolean);
		return said.length > 0 ? said.join(" · ") : t("prices.always");
	};
}
