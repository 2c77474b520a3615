import { useQuery } from "@tanstack/react-query";
import { Lightbulb } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import type { PoolStatus } from "@/api/types";
import { admin } from "@/api/weir";
import { Empty, Failed } from "@/components/ui/State";
import { cx } from "@/lib/cx";
import { bytes, count, dateTime } from "@/lib/format";
import { keys } from "@/queries/client";
import { AreaHead, Loading, Table, Tag } from "./parts";
import { Sparkline } from "./Sparkline";

const EVERY_MS = 2_000;
const KEPT = 120;

interface Sample {
	workers: number;
	streams: number;
	requests: number;
	tokens: number;
}

export default function PoolArea() {
	const { data, isPending, error, refetch } = useQuery({
		queryKey: keys.admin("status"),
		queryFn: admin.status,
		refetchInterval: EVERY_MS,
		staleTime: 0,
	});
	const samples = useSamples(data);
	const { t } = useTranslation();
	if (isPending) return <Loading />;
	if (!data) {
		if (error instanceof ApiError && error.status === 403) return <Empty title={t("admin.status_forbidden")} />;
		return <Failed error={error} onRetry={() => void refetch()} />;
	}
	return (
		<div className="flex flex-col gap-6">
			<div className="-mb-5">
				<AreaHead title={t("admin.pool")}>
					<p className="text-xs text-faint">
						{t("admin.since", { time: dateTime(data.started_at) })} · {t("admin.live")}
					</p>
				</AreaHead>
			</div>
			<div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
				<Chart name={t("admin.workers")} value={data.workers.busy} note={t("admin.of", { total: data.workers.total })} samples={samples.map((s) => s.workers)} top={data.workers.total} />
				<Chart name={t("admin.streams")} value={data.streams.open} samples={samples.map((s) => s.streams)} />
				<Chart name={t("admin.requests")} value={samples.at(-1)?.requests ?? 0} samples={samples.map((s) => s.requests)} />
				<Chart name={t("admin.tokens")} value={samples.at(-1)?.tokens ?? 0} samples={samples.map((s) => s.tokens)} />
			</div>
			<dl className="grid grid-cols-2 gap-4 lg:grid-cols-4">
				<Fact name={t("admin.queue")} value={count(data.queue.length)} note={t("admin.queue_max", { max: data.queue.max })} />
				<Fact name={t("admin.holds")} value={count(data.holds_open)} />
				<Fact name={t("admin.redis")} value={t(data.redis.breaker === "closed" ? "admin.redis_up" : "admin.redis_down")} bad={data.redis.breaker !== "closed"} />
				<Fact
					name={t("admin.upstream_failures")}
					value={count(data.upstream.failures)}
					note={t("admin.retries", { retries: data.upstream.retries, fallbacks: data.upstream.fallbacks })}
				/>
			</dl>
			<Advice advice={data.advice} />
			<Processes status={data} />
		</div>
	);
}

/** Rates are made here from the counters, so that they are as fresh as the samples. */
function useSamples(status: PoolStatus | undefined): Sample[] {
	const [samples, setSamples] = useState<Sample[]>([]);
	const before = useRef<PoolStatus | null>(null);
	useEffect(() => {
		if (!status) return;
		const last = before.current;
		before.current = status;
		const seconds = last ? (Date.parse(status.at) - Date.parse(last.at)) / 1000 : 0;
		if (!last || seconds <= 0) return;
		const rate = (now: number, then: number) => Math.max(0, Math.round(((now - then) / seconds) * 10) / 10);
		const sample: Sample = {
			workers: status.workers.busy,
			streams: status.streams.open,
			requests: rate(status.requests.total, last.requests.total),
			tokens: rate(status.tokens.output, last.tokens.output),
		};
		setSamples((s) => [...s, sample].slice(-KEPT));
	}, [status]);
	return samples;
}

function Chart({ name, value, note, samples, top }: { name: string; value: number; note?: string; samples: number[]; top?: number }) {
	const { t } = useTranslation();
	return (
		<figure className="rounded-xl border border-line bg-raised p-4">
			<figcaption className="text-xs text-faint">{name}</figcaption>
			<p className="flex items-baseline gap-2">
				<span className="text-2xl font-semibold tabular-nums">{count(value)}</span>
				{note && <span className="text-xs text-faint">{note}</span>}
			</p>
			<Sparkline label={t("admin.trend", { name })} values={samples} top={top} slots={KEPT} />
		</figure>
	);
}

function Fact({ name, value, note, bad }: { name: string; value: string; note?: string; bad?: boolean }) {
	return (
		<div className="rounded-xl border border-line bg-raised px-4 py-3">
			<dt className="text-xs text-faint">{name}</dt>
			<dd className={cx("text-lg font-semibold tabular-nums", bad && "text-danger")}>{value}</dd>
			{note && <dd className="text-xs text-faint">{note}</dd>}
		</div>
	);
}

function Advice({ advice }: { advice: string[] }) {
	const { t } = useTranslation();
	return (
		<section className="flex gap-3 rounded-xl bg-tint px-4 py-3 text-sm">
			<Lightbulb size={17} aria-hidden className="mt-0.5 shrink-0 text-accent" />
			<div>
				<h3 className="font-medium">{t("admin.advice")}</h3>
				{advice.length === 0 ? <p className="text-soft">{t("admin.all_well")}</p> : advice.map((line) => <p key={line}>{line}</p>)}
			</div>
		</section>
	);
}

function Processes({ status }: { status: PoolStatus }) {
	const { t } = useTranslation();
	return (
		<section>
			<h3 className="mb-3 font-medium">{t("admin.processes")}</h3>
			<Table
				label={t("admin.processes")}
				rows={status.pool.processes}
				rowKey={(p) => p.pid}
				columns={[
					{ name: "pid", head: "PID", number: true, value: (p) => p.pid, cell: (p) => p.pid },
					{ name: "state", head: t("admin.state"), value: (p) => p.state, cell: (p) => <Tag tone={p.state === "ready" ? "ok" : "plain"}>{p.state}</Tag> },
					{ name: "served", head: t("admin.served"), number: true, value: (p) => p.requests, cell: (p) => count(p.requests) },
					{ name: "workers", head: t("admin.workers"), number: true, value: (p) => p.workers_busy, cell: (p) => `${p.workers_busy} / ${p.workers}` },
					{ name: "streams", head: t("admin.streams"), number: true, value: (p) => p.streams_open, cell: (p) => p.streams_open },
					{ name: "memory", head: t("admin.memory"), number: true, value: (p) => p.resident_bytes, cell: (p) => bytes(p.resident_bytes) },
				]}
			/>
		</section>
	);
}
