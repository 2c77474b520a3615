import { ArrowDown } from "lucide-react";
import { lazy, Suspense, useCallback, useDeferredValue, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment, Message } from "@/api/types";
import type { useMessageHandlers } from "@/hooks/useMessageHandlers";
import { useMessageLoader } from "@/hooks/useMessageLoader";
import { useRegenerateHandlers } from "@/hooks/useRegenerateHandlers";
import { useScrollManager } from "@/hooks/useScrollManager";
import { useShown } from "@/hooks/useShown";
import { withTexts } from "@/i18n/texts";
import { cx } from "@/lib/cx";
import { useCompare } from "@/stores/compare";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { Button } from "../ui/Button";
import { Failed } from "../ui/State";
import { EmptyState } from "./EmptyState";
import { LoadingSkeleton } from "./LoadingSkeleton";
import { MessageItem } from "./MessageItem";

const Comparison = lazy(() => withTexts(["compare"], import("./Comparison")));
const DeleteMessageModal = lazy(() => import("./DeleteMessageModal"));

interface Props {
	conversationId: string | null;
	model: string | null;
	acts: Pick<ReturnType<typeof useMessageHandlers>, "edit" | "remove" | "show" | "judge">;
	onSend: (content: string, attachments: Attachment[]) => Promise<void>;
	onPick: () => void;
}

const SIZES = { small: "text-sm", normal: "text-base", large: "text-lg" };

export function MessageArea({ conversationId, model, acts, onSend, onPick }: Props) {
	const { messages, live, isPending, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } =
		useMessageLoader(conversationId);
	const wanted = useConversation((s) => s.wanted);
	const at = wanted === null ? -1 : messages.findIndex((m) => m.id === wanted);
	const { shown, settled, more } = useShown(conversationId, messages.length, at < 0 ? 0 : messages.length - at);
	const hidden = Math.max(0, messages.length - shown);
	const scroll = useScrollManager(conversationId);
	const size = useSettings((s) => s.textSize);
	const [deleting, setDeleting] = useState<Message | null>(null);
	const regenerate = useRegenerateHandlers(conversationId, model);
	const remove = useCallback((m: Message) => setDeleting(m), []);
	const { t } = useTranslation();
	const { toBottom } = scroll;
	const { edit, show, judge } = acts;
	// The newest message knows at once; the others, which may be a thousand, bit by bit.
	const busy = live.length > 0;
	const busyBefore = useDeferredValue(busy);
	const refused = useCompare((s) => s.refused);
	const goOn = useCallback(() => void onSend(t("chat.go_on_text"), []), [onSend, t]);

	// One's own question is always worth seeing.
	const asking = live.some((turn) => turn.phase === "asking" && turn.kind !== "follow");
	useEffect(() => {
		if (asking) toBottom();
	}, [asking, toBottom]);

	const isEmpty = messages.length === 0;
	const isNew = isEmpty && (conversationId === null || (!isPending && !error));
	return (
		<div className="relative min-h-0 grow">
			<div ref={scroll.box} className="h-full overflow-y-auto overscroll-contain" data-testid="messages">
				<div
					ref={scroll.content}
					role="log"
					aria-label={t("chat.messages")}
					className={cx("messages mx-auto flex min-h-full flex-col gap-6 px-4 pt-6 pb-10 sm:px-6", SIZES[size])}
				>
					{isNew && <EmptyState onPick={onPick} />}
					{isEmpty && conversationId !== null && isPending && <LoadingSkeleton />}
					{isEmpty && error && <Failed error={error} onRetry={() => void refetch()} />}
					{settled && (hasNextPage || hidden > 0) && (
						<Button small look="ghost" busy={isFetchingNextPage} onClick={() => !more() && hasNextPage && void fetchNextPage()} className="self-center">
							{t("chat.earlier")}
						</Button>
					)}
					{messages.slice(hidden).map((m, i) => {
						const item = {
							message: m,
							turn: live.find((turn) => turn.beside === null && (turn.assistantId ?? turn.answer.id) === m.id),
							last: hidden + i === messages.length - 1,
							busy: hidden + i === messages.length - 1 ? busy : busyBefore,
							onRegenerate: regenerate,
							onDelete: remove,
							onEdit: edit,
							onShow: show,
							onJudge: judge,
							onGoOn: goOn,
						};
						const alone = <MessageItem key={m.id} {...item} />;
						if (m.role === "user") return alone;
						const beside = live.filter((turn) => turn.beside === m.id);
						const questionId = messages[hidden + i - 1]?.id ?? "";
						if (!m.beside?.length && beside.length === 0 && !refused[questionId]?.length) return alone;
						return (
							<Suspense key={`beside ${questionId}`} fallback={alone}>
								<Comparison questionId={questionId} beside={beside} item={item} />
							</Suspense>
						);
					})}
				</div>
			</div>
			{scroll.away && (
				<Button
					small
					icon={<ArrowDown size={15} aria-hidden />}
					onClick={() => toBottom(true)}
					className="absolute inset-x-0 bottom-3 mx-auto w-fit animate-rise rounded-full shadow-lift"
				>
					{t("chat.to_bottom")}
				</Button>
			)}
			{deleting && (
				<Suspense>
					<DeleteMessageModal message={deleting} last={deleting.id === messages.at(-1)?.id} onDelete={acts.remove} onClose={() => setDeleting(null)} />
				</Suspense>
			)}
		</div>
	);
}
