import { useQuery } from "@tanstack/react-query";
import { Eye, ListChecks, Pause, Play, RotateCcw, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { jobs } from "@/api/jobs";
import type { Job, JobQueue } from "@/api/types";
import { IconButton } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choice";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Empty, Failed } from "@/components/ui/State";
import { At } from "@/components/usage/parts";
import { cx } from "@/lib/cx";
import { count, dateTime } from "@/lib/format";
import { duration } from "@/lib/usage";
import { keys, queryClient } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { toast } from "@/stores/notices";
import { AreaHead, attempt, type Column, Loading, Table, Tag } from "./parts";
import { Schedules } from "./Schedules";

/** How often it looks again, while the page is seen. */
const EVERY_MS = 5_000;
const WIDE = "hidden @3xl:table-cell";
const STATES = ["waiting", "running", "dead", "done", "cancelled"] as const;

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin("jobs") });

/** What is done in the background: how much of it waits, what failed, what comes by the calendar. */
export default function JobsArea() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.admin("jobs", "queues"), queryFn: jobs.queues, refetchInterval: EVERY_MS, staleTime: 0 });
	if (isPending) return <Loading />;
	if (!data) return <Failed error={error} onRetry={() => void refetch()} />;
	return (
		<div className="@container flex flex-col gap-8">
			<Queues queues={data.items} />
			<Jobs kinds={data.items.map((q) => q.kind)} />
			<Schedules />
		</div>
	);
}

/* ---- queues ---- */

function Queues({ queues }: { queues: JobQueue[] }) {
	const { t } = useTranslation();
	const mean = (q: JobQueue) => {
		const ended = q.done + q.retried + q.died;
		return ended > 0 ? Math.round(q.run_ms / ended) : null;
	};
	const columns: Column<JobQueue>[] = [
		{
			name: "kind",
			head: t("jobs.kind"),
			value: (q) => q.kind,
			className: "font-medium",
			cell: (q) => (
				<>
					{q.kind}
					{q.paused && (
						<p className="@3xl:hidden">
							<Tag tone="warn">{t("jobs.paused")}</Tag>
						</p>
					)}
				</>
			),
		},
		{
			name: "state",
			head: t("jobs.state"),
			value: (q) => t(q.paused ? "jobs.paused" : "jobs.on"),
			wide: WIDE,
			cell: (q) => <Tag tone={q.paused ? "warn" : "ok"}>{t(q.paused ? "jobs.paused" : "jobs.on")}</Tag>,
		},
		{ name: "waiting", head: t("jobs.waiting"), number: true, value: (q) => q.waiting, cell: (q) => count(q.waiting) },
		{ name: "running", head: t("jobs.running"), number: true, value: (q) => q.running, wide: WIDE, cell: (q) => count(q.running) },
		{ name: "dead", head: t("jobs.dead"), number: true, value: (q) => q.dead, cell: (q) => <span className={cx(q.dead > 0 && "font-medium text-danger")}>{count(q.dead)}</span> },
		{ name: "oldest", head: t("jobs.oldest"), number: true, value: (q) => q.oldest_s, wide: WIDE, cell: (q) => (q.oldest_s > 0 ? duration(q.oldest_s * 1000) : "–") },
		{ name: "mean", head: t("jobs.mean"), number: true, value: mean, wide: WIDE, cell: (q) => duration(mean(q)) },
		{ name: "done", head: t("jobs.done"), number: true, value: (q) => q.done, wide: WIDE, cell: (q) => count(q.done) },
		{ name: "actions", head: t("admin.actions"), bare: true, end: true, className: "whitespace-nowrap", cell: (q) => <QueueActions queue={q} /> },
	];
	return (
		<section>
			<AreaHead title={t("jobs.queues")}>
				<p className="text-xs text-faint">{t("admin.live")}</p>
			</AreaHead>
			<Table tight label={t("jobs.queues")} rows={queues} columns={columns} rowKey={(q) => q.kind} pageSize={25} />
		</section>
	);
}

function QueueActions({ queue: q }: { queue: JobQueue }) {
	const [asking, setAsking] = useState(false);
	const { t } = useTranslation();
	const replay = async () => {
		setAsking(false);
		await attempt(async () => {
			const { replayed } = await jobs.replay(q.kind, "1970-01-01T00:00:00Z");
			toast("ok", t("jobs.replayed", { count: replayed }));
		});
		await refresh();
	};
	return (
		<>
				{q.dead > 0 && (
					<IconButton label={t("jobs.replay")} onClick={() => setAsking(true)}>
						<RotateCcw size={16} aria-hidden />
					</IconButton>
				)}
				<IconButton label={t(q.paused ? "jobs.resume" : "jobs.pause", { kind: q.kind })} disabled={!q.known} onClick={() => void attempt(() => jobs.pause(q.kind, !q.paused)).then(refresh)}>
					{q.paused ? <Play size={16} aria-hidden /> : <Pause size={16} aria-hidden />}
				</IconButton>
				{asking && (
					<Confirm title={t("jobs.replay_title")} text={t("jobs.replay_text", { kind: q.kind })} action={t("jobs.retry")} onConfirm={() => void replay()} onClose={() => setAsking(false)} />
				)}
		</>
	);
}

/* ---- jobs ---- */

function useJobs(status: string, kind: string) {
	return usePaged<Job>(keys.admin("jobs", "list", status, kind), (ask) => jobs.list({ ...ask, ...(status && { status }), ...(kind && { kind }) }), { every_ms: EVERY_MS });
}

