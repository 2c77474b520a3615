import { ArrowUp, BookOpen, Square, Wrench } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment, Model } from "@/api/types";
import { useKnowledgeOf } from "@/hooks/useKnowledgeOf";
import { useToolsOf } from "@/hooks/useToolsOf";
import { withTexts } from "@/i18n/texts";
import { Button, IconButton } from "../ui/Button";
import { AdvancedSettingsMenu } from "./AdvancedSettingsMenu";
import { AudioRecorder } from "./AudioRecorder";
import { ModelSelector } from "./ModelSelector";
import { UploadMenu } from "./UploadMenu";

const ChatChoice = lazy(() => withTexts(["knowledge"], import("../knowledge/ChatChoice")));
const ToolChoice = lazy(() => withTexts(["tools"], import("../tools/ToolChoice")));

interface Props {
	conversationId: string | null;
	models: Model[];
	model: Model | undefined;
	onSelect: (name: string) => void;
	onFiles: (files: File[]) => void;
	/** Words to go on with. */
	onText: (text: string) => void;
	onLink: (attachment: Attachment) => void;
	onMake?: () => void;
	canSend: boolean;
	streaming: boolean;
	stopping: boolean;
	onSend: () => void;
	onStop: () => void;
}

/** The row under the text: what to attach, which model, send or stop. */
export function InputControls(p: Props) {
	const [choosing, setChoosing] = useState(false);
	const [tooling, setTooling] = useState(false);
	const { ids, mode } = useKnowledgeOf(p.conversationId);
	const tools = useToolsOf(p.conversationId);
	const { t } = useTranslation();
	return (
		<div className="flex items-center gap-0.5 p-2">
			<UploadMenu onFiles={p.onFiles} onLink={p.onLink} onKnowledge={() => setChoosing(true)} onTools={() => setTooling(true)} onMake={p.onMake} />
			<AudioRecorder hears={p.model?.abilities.includes("audio") ?? false} onRecorded={(file) => p.onFiles([file])} onText={p.onText} />
			<AdvancedSettingsMenu />
			{ids.length > 0 && mode !== "off" && (
				<IconButton medium active label={t("account.knowledge")} data-knowledge={ids.length} onClick={() => setChoosing(true)}>
					<BookOpen size={17} />
				</IconButton>
			)}
			{tools.length > 0 && (
				<IconButton medium active label={t("upload.tools")} data-tools={tools.length} onClick={() => setTooling(true)}>
					<Wrench size={17} />
				</IconButton>
			)}
			{tooling && (
				<Suspense>
					<ToolChoice conversationId={p.conversationId} onClose={() => setTooling(false)} />
				</Suspense>
			)}
			{choosing && (
				<Suspense>
					<ChatChoice conversationId={p.conversationId} onClose={() => setChoosing(false)} />
				</Suspense>
			)}
			<div className="grow" />
			<ModelSelector conversationId={p.conversationId} models={p.models} model={p.model} onSelect={p.onSelect} />
			{p.streaming ? (
				<Button medium disabled={p.stopping} icon={<Square size={12} aria-hidden className="fill-current" />} onClick={p.onStop} className="ms-1">
					{t("chat.stop")}
				</Button>
			) : (
				<IconButton medium solid label={t("chat.send")} disabled={!p.canSend} onClick={p.onSend} className="ms-1">
					<ArrowUp size={18} />
				</IconButton>
			)}
		</div>
	);
}
