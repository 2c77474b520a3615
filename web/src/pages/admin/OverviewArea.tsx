/* What an operator sees first: how the site does, and what is still to be set up. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { jobs } from "@/api/jobs";
import { admin } from "@/api/weir";
import { Segments } from "@/components/ui/Field";
import { Failed } from "@/components/ui/State";
import { Bars } from "@/components/usage/Bars";
import { SumsTable } from "@/components/usage/parts";
import { language } from "@/i18n/language";
import { cx } from "@/lib/cx";
import { bytes, count, credits, locale } from "@/lib/format";
import { duration, everyDay, everyHour, fromOf, short } from "@/lib/usage";
import { keys } from "@/queries/client";
import { Checklist } from "./Checklist";
import { AreaHead, Loading } from "./parts";

type Span = "1" | "7" | "30";
/** How often it looks again, while the page is seen. */
const LIVE_MS = 15_000;
const TOP_MODELS = 5;

export default function OverviewArea() {
	const [span, setSpan] = useState<Span>("1");
	const { t } = useTranslation();
	const from = fromOf(span);
	const byTime = useLive(["usage", span === "1" ? "hour" : "day", from], () => admin.usage({ group_by: span === "1" ? "hour" : "day", from }));
	const byModel = useLive(["usage", "model", from], () => admin.usage({ group_by: "model", from }));
	const site = useLive(["overview", span], () => admin.overview(Number(span)));
	const models = [...(byModel.data?.items ?? [])].sort((a, b) => b.calls - a.calls).slice(0, TOP_MODELS);
	return (
		<>
			<AreaHead title={t("overview.title")}>
				<Segments<Span>
					bare
					label={t("usage.range")}
					value={span}
					onChange={setSpan}
					options={(["1", "7", "30"] as const).map((value) => ({ value, label: value === "1" ? t("overview.today") : t("usage.days", { days: value }) }))}
				/>
			</AreaHead>
			<div className="@container flex flex-col gap-5">
				{site.data && <Checklist setup={site.data.setup} />}
				{byTime.isPending && <Loading />}
				{byTime.error && !byTime.data && <Failed error={byTime.error} onRetry={() => void byTime.refetch()} />}
				{byTime.data && (
					<>
						<dl className="grid grid-cols-2 gap-3 @3xl:grid-cols-4">
							<Figure name={t("overview.requests")} value={short(byTime.data.total.calls)} to="/admin/log" />
							<Figure name={t("overview.credits")} value={credits(byTime.data.total.cost)} to="/admin/usage" />
							<Figure name={t("overview.users")} value={site.data && short(site.data.active_users)} note={site.data && t("overview.users_note", { number: count(site.data.users) })} to="/admin/users" />
							<Figure
								name={t("overview.errors")}
								value={short(byTime.data.total.errors)}
								note={t("overview.errors_note", { percent: part(byTime.data.total.errors, byTime.data.total.calls) })}
								bad={byTime.data.total.errors > 0}
								to="/admin/log"
							/>
							<Figure name={t("overview.first_token")} value={duration(byTime.data.total.first_token_ms)} to="/admin/log" />
							<Channels />
							<Queues />
							<Figure name={t("overview.storage")} value={site.data && bytes(site.data.stored_bytes)} note={site.data && t("overview.storage_note", { number: count(site.data.objects) })} />
						</dl>
						<Bars days={span === "1" ? everyHour(byTime.data) : everyDay(byTime.data)} hours={span === "1"} />
					</>
				)}
				{models.length > 0 && (
					<section>
						<h3 className="mb-2 text-sm font-medium">{t("overview.models")}</h3>
						<SumsTable label={t("overview.models")} head={t("usage.model")} items={models} shares />
					</section>
				)}
			</div>
		</>
	);
}

function useLive<T>(name: (string | number)[], queryFn: () => Promise<T>) {
	return useQuery({ queryKey: keys.admin(...name), queryFn, placeholderData: keepPreviousData, staleTime: 0, refetchInterval: LIVE_MS });
}

function part(of: number, all: number): string {
	return new Intl.NumberFormat(locale(language()), { style: "percent", maximumFractionDigits: 1 }).format(all > 0 ? of / all : 0);
}

function Channels() {
	const { data } = useLive(["channels"], admin.channels);
	const { t } = useTranslation();
	const on = data?.items.filter((c) => c.enabled) ?? [];
	const ready = on.filter((c) => c.health.state === "closed").length;
	const note = on.length === 0 ? t("overview.channels_none") : t("overview.channels_note", { number: on.length });
	return <Figure name={t("overview.channels")} value={data && count(ready)} note={data && note} bad={!!data && ready < Math.max(1, on.length)} to="/admin/channels" />;
}

function Queues() {
	const { data } = useLive(["queues"], jobs.queues);
	const { t } = useTranslation();
	const sum = (of: "waiting" | "running" | "dead") => data?.items.reduce((n, q) => n + q[of], 0) ?? 0;
	const dead = sum("dead");
	const note = dead > 0 ? t("overview.jobs_dead", { number: count(dead) }) : t("overview.jobs_running", { number: count(sum("running")) });
	return <Figure name={t("overview.jobs")} value={data && count(sum("waiting"))} note={data && note} bad={dead > 0} to="/admin/jobs" />;
}

/** Its place is there before its value is. */
function Figure({ name, value, note, bad, to }: { name: string; value: string | undefined; note?: string; bad?: boolean; to?: string }) {
	return (
		<div className={cx("relative min-h-23 min-w-0 rounded-xl border border-line bg-raised px-3.5 py-3", to && "transition-colors hover:bg-hover")}>
			<dt className="text-xs text-faint">
				{to ? (
					<Link href={to} className="rounded after:absolute after:inset-0 after:rounded-xl">
						{name}
					</Link>
				) : (
					name
				)}
			</dt>
			<dd className="truncate text-lg font-semibold tabular-nums @4xl:text-xl">{value ?? "…"}</dd>
			{note && <dd className={cx("text-xs tabular-nums", bad ? "text-danger" : "text-faint")}>{note}</dd>}
		</div>
	);
}