function Jobs({ kinds }: { kinds: string[] }) {
	const [status, setStatus] = useState("");
	const [kind, setKind] = useState("");
	const [shown, setShown] = useState<Job | null>(null);
	const { query, items } = useJobs(status, kind);
	const { t } = useTranslation();
	const columns: Column<Job>[] = [
		{
			name: "job", sort: "kind",
			head: t("jobs.job"),
			value: (j) => j.kind,
			cell: (j) => (
				<>
					<p className="font-medium">{j.kind}</p>
					<p className="max-w-32 truncate text-xs text-faint @md:max-w-56 @3xl:max-w-md">{j.error ?? Object.values(j.payload).join(" · ")}</p>
				</>
			),
		},
		{ name: "state", sort: "status", head: t("jobs.state"), value: (j) => t(`jobs.${j.status}`), cell: (j) => <StateTag status={j.status} /> },
		{ name: "tries", sort: "attempts", head: t("jobs.tries"), number: true, value: (j) => j.attempts, wide: WIDE, cell: (j) => count(j.attempts) },
		{ name: "due", sort: "run_at", head: t("jobs.due"), number: true, value: (j) => j.run_at, wide: WIDE, cell: (j) => <At time={j.run_at} /> },
		{ name: "ended", sort: "ended_at", head: t("jobs.ended"), number: true, value: (j) => j.ended_at, wide: WIDE, cell: (j) => (j.ended_at ? <At time={j.ended_at} /> : "–") },
		{ name: "actions", head: t("admin.actions"), bare: true, end: true, className: "whitespace-nowrap", cell: (j) => <JobActions job={j} onShow={() => setShown(j)} /> },
	];
	return (
		<section>
			<AreaHead title={t("jobs.list")}>
				<Choice label={t("jobs.kind")} all={t("jobs.all_kinds")} value={kind} onChange={setKind} options={kinds.map((k) => ({ value: k, label: k }))} />
				<Choice label={t("jobs.state")} all={t("jobs.all_states")} value={status} onChange={setStatus} options={STATES.map((s) => ({ value: s, label: t(`jobs.${s}`) }))} />
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && items.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && items.length === 0 && <Empty icon={<ListChecks size={26} />} title={t("jobs.none")} />}
			{items.length > 0 && (
				<Table tight label={t("jobs.list")} rows={items} columns={columns} rowKey={(j) => j.id} file="jobs.csv" more={query} stale={query.isPlaceholderData} />
			)}
			{shown && <Details job={shown} onClose={() => setShown(null)} />}
		</section>
	);
}

function StateTag({ status }: { status: Job["status"] }) {
	const { t } = useTranslation();
	const tone = { waiting: "plain", running: "accent", done: "ok", dead: "off", cancelled: "plain" } as const;
	return <Tag tone={tone[status]}>{t(`jobs.${status}`)}</Tag>;
}

const mayRetry = (j: Job) => j.status === "dead" || j.status === "cancelled" || (j.status === "waiting" && j.attempts > 0);
const mayCancel = (j: Job) => j.status === "waiting" || j.status === "running";

function JobActions({ job, onShow }: { job: Job; onShow: () => void }) {
	const { t } = useTranslation();
	return (
		<>
				{mayRetry(job) && (
					<IconButton label={t("jobs.retry")} onClick={() => void attempt(() => jobs.retry(job.id)).then(refresh)}>
						<RotateCcw size={16} aria-hidden />
					</IconButton>
				)}
				{mayCancel(job) && (
					<IconButton label={t("jobs.cancel")} onClick={() => void attempt(() => jobs.cancel(job.id)).then(refresh)}>
						<X size={17} aria-hidden />
					</IconButton>
				)}
				<IconButton label={t("jobs.details")} onClick={onShow}>
					<Eye size={17} aria-hidden />
				</IconButton>
		</>
	);
}

function Details({ job, onClose }: { job: Job; onClose: () => void }) {
	const { t } = useTranslation();
	const facts: [string, string | null][] = [
		[t("jobs.id"), job.id],
		[t("jobs.user"), job.user_id],
		[t("jobs.key"), job.unique_key],
		[t("jobs.created"), dateTime(job.created_at)],
		[t("jobs.started"), job.started_at && dateTime(job.started_at)],
		[t("jobs.due"), dateTime(job.run_at)],
		[t("jobs.ended"), job.ended_at && dateTime(job.ended_at)],
		[t("jobs.tries"), count(job.attempts)],
		[t("jobs.error"), job.error],
	];
	return (
		<Dialog wide title={job.kind} onClose={onClose}>
			<div className="flex flex-col gap-4">
				<p>
					<StateTag status={job.status} />
				</p>
				<dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 text-sm">
					{facts.map(
						([name, value]) =>
							value && (
								<div key={name} className="contents">
									<dt className="text-faint">{name}</dt>
									<dd className="min-w-0 break-words">{value}</dd>
								</div>
							),
					)}
				</dl>
				<div>
					<h3 className="mb-1.5 text-sm text-faint">{t("jobs.payload")}</h3>
					<pre tabIndex={0} className="max-h-72 overflow-auto rounded-lg bg-surface p-3 text-xs">
						{JSON.stringify(job.payload, null, 2)}
					</pre>
					{job.has_secret && <p className="mt-1.5 text-xs text-faint">{t("jobs.secret")}</p>}
				</div>
			</div>
		</Dialog>
	);
}
