/* The models of a channel as people write them: one per line, "model" or "model=name at the provider". */
export const STRATEGIES = ["weighted", "random", "round_robin", "weighted_round_robin", "least_errors", "lowest_latency", "consistent_hash"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** How a channel fares of late, where that is told. */
export interface Health {
	state: "closed" | "open" | "half_open" | "off";
	first_byte_ms: number | null;
	errors_per_mille: number;
	calls: number;
}

export function healthOf(channel: object): Health | null {
	return "health" in channel ? (channel.health as Health) : null;
}

export interface Served {
	model: string;
	upstream_name?: string;
}

export function channelModels(text: string): Served[] {
	return text
		.split("\n")
		.map((line) => line.trim())
		.filter(Boolean)
		.map((line) => {
			const at = line.indexOf("=");
			if (at < 0) return { model: line };
			return { model: line.slice(0, at).trim(), upstream_name: line.slice(at + 1).trim() };
		});
}

/** "a, b" → ["a", "b"] */
export function words(text: string): string[] {
	return text
		.split(",")
		.map((word) => word.trim())
		.filter(Boolean);
}

/** The JSON object in a text field; empty is {}, null: it is none. */
export function jsonObject(text: string): Record<string, unknown> | null {
	if (!text.trim()) return {};
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

export function channelModelsText(models: readonly Served[]): string {
	return models
		.map((m) => (m.upstream_name && m.upstream_name !== m.model ? `${m.model}=${m.upstream_name}` : m.model))
		.join("\n");
}
