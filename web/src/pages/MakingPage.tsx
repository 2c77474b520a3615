import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { ArrowLeft, Image, ImagePlus, RefreshCw, X } from "lucide-react";
import { type FormEvent, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { making } from "@/api/making";
import type { Attachment, List, Task } from "@/api/types";
import AttachmentStrip from "@/components/chat/AttachmentStrip";
import MakeBar from "@/components/chat/MakeBar";
import { ProgressBar, StopMaking } from "@/components/chat/Making";
import { Gallery } from "@/components/making/Gallery";
import { Button, IconButton } from "@/components/ui/Button";
import { Select, TextArea } from "@/components/ui/Field";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { useDragDropUpload } from "@/hooks/useDragDropUpload";
import { useImageUpload } from "@/hooks/useImageUpload";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { credits, dateTime } from "@/lib/format";
import { newId } from "@/lib/ids";
import { askedOf, bodyOf, filesOf, isMade, type Kind, type Make, makerFor, type Problem, progressOf, promptOf, withModel } from "@/lib/making";
import { modelNamed, useModels } from "@/queries/account";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { isLive, useTasks } from "@/stores/tasks";

const MADE = ["made"] as const;
const LOOK_EVERY_MS = 5000; // should no event tell

type Pages = InfiniteData<List<Task>, unknown>;

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

async function ask(op: Make["op"], body: Record<string, unknown>): Promise<boolean> {
	try {
		const { task } = await making.make(op, body, newId());
		useTasks.getState().startTask(task.id, task.conversation_id, true);
		lookAgain();
		return true;
	} catch (error) {
		const { text, detail } = explain(error);
		toast("danger", text, { detail });
		return false;
	}
}

/** What is wanted. */
function Wish() {
	const { makers, isLoading } = useModels();
	const [wish, setWish] = useState<Make | null>(null);
	const [prompt, setPrompt] = useState("");
	const [pictures, setPictures] = useState<Attachment[]>([]);
	const [problem, setProblem] = useState<Problem | null>("words_missing");
	const [busy, setBusy] = useState(false);
	const files = useRef<HTMLInputElement>(null);
	const attach = useCallback((a: Attachment) => setPictures((now) => [...now.filter((x) => x.url !== a.url), a].slice(-10)), []);
	const { pending, upload } = useImageUpload(attach);
	const drop = useDragDropUpload((dropped) => void upload(dropped));
	const { t } = useTranslation();
	if (isLoading) return <Skeleton className="h-40" />;
	const first = makerFor("images.generate", makers) ?? makers[0];
	if (!first) return <Empty icon={<Image size={28} />} title={t("making.none")} hint={t("making.none_hint")} />;
	const model = modelNamed(makers, wish?.model) ?? first;
	const make = wish?.model === model.name ? wish : withModel({ op: "images.generate", model: model.name }, model, pictures.length);
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		if (busy || problem !== null || pending.length > 0) return;
		setBusy(true);
		if (await ask(make.op, bodyOf(make, prompt, pictures))) {
			setPrompt("");
			setPictures([]);
		}
		setBusy(false);
	};
	return (
		<form
			{...drop.handlers}
			onSubmit={(e) => void submit(e)}
			onPaste={(e) => void upload([...e.clipboardData.files])}
			className={cx("flex flex-col rounded-2xl border bg-raised", drop.over ? "border-dashed border-accent bg-tint" : "border-line")}
		>
			<MakeBar make={make} model={model} makers={makers} words={prompt} attachments={pictures} onChange={setWish} onProblem={setProblem} />
			<AttachmentStrip attachments={pictures} pending={pending} onRemove={(url) => setPictures(pictures.filter((a) => a.url !== url))} />
			<div className="flex flex-col gap-4 p-4 sm:p-5">
				<TextArea label={t("making.prompt")} rows={3} maxLength={10000} value={prompt} onChange={(e) => setPrompt(e.target.value)} />
				<div className="flex flex-wrap items-end justify-between gap-3">
					<div className="w-64 max-w-full">
						<Select label={t("making.model")} value={model.name} onChange={(e) => setWish(withModel(make, modelNamed(makers, e.target.value)!, pictures.length))}>
							{makers.map((m) => (
								<option key={m.id} value={m.name}>
									{m.display_name}
								</option>
							))}
						</Select>
					</div>
					<div className="flex items-center gap-2">
						<IconButton label={t("upload.title")} onClick={() => files.current?.click()} className="size-11">
							<ImagePlus size={19} />
						</IconButton>
						<input
							ref={files}
							type="file"
							multiple
							hidden
							accept="image/png,image/jpeg,image/webp,image/gif"
							onChange={(e) => {
								void upload([...(e.target.files ?? [])]);
								e.target.value = "";
							}}
						/>
						<Button type="submit" look="solid" busy={busy} disabled={problem !== null || pending.length > 0} className="h-11">
							{t("making.make")}
						</Button>
					</div>
				</div>
			</div>
		</form>
	);
}

