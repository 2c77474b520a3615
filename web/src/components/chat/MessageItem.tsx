import { lazy, memo, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { withTexts } from "@/i18n/texts";
import { cx } from "@/lib/cx";
import { modelNamed, useModels } from "@/queries/account";
import { useSettings } from "@/stores/settings";
import type { LiveTurn } from "@/stores/runtime";
import { retryLost } from "@/stream/turns";
import { Markdown } from "../markdown/Markdown";
import { Button } from "../ui/Button";
import { MessageError } from "./MessageError";
import { MessageToolbar } from "./MessageToolbar";
import { Reasoning } from "./Reasoning";

const Cited = lazy(() => withTexts(["knowledge"], import("../knowledge/Cited")));
const LeftOut = lazy(() => withTexts(["files"], import("../attached/LeftOut")));
const Making = lazy(() => withTexts(["making"], import("./Making")));
const MessageMedia = lazy(() => import("./MessageMedia"));
const Searched = lazy(() => withTexts(["knowledge"], import("../knowledge/Searched")));
const ToolCalls = lazy(() => withTexts(["tools"], import("../tools/ToolCalls")));
const QuestionEditor = lazy(() => import("./QuestionEditor"));

export interface ItemProps {
	message: Message;
	/** The turn that writes this message at the moment. */
	turn: LiveTurn | undefined;
	last: boolean;
	busy: boolean;
	onRegenerate: (message: Message) => void;
	onDelete: (message: Message) => void;
	onEdit: (message: Message, content: string) => void;
	onShow: (id: string) => Promise<void>;
	onJudge: (message: Message, verdict: "up" | "down") => void;
	onGoOn: () => void;
}

export const MessageItem = memo(function MessageItem(props: ItemProps) {
	return props.message.role === "user" ? <Question {...props} /> : <Answer {...props} />;
});

function Question({ message, onEdit, ...acts }: ItemProps) {
	const [editing, setEditing] = useState(false);
	const { t } = useTranslation();
	if (editing)
		return (
			<article aria-label={t("chat.you")} data-message={message.id}>
				<Suspense>
					<QuestionEditor message={message} onSend={(content) => onEdit(message, content)} onClose={() => setEditing(false)} />
				</Suspense>
			</article>
		);
	return (
		<article aria-label={t("chat.you")} data-message={message.id} className="group flex flex-col items-end ps-10">
			<div className="max-w-full rounded-2xl rounded-ee-md bg-tint px-4 py-2.5">
				<Media of={message} />
				<QuestionText text={message.content} />
			</div>
			{message.status !== "pending" && (
				<MessageToolbar message={message} onEdit={() => setEditing(true)} {...acts} />
			)}
		</article>
	);
}

/** Longer questions are shown in part first. */
const LONG_CHARS = 900;
const LONG_LINES = 14;

function QuestionText({ text }: { text: string }) {
	const isLong = useMemo(() => text.length > LONG_CHARS || text.split("\n", LONG_LINES + 1).length > LONG_LINES, [text]);
	const [whole, setWhole] = useState(false);
	const { t } = useTranslation();
	return (
		<>
			<p className={cx("wrap-anywhere whitespace-pre-wrap", isLong && !whole && "line-clamp-10")}>{text}</p>
			{isLong && (
				<button type="button" aria-expanded={whole} onClick={() => setWhole(!whole)} className="mt-1 rounded text-sm font-medium text-accent hover:underline">
					{t(whole ? "chat.show_less" : "chat.show_more")}
				</button>
			)}
		</>
	);
}

function Answer({ message, turn, onEdit: _, ...acts }: ItemProps) {
	const showReasoning = useSettings((s) => s.showReasoning);
	const { t } = useTranslation();
	const reasoning = turn ? turn.reasoning : message.reasoning;
	// A picture or film, which the server makes whether or not this page looks on.
	const maker = modelNamed(useModels().makers, message.model);
	const making = maker && (message.status === "processing" || message.status === "pending");
	const isStopped = !turn && message.status === "success" && message.error_message !== null;
	return (
		<article
			aria-label={t("chat.answer")}
			aria-busy={turn !== undefined || !!making}
			data-message={message.id}
			data-status={message.status}
			className={cx("group", turn?.phase === "streaming" && "writing")}
		>
			{showReasoning && reasoning && <Reasoning text={reasoning} thinking={!!turn && message.content === ""} />}
			<Media of={message} />
			{message.content && <AnswerText message={message} />}
			{message.calls && (
				<Suspense>
					<ToolCalls message={message} last={acts.last} busy={acts.busy} />
				</Suspense>
			)}
			{making && (
				<Suspense>
					<Making kind={maker.type as "image"} taskId={message.task_id} conversationId={message.conversation_id} />
				</Suspense>
			)}
			{turn && !making && <TurnState turn={turn} />}
			{message.searched?.rewrite && (
				<Suspense>
					<Searched searched={message.searched} />
				</Suspense>
			)}
			{isStopped && <p className="mt-2 text-sm text-faint italic">{t("chat.stopped")}</p>}
			{!turn && message.finish === "length" && <Cut {...acts} />}
			<Unseen of={message} />
			{!turn && message.is_error && <MessageError message={message} busy={acts.busy} onRegenerate={acts.onRegenerate} />}
			{!turn && !making && <MessageToolbar message={message} {...acts} />}
		</article>
	);
}

/** Documents that the model was not shown. */
export function Unseen({ of: { left_out } }: { of: Message }) {
	if (!left_out?.length) return null;
	return (
		<Suspense>
			<LeftOut names={left_out} />
		</Suspense>
	);
}

export function Media({ of: { attachments } }: { of: Message }) {
	if (attachments.length === 0) return null;
	return (
		<Suspense>
			<MessageMedia attachments={attachments} />
		</Suspense>
	);
}

export function AnswerText({ message }: { message: Message }) {
	const plain = <Markdown text={message.content} />;
	if (!message.citations?.length) return plain;
	return (
		<Suspense fallback={plain}>
			<Cited message={message} />
		</Suspense>
	);
}

/** The model had no room for more. */
function Cut({ last, busy, onGoOn }: Pick<ItemProps, "last" | "busy" | "onGoOn">) {
	const { t } = useTranslation();
	return (
		<div role="status" className="mt-2 flex flex-wrap items-center gap-3 rounded-xl bg-warn-tint px-4 py-2 text-sm text-ink">
			<p className="min-w-40 grow basis-0">{t("chat.cut")}</p>
			{last && (
				<Button small disabled={busy} onClick={onGoOn}>
					{t("chat.go_on")}
				</Button>
			)}
		</div>
	);
}

export function TurnState({ turn }: { turn: LiveTurn }) {
	const { t } = useTranslation();
	if (turn.phase === "lost")
		return (
			<div role="alert" className="mt-2 flex items-center gap-3 rounded-xl bg-warn-tint px-4 py-3 text-sm">
				<p className="grow text-ink">{t("chat.lost")}</p>
				<Button small onClick={() => retryLost(turn.key)}>
					{t("chat.reconnect")}
				</Button>
			</div>
		);
	if (turn.phase === "streaming" && turn.text) return <span aria-hidden className="caret mt-2 block h-4 w-2 animate-breathe rounded-xs bg-accent" />;
	const word = turn.phase === "reconnecting" ? t("chat.reconnecting") : turn.phase === "stopping" ? t("chat.stopping") : null;
	return (
		<p role="status" className="flex h-7 items-center gap-1.5 text-sm text-faint">
			{[0, 1, 2].map((i) => (
				<span key={i} aria-hidden className={cx("size-1.5 animate-breathe rounded-full bg-accent", i === 1 && "delay-150", i === 2 && "delay-300")} />
			))}
			<span className={word ? "ms-1" : "sr-only"}>{word ?? t("chat.waiting")}</span>
		</p>
	);
}
