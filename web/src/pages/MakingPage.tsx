import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Image, X } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { making } from "@/api/making";
import type { Task } from "@/api/types";
import { catalog, tasks as tasksApi } from "@/api/weir";
import { MessageMedia } from "@/components/chat/MessageMedia";
import { Button, IconButton } from "@/components/ui/Button";
import { Input, Segments, Select, TextArea } from "@/components/ui/Field";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { explain } from "@/lib/explain";
import { credits, dateTime } from "@/lib/format";
import { filesOf, isMade, type Kind, priceOf, progressOf, promptOf } from "@/lib/making";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { isLive, useTasks } from "@/stores/tasks";

const MADE = ["made"] as const;
const SIZES = ["1:1", "16:9", "9:16", "4:3", "3:4"];
const LOOK_EVERY_MS = 5000; // should no event tell

const lookAgain = () => void queryClient.invalidateQueries({ queryKey: MADE });

export default function MakingPage() {
	const { t } = useTranslation();
	return (
		<main className="h-full overflow-y-auto">
			<div className="mx-auto flex max-w-5xl flex-col gap-6 px-4 py-6 sm:px-6 sm:py-10">
				<header className="flex items-center gap-2">
					<Link href="/" aria-label={t("common.back")} title={t("common.back")} className="flex size-11 items-center justify-center rounded-lg text-faint hover:bg-hover hover:text-ink">
						<ArrowLeft size={19} aria-hidden />
					</Link>
					<h1 className="text-xl font-semibold tracking-tight">{t("media.title")}</h1>
				</header>
				<Wish />
				<Made />
			</div>
		</main>
	);
}

/** What is wanted. */
function Wish() {
	const [kind, setKind] = useState<Kind>("image");
	const [prompt, setPrompt] = useState("");
	const [chosen, setChosen] = useState("");
	const [size, setSize] = useState("");
	const [seconds, setSeconds] = useState("");
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const { data } = useQuery({ queryKey: keys.models, queryFn: catalog.models, staleTime: 300_000 });
	const models = (data?.items ?? []).filter((m) => m.type === kind);
	const model = models.find((m) => m.name === chosen) ?? models.find((m) => m.is_default) ?? models[0];
	const price = priceOf(model, kind);
	const make = async (e: FormEvent) => {
		e.preventDefault();
		if (!model || prompt.trim() === "" || busy) return;
		setBusy(true);
		try {
			const wish = { prompt: prompt.trim(), model: model.name };
			await (kind === "image" ? making.image({ ...wish, ...(size && { size }) }) : making.video({ ...wish, ...(seconds && { n_frames: seconds }) }));
			setPrompt("");
			lookAgain();
		} catch (error) {
			const { text, detail } = explain(error);
			toast("danger", text, { detail });
		} finally {
			setBusy(false);
		}
	};
	return (
		<form onSubmit={(e) => void make(e)} className="flex flex-col gap-4 rounded-2xl border border-line bg-raised p-5 sm:p-6">
			<Segments<Kind> label={t("making.kind")} value={kind} onChange={setKind} options={[{ value: "image", label: t("making.image") }, { value: "video", label: t("making.video") }]} />
			{data && models.length === 0 ? (
				<Empty title={t("making.none")} hint={t("making.none_hint")} />
			) : (
				<>
					<TextArea label={t("making.prompt")} rows={3} maxLength={5000} value={prompt} onChange={(e) => setPrompt(e.target.value)} />
					<div className="grid gap-4 sm:grid-cols-2">
						<Select label={t("making.model")} value={model?.name ?? ""} onChange={(e) => setChosen(e.target.value)}>
							{models.map((m) => (
								<option key={m.id} value={m.name}>
									{m.display_name}
								</option>
							))}
						</Select>
						{kind === "image" ? (
							<Select label={t("making.size")} value={size} onChange={(e) => setSize(e.target.value)}>
								<option value="">{t("making.size_auto")}</option>
								{SIZES.map((s) => (
									<option key={s}>{s}</option>
								))}
							</Select>
						) : (
							<Input label={t("making.seconds")} hint={t("making.seconds_hint")} inputMode="numeric" pattern="[0-9]*" maxLength={3} value={seconds} onChange={(e) => setSeconds(e.target.value)} />
						)}
					</div>
					<div className="flex flex-wrap items-center justify-between gap-3">
						<span className="text-sm text-faint tabular-nums">{price && t(`making.price_${price.of}`, { credits: credits(price.credits) })}</span>
						<Button type="submit" look="solid" busy={busy} disabled={prompt.trim() === "" || !model} className="h-11">
							{t("making.make")}
						</Button>
					</div>
				</>
			)}
		</form>
	);
}