/** What runs, what failed, what was made. */
function Made() {
	const { t } = useTranslation();
	const known = useTasks((s) => Object.keys(s.active).sort().join());
	const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
		queryKey: MADE,
		initialPageParam: undefined as string | undefined,
		queryFn: ({ pageParam }) => making.list(pageParam),
		getNextPageParam: (page) => (page.has_more ? page.items.at(-1)?.id : undefined),
		refetchInterval: (query) => (all(query.state.data).some((x) => isLive(x.status)) ? LOOK_EVERY_MS : false),
	});
	useEffect(lookAgain, [known]);
	if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
	if (!data) return <Skeleton className="h-40" />;
	const made = all(data);
	const running = made.filter((x) => isLive(x.status));
	const failed = made.filter((x) => x.status === "failed" || x.status === "cancelled").filter((x) => filesOf(x).length === 0);
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
			<Gallery tasks={made} onRemoved={lookAgain} />
			{failed.length > 0 && (
				<Section title={t("making.failed")}>
					<ul className="flex flex-col gap-2">
						{failed.map((x) => (
							<NotMade key={x.id} task={x} />
						))}
					</ul>
				</Section>
			)}
			{hasNextPage && (
				<Button look="ghost" busy={isFetchingNextPage} onClick={() => void fetchNextPage()} className="self-center">
					{t("making.more")}
				</Button>
			)}
		</>
	);
}

function all(data: Pages | undefined): Task[] {
	return (data?.pages ?? []).flatMap((page) => page.items).filter(isMade);
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
	const [stopping, setStopping] = useState(false);
	const { t } = useTranslation();
	const told = useTasks((s) => s.active[task.id]?.progress);
	const progress = progressOf(task, told);
	return (
		<li className="flex flex-col gap-1 rounded-xl border border-line bg-raised px-4 py-2">
			<div className="flex items-center gap-3">
				<span className="min-w-14 shrink-0 text-sm">{t(`making.${task.type as Kind}`)}</span>
				<ProgressBar progress={progress} />
				<span className="w-10 shrink-0 text-end text-sm text-faint tabular-nums">{progress}%</span>
				<IconButton label={t("making.stop")} onClick={() => setStopping(true)} className="size-11">
					<X size={17} />
				</IconButton>
			</div>
			<Words task={task} />
			{stopping && (
				<StopMaking
					taskId={task.id}
					conversationId={task.conversation_id}
					onClose={() => {
						setStopping(false);
						lookAgain();
					}}
				/>
			)}
		</li>
	);
}

/** What was asked, and where. */
function Words({ task }: { task: Task }) {
	const { t } = useTranslation();
	return (
		<p className="flex items-baseline gap-3 pb-1 text-sm text-soft">
			<span className="line-clamp-2 min-w-0 grow break-words">{promptOf(task)}</span>
			{task.conversation_id && (
				<Link href={`/c/${task.conversation_id}`} className="shrink-0 text-accent hover:underline">
					{t("making.to_conversation")}
				</Link>
			)}
		</p>
	);
}

function NotMade({ task }: { task: Task }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const asked = askedOf(task);
	const again = async () => {
		setBusy(true);
		await ask(asked!.op, { ...asked!.body, ...(task.conversation_id && { conversation_id: task.conversation_id }) });
		setBusy(false);
	};
	return (
		<li className="flex items-center gap-4 rounded-xl border border-line bg-raised px-4 py-3 text-sm">
			<div className="min-w-0 grow">
				<p className="text-soft">
					{t(`making.${task.type as Kind}`)} · {task.status === "cancelled" ? t("making.stopped") : (task.error_message ?? t("making.failed"))}
				</p>
				<Words task={task} />
				<p className="text-xs text-faint tabular-nums">
					{task.credits_used > 0 ? t("making.cost", { credits: credits(task.credits_used) }) : t("making.nothing_charged")} {dateTime(task.completed_at)}
				</p>
			</div>
			{asked && (
				<Button small busy={busy} icon={<RefreshCw size={15} aria-hidden />} onClick={() => void again()}>
					{t("making.again")}
				</Button>
			)}
		</li>
	);
}
