import { Waypoints } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { RouteExplained, RoutePlace } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input, Select } from "@/components/ui/Field";
import { Empty } from "@/components/ui/State";
import type { Strategy } from "@/lib/channels";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";
import { useAdminModels } from "./ModelsArea";
import { AreaHead, attempt, Cell, NumberCell, Table, Tag } from "./parts";

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
	if (told.items.length === 0) return <Empty icon={<Waypoints size={26} />} title={t("channels.no_way")} />;
	return (
		<>
			<p className="mb-3 text-sm text-soft">
				{t("channels.order_note", { strategy: told.by_session ? t("channels.by_session") : t(`channels.strategies.${told.strategy as Strategy}`) })}
			</p>
			<Table
				tight
				label={t("channels.route_title")}
				heads={[t("channels.place"), t("channels.channel"), t("channels.key"), t("channels.asked_for"), t("admin.priority"), t("admin.weight"), t("channels.first_byte"), t("channels.errors"), t("channels.why")]}
				numbers={[0, 4, 5, 6, 7]}
				wide={{ columns: [3, 5, 6, 7], className: WIDE }}
			>
				{told.items.map((place) => (
					<Place key={`${place.channel_id} ${place.key_id}`} place={place} />
				))}
			</Table>
		</>
	);
}

function Place({ place: p }: { place: RoutePlace }) {
	const { t } = useTranslation();
	const isCandidate = p.position !== null;
	return (
		<tr className={cx(!isCandidate && "text-faint")}>
			<NumberCell className="font-semibold">{p.position ?? "–"}</NumberCell>
			<Cell>
				<p className="font-medium">{p.channel}</p>
				<p className="text-xs text-faint">{[p.provider, p.region, p.tag].filter(Boolean).join(" · ")}</p>
			</Cell>
			<Cell>{p.key ?? "–"}</Cell>
			<Cell className={WIDE}>{p.upstream_name}</Cell>
			<NumberCell>{p.priority}</NumberCell>
			<NumberCell className={WIDE}>{p.weight}</NumberCell>
			<NumberCell className={WIDE}>{p.first_byte_ms > 0 ? `${count(p.first_byte_ms)} ms` : "–"}</NumberCell>
			<NumberCell className={WIDE}>{p.errors_per_mille > 0 ? `${count(p.errors_per_mille / 10)} %` : "–"}</NumberCell>
			<Cell className="text-end">
				<Tag tone={isCandidate ? "ok" : "off"}>{t(`channels.whys.${p.why as Why}`)}</Tag>
			</Cell>
		</tr>
	);
}
