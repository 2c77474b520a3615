import { lazy, Suspense, useCallback, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useConversationById } from "@/queries/conversations";
import { useTemporary } from "@/hooks/useTemporary";
import { withTexts } from "@/i18n/texts";
import { useConversation } from "@/stores/conversation";
import { useMessageHandlers } from "@/hooks/useMessageHandlers";
import { useModelSelection } from "@/hooks/useModelSelection";
import { InputArea, type InputHandle } from "./InputArea";
import { MessageArea } from "./MessageArea";
import { TopBar } from "./TopBar";

const TemporaryNote = lazy(() => withTexts(["order"], import("./TemporaryNote")));

interface Props {
	conversationId: string | null;
	sidebarShown: boolean;
	onShowSidebar: () => void;
}

/** One conversation: title, messages, input. */
export function Chat({ conversationId, sidebarShown, onShowSidebar }: Props) {
	const { data: conversation, error } = useConversationById(conversationId);
	const { models, model, select } = useModelSelection(conversation);
	const { send, stop, ...acts } = useMessageHandlers(conversationId, model?.name ?? null);
	const { t } = useTranslation();
	const input = useRef<InputHandle>(null);
	const temporary = useConversation((s) => s.temporary);
	useTemporary(conversation);
	const focusInput = useCallback(() => input.current?.focus(), []);

	const composer = useRef<HTMLDivElement>(null);
	useHeightOf(composer);

	return (
		<main className="flex h-full min-w-0 grow flex-col">
			<TopBar key={conversationId} conversation={conversation} isNew={conversationId === null} title={conversationId === null ? t("sidebar.new") : error ? t("chat.no_conversation") : ""} sidebarShown={sidebarShown} onShowSidebar={onShowSidebar} />
			{(conversationId === null ? temporary : conversation?.temporary_until) && (
				<Suspense>
					<TemporaryNote conversation={conversation} />
				</Suspense>
			)}
			<MessageArea conversationId={conversationId} model={model?.name ?? null} acts={acts} onSend={send} onPick={focusInput} />
			<div ref={composer}>
				<InputArea
					ref={input}
					conversationId={conversationId}
					models={models}
					model={model}
					onSelect={select}
					onSend={(content, attachments) => void send(content, attachments)}
					onStop={stop}
				/>
			</div>
		</main>
	);
}

/** What floats over the page (toasts) stays above the input: its height is --composer. */
function useHeightOf(ref: React.RefObject<HTMLDivElement>) {
	useEffect(() => {
		const { style } = document.documentElement;
		const watch = new ResizeObserver(() => style.setProperty("--composer", `${ref.current?.offsetHeight ?? 0}px`));
		watch.observe(ref.current!);
		return () => {
			watch.disconnect();
			style.removeProperty("--composer");
		};
	}, [ref]);
}
