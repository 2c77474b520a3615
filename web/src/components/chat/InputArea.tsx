import { type ClipboardEvent, forwardRef, type KeyboardEvent, lazy, Suspense, useCallback, useEffect, useImperativeHandle, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment, Model } from "@/api/types";
import { useDragDropUpload } from "@/hooks/useDragDropUpload";
import { useImageUpload } from "@/hooks/useImageUpload";
import { conflictOf } from "@/lib/conflict";
import { withTexts } from "@/i18n/texts";
import { cx } from "@/lib/cx";
import type { Problem } from "@/lib/making";
import { calledFor } from "@/lib/prompts";
import type { PromptKeys } from "./PromptList";
import { modelNamed, useModels } from "@/queries/account";
import { othersOf, useCompare } from "@/stores/compare";
import { draftOf, NEW, useConversation } from "@/stores/conversation";
import { turnsOf, useRuntime } from "@/stores/runtime";
import { useSettings } from "@/stores/settings";
import { InputControls } from "./InputControls";

const AttachmentStrip = lazy(() => import("./AttachmentStrip"));
const CompareChips = lazy(() => withTexts(["compare"], import("./CompareChips")));
const ConflictAlert = lazy(() => import("./ConflictAlert"));
const PromptList = lazy(() => withTexts(["assistants"], import("./PromptList")));
const MakeBar = lazy(() => withTexts(["making"], import("./MakeBar")));

export const CONTENT_MAX_CHARS = 32_000;
const WARN_CHARS = 30_000;
const IMAGES_MAX = 10;

export interface InputHandle {
	focus: () => void;
}

interface Props {
	conversationId: string | null;
	models: Model[];
	model: Model | undefined;
	onSelect: (name: string) => void;
	onSend: (content: string, attachments: Attachment[]) => void;
	onStop: () => void;
}

