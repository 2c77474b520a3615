import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, ChannelEvent, ChannelHealth as Health, ChannelSums } from "@/api/types";
import { admin } from "@/api/weir";
import { Dialog } from "@/components/ui/Dialog";
import { Empty, Failed } from "@/components/ui/State";
import { clock, compact, count, credits, dateTime } from "@/lib/format";
import { keys } from "@/queries/client";
import { Loading, Table, Tag } from "./parts";

const TONES = { closed: "ok", open: "warn", half_open: "warn", off: "off" } as const;
const CLASSES = ["connect", "timeout", "rate_limited", "server", "refused", "cut", "client"] as const;

/** Whether it is asked now, and if not, until when. */
export function HealthTag({ health }: { health: Health }) {
	const { t } = useTranslation();
	const until = health.state === "open" && health.open_until;
	return (
		<Tag tone={TONES[health.state]}>
			{t(`channels.fares.states.${health.state}`)}
			{until && ` ${t("channels.fares.resting_until", { time: clock(until) })}`}
		</Tag>
	);
}

/** How a channel fared in the last 24 hours, and what happened to it. */
export function ChannelHealth({ channel, onClose }: { channel: Channel; onClose: () => void }) {
	const stats = useQuery({ queryKey: keys.admin("channel-stats", String(channel.id)), queryFn: () => admin.channelStats(channel.id) });
	const events = useQuery({ queryKey: keys.admin("channel-events", String(channel.id)), queryFn: () => admin.channelEvents(channel.id) });
	const { t } = useTranslation();
	const error = stats.error ?? events.error;
	return (
		<Dialog wide title={t("channels.fares.health_of", { name: channel.name })} onClose={onClose}>
			<div className="flex flex-col gap-5">
				<p>
					<HealthTag health={channel.health} />
				</p>
				{error && <Failed error={error} onRetry={() => void Promise.all([stats.refetch(), events.refetch()])} />}
				{(stats.isPending || events.isPending) && <Loading />}
				{stats.data && <Day sums={stats.data.total} />}
				{events.data && <Events items={events.data} />}
			</div>
		</Dialog>
	);
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
	return (
		<div>
			<dt className="text-xs text-faint">{label}</dt>
			<dd className="text-lg tabular-nums">{children}</dd>
		</div>
	);
}

const ms = (value: number | null) => (value === null ? "–" : `${count(value)} ms`);

function Day({ sums }: { sums: ChannelSums }) {
	const { t } = useTranslation();
	const ended = sums.successes + CLASSES.reduce((n, c) => n + (c === "client" ? 0 : sums[c]), 0);
	const failed = CLASSES.filter((c) => sums[c] > 0);
	return (
		<section className="flex flex-col gap-3">
			<h3 className="text-sm font-semibold">{t("channels.fares.day")}</h3>
			{sums.tries + sums.calls === 0 && <p className="text-sm text-faint">{t("channels.fares.no_calls")}</p>}
			<dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-4">
				<Fact label={t("channels.fares.tries")}>{count(sums.tries)}</Fact>
				<Fact label={t("channels.success")}>{ended === 0 ? "–" : `${count(Math.round((sums.successes / ended) * 1000) / 10)} %`}</Fact>
				<Fact label={t("channels.latency")}>{ms(sums.first_byte_ms)}</Fact>
				<Fact label={t("channels.fares.p95")}>{ms(sums.first_byte_p95_ms)}</Fact>
				<Fact label={t("channels.fares.switches")}>{count(sums.switches)}</Fact>
				<Fact label={t("channels.fares.tokens")}>{compact(sums.request_tokens + sums.response_tokens)}</Fact>
				<Fact label={t("channels.fares.cost")}>{credits(sums.cost)}</Fact>
			</dl>
			{failed.length > 0 && (
				<p className="flex flex-wrap items-center gap-1 text-sm">
					<span className="me-1 text-xs text-faint">{t("channels.fares.failures")}</span>
					{failed.map((c) => (
						<Tag key={c} tone={c === "client" ? "plain" : "warn"}>
							{t(`channels.fares.classes.${c}`)} {count(sums[c])}
						</Tag>
					))}
				</p>
			)}
		</section>
	);
}

function Events({ items }: { items: readonly ChannelEvent[] }) {
	const { t } = useTranslation();
	return (
		<section className="flex flex-col gap-3">
			<h3 className="text-sm font-semibold">{t("channels.fares.events")}</h3>
			{items.length === 0 ? (
				<Empty title={t("channels.fares.no_events")} />
			) : (
				<Table
					tight
					label={t("channels.fares.events")}
					rows={items}
					rowKey={(e) => e.id}
					columns={[
						{ name: "when", head: t("channels.fares.when"), value: (e) => e.at, className: "whitespace-nowrap", cell: (e) => dateTime(e.at) },
						{
							name: "what",
							head: t("channels.fares.what"),
							value: (e) => t(`channels.fares.kinds.${e.kind}`),
							cell: (e) => <Tag tone={e.kind === "up" || e.kind === "key_on" ? "ok" : e.kind === "key_off" ? "off" : "warn"}>{t(`channels.fares.kinds.${e.kind}`)}</Tag>,
						},
						{
							name: "why",
							head: t("channels.why"),
							cell: (e) => (
								<span className="line-clamp-2 max-w-80 text-xs text-faint" title={e.detail ?? undefined}>
									{e.detail ?? (e.cause && e.kind !== "up" ? t(`channels.fares.classes.${e.cause as (typeof CLASSES)[number]}`) : "")}
								</span>
							),
						},
						{ name: "key", head: t("channels.key"), end: true, value: (e) => e.key, cell: (e) => e.key ?? "–" },
					]}
				/>
			)}
		</section>
	);
}
