/* The models of a channel as people write them: one per line, "model" or "model=name at the provider". */
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

export function channelModelsText(models: readonly Served[]): string {
	return models
		.map((m) => (m.upstream_name && m.upstream_name !== m.model ? `${m.model}=${m.upstream_name}` : m.model))
		.join("\n");
}
