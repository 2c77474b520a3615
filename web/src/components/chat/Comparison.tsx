import { Check, CircleAlert, Columns2, Copy, RefreshCw, Rows2, Square, X } from "lucide-react";
import { type KeyboardEvent, type RefObject, useId, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { useCopy } from "@/hooks/useCopy";
import { cx } from "@/lib/cx";
import { count, credits } from "@/lib/format";
import { modelNamed, useModels } from "@/queries/account";
import { type Refused, useCompare } from "@/stores/compare";
import type { LiveTurn } from "@/stores/runtime";
import { useSettings } from "@/stores/settings";
import { askBeside, forget } from "@/stream/compare";
import { regenerateMessage, stopTurn } from "@/stream/turns";
import { Button, IconButton } from "../ui/Button";
import { MessageError } from "./MessageError";
import { AnswerText, type ItemProps, Media, MessageItem, TurnState, Unseen } from "./MessageItem";
import { Reasoning } from "./Reasoning";

interface Props {
	questionId: string;
	/** What is written beside the answer at the moment. */
	beside: LiveTurn[];
	/** The answer that the conversation follows, as it is drawn alone. */
	item: ItemProps;
}

/** A model's answer, on its way or there; or why it did not give one. */
interface Column {
	/** The model, and which of its answers, should there be several: the same from the first moment on. */
	key: string;
	model: string | null;
	name: string;
	message?: Message;
	turn?: LiveTurn;
	refused?: Refused;
}

/** What a column wants at least. */
const COLUMN_PX = 330;

/** The answers of several models to one question: beside each other where there is room, else one at a time. */
export default function Comparison({ questionId, beside, item }: Props) {
	const refused = useCompare((s) => s.refused[questionId]);
	const { models } = useModels();
	const nameOf = (name: string | null) => modelNamed(models, name)?.display_name || name || "";
	const columns = columnsOf(item, beside, refused ?? [], nameOf);
	const [wanted, setWanted] = useState<boolean | null>(null);
	const section = useRef<HTMLElement>(null);
	const wide = useWidth(section) >= columns.length * COLUMN_PX;
	const { t } = useTranslation();
	// Once the conversation has gone on, one is enough, unless somebody wants to see.
	const open = item.busy || (wanted ?? item.last);
	const shared = { questionId, item, onFollow: item.onShow };
	if (!open)
		return (
			<section ref={section} className="flex flex-col gap-1">
				<MessageItem {...item} />
				<Button small look="ghost" icon={<Columns2 size={15} aria-hidden />} className="-ms-3 self-start" onClick={() => setWanted(true)}>
					{t("compare.all")}
				</Button>
			</section>
		);
	return (
		<section ref={section} aria-label={t("compare.answers")} data-wide={wide || undefined} className="flex flex-col gap-2">
			{wide ? (
				<div className={cx("grid items-start gap-4", columns.length > 2 ? "grid-cols-3" : "grid-cols-2")}>
					{columns.map((column) => (
						<Answer key={column.key} column={column} {...shared} />
					))}
				</div>
			) : (
				<Switched columns={columns} {...shared} />
			)}
			{!item.busy && (
				<Button small look="ghost" icon={<Rows2 size={15} aria-hidden />} className="-ms-3 self-start" onClick={() => setWanted(false)}>
					{t("compare.one")}
				</Button>
			)}
		</section>
	);
}

/** How much room there is for messages, beside the sidebar and whatever else is open. */
function useWidth(ref: RefObject<HTMLElement>): number {
	const [width, setWidth] = useState(0);
	useLayoutEffect(() => {
		const box = ref.current?.closest('[role="log"]')?.parentElement;
		if (!box) return;
		const look = () => setWidth(box.clientWidth);
		const watch = new ResizeObserver(look);
		look();
		watch.observe(box);
		return () => watch.disconnect();
	}, [ref]);
	return width;
}

function columnsOf(item: ItemProps, beside: LiveTurn[], refused: Refused[], nameOf: (name: string | null) => string): Column[] {
	const there = [item.message, ...(item.message.beside ?? [])]
		.sort((a, b) => a.sequence - b.sequence)
		.map((message) => {
			const turn = message.id === item.message.id ? item.turn : beside.find((t) => t.assistantId === message.id);
			return { model: turn?.answer.model ?? message.model, message: turn ? written(message, turn) : message, turn };
		});
	const coming = beside
		.filter((turn) => !there.some((c) => c.turn?.key === turn.key))
		.map((turn) => ({ model: turn.answer.model, message: written(turn.answer, turn), turn }));
	const all: Omit<Column, "key" | "name">[] = [...there, ...coming, ...refused.map((r) => ({ model: r.model, refused: r }))];
	return all.map((c, i) => ({ ...c, name: nameOf(c.model), key: `${c.model} ${all.slice(0, i).filter((o) => o.model === c.model).length}` }));
}

function written(message: Message, turn: LiveTurn): Message {
	return { ...message, model: turn.answer.model, content: turn.text, status: "processing", is_error: false, error_display: null, left_out: turn.answer.left_out };
}

interface Shared {
	questionId: string;
	item: ItemProps;
	onFollow: (id: string) => Promise<void>;
}

/** Where there is no room: a switch, and one answer. */
function Switched({ columns, ...shared }: { columns: Column[] } & Shared) {
	const id = useId();
	const [chosen, setChosen] = useState<string>();
	const at = Math.max(0, columns.findIndex((c) => c.key === chosen));
	const { t } = useTranslation();
	const onKeyDown = (e: KeyboardEvent<HTMLDivElement>) => {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
		if (step === undefined) return;
		e.preventDefault();
		const to = (at + step + columns.length) % columns.length;
		setChosen(columns[to]!.key);
		e.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')[to]?.focus();
	};
	return (
		<>
			<div role="tablist" aria-label={t("compare.answers")} onKeyDown={onKeyDown} className="sticky top-1 z-2 flex gap-1 rounded-xl bg-hover p-1">
				{columns.map((column, i) => (
					<button
						key={column.key}
						type="button"
						role="tab"
						id={`${id}${i}`}
						aria-selected={i === at}
						aria-controls={`${id}panel`}
						tabIndex={i === at ? 0 : -1}
						onClick={() => setChosen(column.key)}
						className={cx("flex h-9 min-w-0 flex-1 items-center justify-center gap-1.5 rounded-lg px-2 text-sm transition-colors", i === at ? "bg-raised font-medium text-ink shadow-box" : "text-soft hover:text-ink")}
					>
						<Sign column={column} followed={column.message?.id === shared.item.message.id} />
						<span className="truncate">{column.name}</span>
					</button>
				))}
			</div>
			<div role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${at}`}>
				<Answer key={columns[at]!.key} column={columns[at]!} {...shared} />
			</div>
		</>
	);
}

/** How an answer fares, small. */
function Sign({ column: { message, turn, refused }, followed }: { column: Column; followed: boolean }) {
	if (turn) return <span aria-hidden className="size-1.5 shrink-0 animate-breathe rounded-full bg-accent" />;
	if (refused || message?.is_error) return <CircleAlert size={14} aria-hidden className="shrink-0 text-danger" />;
	return followed ? <Check size={14} aria-hidden className="shrink-0 text-accent" /> : null;
}

function Answer({ column, ...shared }: { column: Column } & Shared) {
	const { t } = useTranslation();
	const { message, turn } = column;
	const followed = message !== undefined && message.id === shared.item.message.id;
	return (
		<article
			aria-label={t("compare.answer_of", { name: column.name })}
			aria-busy={turn !== undefined}
			data-message={message?.id}
			data-status={message?.status ?? "refused"}
			className={cx("flex min-w-0 flex-col gap-2 rounded-2xl border bg-raised px-4 pt-2 pb-3", followed && !shared.item.busy ? "border-accent" : "border-line", turn?.phase === "streaming" && "writing")}
		>
			{/* Which it is, however long it is. */}
			<header className="sticky top-0 z-1 -mx-4 -mt-2 flex h-11 items-center gap-2 rounded-t-2xl bg-raised px-4">
				<h3 className="min-w-0 grow truncate text-sm font-medium text-ink">{column.name}</h3>
				{turn && turn.phase !== "lost" && (
					<IconButton small label={t("compare.stop", { name: column.name })} disabled={turn.phase === "stopping"} onClick={() => stopTurn(turn)}>
						<Square size={12} className="fill-current" />
					</IconButton>
				)}
				{column.refused && (
					<IconButton small label={t("compare.dismiss")} onClick={() => forget(shared.questionId, column.refused!.model)}>
						<X size={15} />
					</IconButton>
				)}
			</header>
			{column.refused && <NotAsked refused={column.refused} {...shared} />}
			{message && <Body message={message} turn={turn} followed={followed} {...shared} />}
		</article>
	);
}

function Body({ message, turn, followed, item, onFollow }: { message: Message; turn: LiveTurn | undefined; followed: boolean } & Shared) {
	const showReasoning = useSettings((s) => s.showReasoning);
	const { t } = useTranslation();
	const reasoning = turn ? turn.reasoning : message.reasoning;
	const isStopped = !turn && message.status === "success" && message.error_message !== null;
	const again = () => void regenerateMessage(message.conversation_id, message, message.model, followed ? null : item.message.id);
	return (
		<>
			<div className="min-w-0">
				{showReasoning && reasoning && <Reasoning text={reasoning} thinking={!!turn && message.content === ""} />}
				<Media of={message} />
				{message.content && <AnswerText message={message} />}
				{turn && <TurnState turn={turn} />}
				{isStopped && <p className="mt-2 text-sm text-faint italic">{t("chat.stopped")}</p>}
				<Unseen of={message} />
				{!turn && message.is_error && <MessageError message={message} busy={false} onRegenerate={again} />}
			</div>
			<Figures message={message} turn={turn} />
			{!turn && <Choice message={message} followed={followed} busy={item.busy} onFollow={onFollow} />}
		</>
	);
}

/** What it took: the time to its first word, tokens, credits. */
function Figures({ message, turn }: { message: Message; turn: LiveTurn | undefined }) {
	const showCosts = useSettings((s) => s.showCosts);
	const seen = useFirstWord(turn);
	const { t } = useTranslation();
	const first_ms = message.first_token_ms ?? seen;
	const isCounted = !turn && message.output_tokens > 0;
	if (!first_ms && !isCounted) return null;
	return (
		<p className="flex flex-wrap gap-x-3 text-xs text-faint tabular-nums">
			{!!first_ms && <span>{t("compare.first_word", { seconds: (first_ms / 1000).toFixed(first_ms < 10_000 ? 2 : 0) })}</span>}
			{isCounted && <span>{t("chat.tokens", { input: count(message.input_tokens), output: count(message.output_tokens) })}</span>}
			{isCounted && showCosts && message.credits_cost > 0 && <span>{t("chat.cost", { credits: credits(message.credits_cost) })}</span>}
		</p>
	);
}

/** While it is written the page's own clock says it; the server's does afterwards. */
function useFirstWord(turn: LiveTurn | undefined): number | null {
	const seen = useRef<{ key: string; ms: number } | null>(null);
	const key = turn && (turn.text || turn.reasoning) && turn.kind !== "follow" ? turn.key : null;
	if (turn && key && seen.current?.key !== key) seen.current = { key, ms: Date.now() - turn.startedAt };
	return seen.current?.ms ?? null;
}

function Choice({ message, followed, busy, onFollow }: { message: Message; followed: boolean; busy: boolean; onFollow: (id: string) => Promise<void> }) {
	const [copied, copy] = useCopy();
	const [going, setGoing] = useState(false);
	const { t } = useTranslation();
	const follow = () => {
		setGoing(true);
		void onFollow(message.id)
			.then(() => document.getElementById("composer")?.focus())
			.finally(() => setGoing(false));
	};
	return (
		<div className="flex min-h-8 items-center gap-2">
			{followed ? (
				<p className="flex min-w-0 items-center gap-1.5 text-sm text-accent">
					<Check size={15} aria-hidden className="shrink-0" />
					{t("compare.followed")}
				</p>
			) : (
				<Button small busy={going} disabled={busy} onClick={follow}>
					{t("compare.follow")}
				</Button>
			)}
			<span className="grow" />
			{message.content !== "" && (
				<IconButton small label={t(copied ? "common.copied" : "common.copy")} onClick={() => copy(message.content)}>
					{copied ? <Check size={15} /> : <Copy size={15} />}
				</IconButton>
			)}
		</div>
	);
}

/** Refused before it began: the model, and why. It may be asked once more. */
function NotAsked({ refused, questionId, item }: { refused: Refused } & Shared) {
	const { t } = useTranslation();
	return (
		<div role="alert" className="flex flex-col items-start gap-2 rounded-xl bg-danger-tint px-4 py-3 text-sm">
			<div>
				<p className="text-ink">{refused.text}</p>
				{refused.detail && <p className="mt-0.5 text-xs wrap-anywhere text-soft">{refused.detail}</p>}
			</div>
			<Button small disabled={item.message.id.startsWith("temp-")} icon={<RefreshCw size={15} aria-hidden />} onClick={() => void askBeside(item.message.conversation_id, item.message.id, questionId, refused.model)}>
				{t("common.retry")}
			</Button>
		</div>
	);
}
