import { lazy, Suspense, useCallback, useRef } from "react";
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

	return (
		<main className="flex h-full min-w-0 grow flex-col">
			<TopBar key={conversationId} conversation={conversation} isNew={conversationId === null} title={conversationId === null ? t("sidebar.new") : error ? t("chat.no_conversation") : ""} sidebarShown={sidebarShown} onShowSidebar={onShowSidebar} />
			{(conversationId === null ? temporary : conversation?.temporary_until) && (
				<Suspense>
					<TemporaryNote conversation={conversation} />
				</Suspense>
			)}
			<MessageArea conversationId={conversationId} model={model?.name ?? null} acts={acts} onSend={send} onPick={focusInput} />
			<InputArea
				ref={input}
				conversationId={conversationId}
				models={models}
				model={model}
				onSelect={select}
				onSend={(content, attachments) => void send(content, attachments)}
				onStop={stop}
			/>
		</main>
	);
}