/** What runs, what failed, what was made. */
function Made() {
	const { t } = useTranslation();
	const known = useTasks((s) => Object.keys(s.active).sort().join());
	const { data, error, refetch } = useQuery({
		queryKey: MADE,
		queryFn: making.list,
		refetchInterval: (query) => (query.state.data?.items.some((x) => isMade(x) && isLive(x.status)) ? LOOK_EVERY_MS : false),
	});
	useEffect(lookAgain, [known]);
	if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
	if (!data) return <Skeleton className="h-40" />;
	const made = data.items.filter(isMade);
	const running = made.filter((x) => isLive(x.status));
	const done = made.filter((x) => filesOf(x).length > 0);
	const failed = made.filter((x) => !isLive(x.status) && filesOf(x).length === 0);
	if (made.length === 0) return <Empty icon={<Image size={28} />} title={t("making.empty")} hint={t("making.empty_hint")} />;
	return (
		<>
			{running.length > 0 && (
				<Section title={t("making.running")}>
					<ul className="flex flex-col gap-3">
						{running.map((x) => (
							<Running key={x.id} task={x} />
						))}
					</ul>
				</Section>
			)}
			{done.length > 0 && (
				<Section title={t("making.done")}>
					<ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
						{done.map((x) => (
							<Done key={x.id} task={x} />
						))}
					</ul>
				</Section>
			)}
			{failed.length > 0 && (
				<Section title={t("making.failed")}>
					<ul className="flex flex-col gap-2">
						{failed.map((x) => (
							<NotMade key={x.id} task={x} />
						))}
					</ul>
				</Section>
			)}
		</>
	);
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
	return (
		<section aria-label={title} className="flex flex-col gap-3">
			<h2 className="text-sm font-medium text-soft">{title}</h2>
			{children}
		</section>
	);
}

function Running({ task }: { task: Task }) {
	const { t } = useTranslation();
	const told = useTasks((s) => s.active[task.id]?.progress);
	const progress = progressOf(task, told);
	const stop = () => void tasksApi.abort(task.id).then(lookAgain, lookAgain);
	return (
		<li className="flex items-center gap-3 rounded-xl border border-line bg-raised px-4 py-2">
			<span className="w-14 shrink-0 text-sm">{t(`making.${task.type as Kind}`)}</span>
			<div role="progressbar" aria-label={t("making.progress")} aria-valuenow={progress} aria-valuemin={0} aria-valuemax={100} className="h-1.5 min-w-0 grow overflow-hidden rounded-full bg-hover">
				<div className="h-full rounded-full bg-accent transition-[width] duration-700" style={{ width: `${Math.max(3, progress)}%` }} />
			</div>
			<span className="w-10 shrink-0 text-end text-sm text-faint tabular-nums">{progress}%</span>
			<IconButton label={`${t("making.stop")}. ${t("making.stop_hint")}`} onClick={stop} className="size-11">
				<X size={17} />
			</IconButton>
		</li>
	);
}

function Done({ task }: { task: Task }) {
	const { t } = useTranslation();
	const prompt = promptOf(task);
	return (
		<li data-made={task.id} className="flex min-w-0 flex-col gap-1 rounded-xl border border-line bg-raised p-3">
			<div className="flex min-h-36 grow items-center justify-center rounded-lg bg-surface">
				<MessageMedia attachments={filesOf(task).map((f) => ({ type: f.content_type.startsWith("video/") ? "video" : "image", url: f.url }))} />
			</div>
			<p className="line-clamp-2 text-sm break-words">{prompt}</p>
			<p className="flex justify-between gap-3 text-xs text-faint tabular-nums">
				<span>{dateTime(task.completed_at)}</span>
				<span>{t("making.cost", { credits: credits(task.credits_used) })}</span>
			</p>
		</li>
	);
}

function NotMade({ task }: { task: Task }) {
	const { t } = useTranslation();
	return (
		<li className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 rounded-xl border border-line bg-raised px-4 py-3 text-sm">
			<span className="min-w-0 text-soft">
				{t(`making.${task.type as Kind}`)} · {task.status === "cancelled" ? t("making.stop") : t("making.failed")}
			</span>
			<span className="text-xs text-faint tabular-nums">
				{task.credits_used > 0 ? t("making.cost", { credits: credits(task.credits_used) }) : t("making.nothing_charged")} {dateTime(task.completed_at)}
			</span>
		</li>
	);
}
