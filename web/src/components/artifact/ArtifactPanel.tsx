import { Check, ChevronLeft, ChevronRight, Copy, Download, Maximize2, Minimize2, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCopy } from "@/hooks/useCopy";
import { useMedia } from "@/hooks/useMedia";
import { useMessageLoader } from "@/hooks/useMessageLoader";
import { type Piece, piecesOf, versionsOf } from "@/lib/artifacts";
import { cx } from "@/lib/cx";
import { saveFile } from "@/lib/download";
import { useArtifact } from "@/stores/artifact";
import { useConversation } from "@/stores/conversation";
import { CodeBlock } from "../markdown/CodeBlock";
import { IconButton } from "../ui/Button";
import { Segments } from "../ui/Field";
import { ArtifactFrame } from "./ArtifactFrame";

/** What a model wrote as a page or picture, beside the conversation; on a phone over it. */
export function ArtifactPanel() {
	const piece = useArtifact((s) => s.piece);
	const active = useConversation((s) => s.activeId);
	const close = () => useArtifact.getState().open(null);
	useEffect(() => close, [active]);
	return piece && <Panel key={piece.source} opened={piece} conversationId={active} onClose={close} />;
}

function Panel({ opened, conversationId, onClose }: { opened: Piece; conversationId: string | null; onClose: () => void }) {
	const { messages } = useMessageLoader(conversationId);
	const pieces = useMemo(() => messages.filter((m) => m.role === "assistant").flatMap((m) => piecesOf(m.content)), [messages]);
	const found = versionsOf(pieces, opened.source);
	const versions = found.at < 0 ? [opened] : found.versions;
	const [chosen, setChosen] = useState<number | null>(null);
	const at = Math.min(chosen ?? Math.max(found.at, 0), versions.length - 1);
	const piece = versions[at]!;
	const [view, setView] = useState<"preview" | "source" | null>(null);
	// What is being written is read as it grows, and seen when it is whole.
	const shown = view ?? (piece.complete ? "preview" : "source");
	const [copied, copy] = useCopy();
	const box = useRef<HTMLElement>(null);
	const isFull = useFull(box);
	const wide = useMedia("(min-width: 64rem)");
	const { t } = useTranslation();
	useBeside(wide);
	useEscape(onClose, isFull);
	useFocus(box);

	const title = piece.title || t(`rich.${piece.kind}`);
	const name = `${title.replace(/[\\/:*?"<>|]/g, "_").slice(0, 80)}.${piece.kind}`;
	return (
		<aside
			ref={box}
			tabIndex={-1}
			aria-label={t("rich.title")}
			data-artifact={shown}
			className={cx("fixed inset-y-0 end-0 z-50 flex flex-col border-line bg-canvas text-ink outline-none", wide ? "w-(--artifact-width) border-s" : "w-full animate-rise")}
		>
			<header className="flex items-center gap-1 border-b border-line py-2 ps-4 pe-2">
				<h2 className="min-w-0 grow truncate text-sm font-semibold" title={title}>
					{title}
				</h2>
				{versions.length > 1 && (
					<span role="group" aria-label={t("rich.versions")} className="flex items-center text-xs text-faint tabular-nums">
						<IconButton small label={t("rich.earlier")} disabled={at === 0} onClick={() => setChosen(at - 1)}>
							<ChevronLeft size={15} />
						</IconButton>
						<span aria-live="polite">
							{at + 1}/{versions.length}
						</span>
						<IconButton small label={t("rich.later")} disabled={at === versions.length - 1} onClick={() => setChosen(at + 1)}>
							<ChevronRight size={15} />
						</IconButton>
					</span>
				)}
				<IconButton small label={copied ? t("common.copied") : t("rich.copy")} onClick={() => copy(piece.source)}>
					{copied ? <Check size={15} /> : <Copy size={15} />}
				</IconButton>
				<IconButton small label={t("rich.save")} onClick={() => saveFile(new Blob([piece.source], { type: piece.kind === "svg" ? "image/svg+xml" : "text/html" }), name)}>
					<Download size={15} />
				</IconButton>
				{document.fullscreenEnabled && (
					<IconButton small label={t(isFull ? "rich.unfull" : "rich.full")} onClick={() => void (isFull ? document.exitFullscreen() : box.current?.requestFullscreen())}>
						{isFull ? <Minimize2 size={15} /> : <Maximize2 size={15} />}
					</IconButton>
				)}
				<IconButton small label={t("rich.close")} onClick={onClose}>
					<X size={16} />
				</IconButton>
			</header>
			<div className="px-4 py-2">
				<Segments
					bare
					label={t("rich.title")}
					value={shown}
					options={[
						{ value: "preview", label: t("rich.preview") },
						{ value: "source", label: t("rich.source") },
					]}
					onChange={setView}
				/>
			</div>
			<div className="min-h-0 grow overflow-auto">
				{shown === "source" ? (
					<div className="px-4 pb-4 text-sm">
						<CodeBlock code={piece.source} language={piece.kind === "svg" ? "xml" : "html"} />
					</div>
				) : piece.complete ? (
					<ArtifactFrame key={piece.source} piece={piece} title={title} />
				) : (
					<p role="status" className="p-8 text-center text-sm text-faint">
						{t("rich.writing")}
					</p>
				)}
			</div>
		</aside>
	);
}

/** The app makes room for it. */
function useBeside(wide: boolean) {
	useEffect(() => {
		const root = document.documentElement;
		root.classList.toggle("has-artifact", wide);
		return () => root.classList.remove("has-artifact");
	}, [wide]);
}

function useEscape(onClose: () => void, isFull: boolean) {
	useEffect(() => {
		const onKey = (e: KeyboardEvent) => e.key === "Escape" && !e.defaultPrevented && !isFull && !document.querySelector("dialog[open]") && onClose();
		document.addEventListener("keydown", onKey);
		return () => document.removeEventListener("keydown", onKey);
	}, [onClose, isFull]);
}

/** It has the focus when it opens, and gives it back. */
function useFocus(box: React.RefObject<HTMLElement>) {
	useEffect(() => {
		const before = document.activeElement;
		box.current?.focus();
		return () => {
			if (before instanceof HTMLElement && before.isConnected) before.focus();
		};
	}, [box]);
}

function useFull(box: React.RefObject<HTMLElement>): boolean {
	const [full, setFull] = useState(false);
	useEffect(() => {
		const look = () => setFull(document.fullscreenElement !== null && document.fullscreenElement === box.current);
		document.addEventListener("fullscreenchange", look);
		return () => document.removeEventListener("fullscreenchange", look);
	}, [box]);
	return full;
}