export const InputArea = forwardRef<InputHandle, Props>(function InputArea(
	{ conversationId, models, model, onSelect, onSend, onStop },
	ref,
) {
	const key = conversationId ?? NEW;
	const draft = useConversation((s) => draftOf(s.drafts, conversationId));
	const setDraft = useConversation((s) => s.setDraft);
	const streaming = useRuntime((s) => turnsOf(s.turns, conversationId).some((turn) => turn.phase !== "lost"));
	const stopping = useRuntime((s) => turnsOf(s.turns, conversationId).every((turn) => turn.phase === "stopping"));
	const sendKey = useSettings((s) => s.sendKey);
	const area = useRef<HTMLTextAreaElement>(null);
	const { t } = useTranslation();

	const attach = useCallback(
		(a: Attachment) => {
			const now = draftOf(useConversation.getState().drafts, conversationId).attachments;
			// The wire has room for ten pictures or documents, and for one of each other kind: the newer takes the place.
			const others = now.filter((x) => x.url !== a.url && (x.type === "image" || x.type === "file" || x.type !== a.type));
			setDraft(key, { attachments: [...others, a].slice(-IMAGES_MAX) });
		},
		[conversationId, key, setDraft],
	);
	const say = useCallback(
		(text: string) => {
			const before = draftOf(useConversation.getState().drafts, conversationId).text;
			setDraft(key, { text: before && !/\s$/.test(before) ? `${before} ${text}` : before + text });
			area.current?.focus();
		},
		[conversationId, key, setDraft],
	);
	const { pending, upload } = useImageUpload(attach);
	const drop = useDragDropUpload((files) => void upload(files));

	useImperativeHandle(ref, () => ({ focus: () => area.current?.focus() }), []);
	useEffect(() => {
		if (matchMedia("(pointer: fine)").matches) area.current?.focus();
	}, [key]);
	useEffect(() => grow(area.current), [draft.text, key]);

	// A model that makes pictures or films takes the place of the one that answers.
	const { makers } = useModels();
	const { make } = draft;
	const maker = make && modelNamed(makers, make.model);
	const chosen = useCompare((s) => s.chosen);
	const others = maker ? [] : othersOf(chosen, key, model?.name);
	const [problem, setProblem] = useState<Problem | null>("words_missing");
	const choose = (name: string) => {
		const chosen = modelNamed(makers, name);
		if (!chosen) {
			setDraft(key, { make: undefined });
			onSelect(name);
		} else void import("@/lib/making").then(({ withModel }) => setDraft(key, { make: withModel(make ?? { op: "images.generate", model: name }, chosen, draft.attachments.length) }));
	};

	const conflict = maker ? null : conflictOf(model, draft.attachments);
	const length = [...draft.text].length;
	const isWhole = maker ? problem === null : draft.text.trim() !== "" && !conflict;
	const isComplete = isWhole && length <= CONTENT_MAX_CHARS && pending.length === 0 && draft.attachments.every((a) => !a.state || a.state === "ready") && !streaming;
	const canSend = isComplete && (model ?? maker) !== undefined;
	// Whoever is quicker than the list of models is not told to try again: it goes when the list is there.
	const [early, setEarly] = useState(false);
	const send = () => {
		if (canSend && maker) void import("@/stream/make").then(({ sendMake }) => sendMake(conversationId, model?.name ?? null));
		else if (canSend) onSend(draft.text.trim(), draft.attachments);
		else if (isComplete) setEarly(true);
	};
	useEffect(() => setEarly(false), [key, draft.text]);
	useEffect(() => {
		if (!early || !canSend) return;
		setEarly(false);
		send();
	});
	// "/" at the beginning calls for the prompts that are kept, until they are sent away.
	const wanted = maker ? null : calledFor(draft.text);
	const [away, setAway] = useState(false);
	const [active, setActive] = useState<string>();
	const promptKeys = useRef<PromptKeys>(null);
	useEffect(() => {
		if (wanted === null) {
			setAway(false);
			setActive(undefined);
		}
	}, [wanted]);
	const usePrompt = (text: string) => {
		setDraft(key, { text });
		requestAnimationFrame(() => {
			area.current?.focus();
			area.current?.setSelectionRange(text.length, text.length);
		});
	};
	const onKeyDown = (e: KeyboardEvent) => {
		if (promptKeys.current?.take(e)) return;
		if (e.key === "Escape" && streaming) onStop();
		// During composition (IME) Enter chooses a word.
		if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing || e.keyCode === 229) return;
		if (sendKey === "mod-enter" && !e.ctrlKey && !e.metaKey) return;
		e.preventDefault();
		send();
	};
	const onPaste = (e: ClipboardEvent) => {
		const files = [...e.clipboardData.files];
		if (files.length === 0) return;
		e.preventDefault();
		void upload(files);
	};
	return (
		<div className="mx-auto w-full max-w-3xl px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-6">
			{conflict && model && (
				<Suspense>
					<ConflictAlert conflict={conflict} model={model} models={[...models, ...makers]} onSelect={choose} />
				</Suspense>
			)}
			<div
				{...drop.handlers}
				className={cx(
					"relative rounded-2xl border bg-raised shadow-box transition-colors focus-within:border-accent",
					drop.over ? "border-dashed border-accent bg-tint" : "border-line-strong",
				)}
			>
				{maker && (
					<Suspense>
						<MakeBar
							make={make!}
							model={maker}
							makers={makers}
							words={draft.text}
							attachments={draft.attachments}
							onChange={(next) => setDraft(key, { make: next })}
							onProblem={setProblem}
							onLeave={() => setDraft(key, { make: undefined })}
						/>
					</Suspense>
				)}
				{others.length > 0 && (
					<Suspense>
						<CompareChips conversationId={conversationId} models={models} others={others} />
					</Suspense>
				)}
				{(draft.attachments.length > 0 || pending.length > 0) && (
					<Suspense>
						<AttachmentStrip
							conversationId={conversationId}
							attachments={draft.attachments}
							pending={pending}
							onRemove={(url) => setDraft(key, { attachments: draft.attachments.filter((a) => a.url !== url) })}
						/>
					</Suspense>
				)}
				{wanted !== null && !away && (
					<Suspense>
						<PromptList ref={promptKeys} wanted={wanted} onActive={setActive} onUse={usePrompt} onAway={() => setAway(true)} />
					</Suspense>
				)}
				<textarea
					ref={area}
					id="composer"
					rows={1}
					value={draft.text}
					placeholder={t(drop.over ? "upload.drop" : maker ? "media.placeholder" : "chat.placeholder")}
					aria-label={t("chat.message")}
					aria-controls={active && "prompt-list"}
					aria-activedescendant={active}
					enterKeyHint={sendKey === "enter" ? "send" : "enter"}
					onChange={(e) => setDraft(key, { text: e.target.value })}
					onKeyDown={onKeyDown}
					onPaste={onPaste}
					className="block max-h-60 w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-base outline-none placeholder:text-faint"
				/>
				{length > WARN_CHARS && (
					<p role="status" className={cx("px-4 text-end text-xs tabular-nums", length > CONTENT_MAX_CHARS ? "text-danger" : "text-faint")}>
						{t("chat.length", { length, max: CONTENT_MAX_CHARS })}
					</p>
				)}
				<InputControls
					conversationId={conversationId}
					models={[...models, ...makers]}
					model={maker ?? model}
					onSelect={choose}
					onFiles={(files) => void upload(files)}
					onText={say}
					onLink={attach}
					onMake={makers[0] && (() => choose((makers.find((m) => m.is_default) ?? makers[0]!).name))}
					canSend={canSend}
					streaming={streaming}
					stopping={stopping}
					onSend={send}
					onStop={onStop}
				/>
			</div>
			<p className="mt-2 hidden text-center text-xs text-faint sm:block">{t("chat.disclaimer")}</p>
		</div>
	);
});

export function grow(area: HTMLTextAreaElement | null) {
	if (!area) return;
	area.style.height = "auto";
	area.style.height = `${area.scrollHeight}px`;
}
