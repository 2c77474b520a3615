import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import type { Served } from "@/lib/channels";
import { toast } from "@/stores/notices";
import { useAdminModels } from "./ModelsArea";
import { attempt } from "./parts";

/** The models that the provider has, each to be served as one of ours. */
export function FetchModels({ channel, served, onTake }: { channel: Channel; served: Served[]; onTake: (models: Served[]) => void }) {
	const [names, setNames] = useState<string[] | null>(null);
	const [search, setSearch] = useState("");
	const [busy, setBusy] = useState(false);
	const ours = useAdminModels();
	const { t } = useTranslation();
	const fetch = async () => {
		setBusy(true);
		await attempt(async () => {
			const told = await admin.providerModels(channel.id);
			if (told.ok) setNames(told.models);
			else toast("danger", t("channels.fetch_failed"), { detail: [told.http_status > 0 && `HTTP ${told.http_status}`, told.detail].filter(Boolean).join(" · ") });
		});
		setBusy(false);
	};
	const known = ours.data?.items.map((m) => m.name) ?? [];
	const upstream = (s: Served) => s.upstream_name ?? s.model;
	const servedAs = (name: string) => served.find((s) => upstream(s) === name)?.model ?? "";
	const take = (name: string, model: string) => {
		const others = served.filter((s) => upstream(s) !== name && s.model !== model);
		onTake(model ? [...others, model === name ? { model } : { model, upstream_name: name }] : others);
	};
	const shown = (names ?? []).filter((n) => n.toLowerCase().includes(search.trim().toLowerCase())).slice(0, 100);
	return (
		<div className="flex flex-col gap-2">
			<Button small busy={busy} icon={<RefreshCw size={14} aria-hidden />} onClick={() => void fetch()} className="w-fit">
				{t("channels.fetch")}
			</Button>
			{names && (
				<div className="rounded-lg border border-line">
					<div className="border-b border-line p-2">
						<Input bare type="search" label={t("channels.fetched", { count: names.length })} placeholder={t("channels.fetched", { count: names.length })} value={search} onChange={(e) => setSearch(e.target.value)} />
					</div>
					<ul className="max-h-60 divide-y divide-line overflow-y-auto" tabIndex={0} aria-label={t("channels.models_part")}>
						{shown.map((name) => (
							<li key={name} className="flex items-center justify-between gap-3 px-3 py-1.5 text-sm">
								<span className="min-w-0 truncate" title={name}>
									{name}
								</span>
								<select
									aria-label={`${t("channels.map_to")}: ${name}`}
									value={servedAs(name)}
									onChange={(e) => take(name, e.target.value)}
									className="h-9 w-40 shrink-0 rounded-lg border border-line-strong bg-raised px-2 text-ink sm:w-56"
								>
									<option value="">{known.includes(name) ? "–" : `– (${t("channels.not_ours")})`}</option>
									{known.map((model) => (
										<option key={model} value={model}>
											{model}
										</option>
									))}
								</select>
							</li>
						))}
					</ul>
				</div>
			)}
		</div>
	);
}
