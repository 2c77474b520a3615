import { Waypoints } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { RouteExplained, RoutePlace } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input, Select } from "@/components/ui/Field";
import { Empty } from "@/components/ui/State";
import type { Strategy } from "@/lib/channels";
import { count } from "@/lib/format";
import { useAdminModels } from "./ModelsArea";
import { AreaHead, attempt, type Column, Table, Tag } from "./parts";

const WIDE = "hidden @3xl:table-cell";

type Why = "candidate" | "no_key" | "blacklisted" | "group" | "region" | "key_disabled" | "key_off" | "breaker_open" | "tried" | "not_pinned" | "beyond" | "channel_disabled";

/** Which channels and keys would be tried for a call, in their order, and why not the others. */
export default function RouteArea() {
	const models = useAdminModels();
	const names = models.data?.items.map((m) => m.name) ?? [];
	const [form, setForm] = useState({ model: "", group: "", region: "", session: "" });
	const [told, setTold] = useState<RouteExplained | null>(null);
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const field = (name: keyof typeof form) => ({ value: form[name], onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }) });
	const explain = async (e: FormEvent) => {
		e.preventDefault();
		setBusy(true);
		const set = Object.fromEntries(Object.entries(form).filter(([, value]) => value.trim()));
		await attempt(async () => setTold(await admin.explainRoute({ ...set, model: form.model || names[0] || "" })));
		setBusy(false);
	};
	return (
		<div className="@container">
			<AreaHead title={t("channels.route_title")} />
			<p className="-mt-3 mb-4 text-sm text-faint">{t("channels.route_hint")}</p>
			<form onSubmit={(e) => void explain(e)} className="mb-6 grid items-start gap-4 @md:grid-cols-2 @4xl:grid-cols-[2fr_1fr_1fr_2fr_auto]">
				<Select label={t("admin.model")} {...field("model")}>
					{names.map((name) => (
						<option key={name} value={name}>
							{name}
						</option>
					))}
				</Select>
				<Input label={t("channels.group")} placeholder="default" {...field("group")} />
				<Input label={t("channels.region")} {...field("region")} />
				<Input label={t("channels.session")} hint={t("channels.session_hint")} {...field("session")} />
				<Button type="submit" look="solid" busy={busy} icon={<Waypoints size={16} aria-hidden />} disabled={names.length === 0} className="@4xl:mt-6.5">
					{t("channels.explain")}
				</Button>
			</form>
			{told && <Places told={told} />}
		</div>
	);
}

function Places({ told }: { told: RouteExplained }) {
	const { t } = useTranslation();
	const columns: Column<RoutePlace>[] = [
		{ name: "place", head: t("channels.place"), number: true, value: (p) => p.position, className: "font-semibold", cell: (p) => p.position ?? "–" },
		{
			name: "channel",
			head: t("channels.channel"),
			value: (p) => p.channel,
			cell: (p) => (
				<>
					<p className="font-medium">{p.channel}</p>
					<p className="text-xs text-faint">{[p.provider, p.region, p.tag].filter(Boolean).join(" · ")}</p>
				</>
			),
		},
		{ name: "key", head: t("channels.key"), value: (p) => p.key, cell: (p) => p.key ?? "–" },
		{ name: "model", head: t("channels.asked_for"), value: (p) => p.upstream_name, wide: WIDE, cell: (p) => p.upstream_name },
		{ name: "priority", head: t("admin.priority"), number: true, value: (p) => p.priority, cell: (p) => p.priority },
		{ name: "weight", head: t("admin.weight"), number: true, value: (p) => p.weight, wide: WIDE, cell: (p) => p.weight },
		{ name: "first_byte", head: t("channels.first_byte"), number: true, value: (p) => p.first_byte_ms || null, wide: WIDE, cell: (p) => (p.first_byte_ms > 0 ? `${count(p.first_byte_ms)} ms` : "–") },
		{ name: "errors", head: t("channels.errors"), number: true, value: (p) => p.errors_per_mille / 10, wide: WIDE, cell: (p) => (p.errors_per_mille > 0 ? `${count(p.errors_per_mille / 10)} %` : "–") },
		{
			name: "why",
			head: t("channels.why"),
			end: true,
			value: (p) => t(`channels.whys.${p.why as Why}`),
			cell: (p) => <Tag tone={p.position !== null ? "ok" : "off"}>{t(`channels.whys.${p.why as Why}`)}</Tag>,
		},
	];
	if (told.items.length === 0) return <Empty icon={<Waypoints size={26} />} title={t("channels.no_way")} />;
	return (
		<>
			<p className="mb-3 text-sm text-soft">
				{t("channels.order_note", { strategy: told.by_session ? t("channels.by_session") : t(`channels.strategies.${told.strategy as Strategy}`) })}
			</p>
			<Table
				tight
				label={t("channels.route_title")}
				rows={told.items}
				columns={columns}
				rowKey={(p) => `${p.channel_id} ${p.key_id}`}
				rowClass={(p) => p.position === null && "text-faint"}
				pageSize={50}
				file="route.csv"
			/>
		</>
	);
}
