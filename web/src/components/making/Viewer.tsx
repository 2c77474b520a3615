import { Brush, ChevronLeft, ChevronRight, Clapperboard, Download, MessageSquare, Trash, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { making } from "@/api/making";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { explain } from "@/lib/explain";
import { download, fileName } from "@/lib/files";
import { type Op } from "@/lib/making";
import { useModels } from "@/queries/account";
import { refreshMessages } from "@/queries/messages";
import { toast } from "@/stores/notices";
import { takePicture } from "@/stream/make";
import { IconButton } from "../ui/Button";
import { Confirm, Dialog } from "../ui/Dialog";
import type { Made } from "./Gallery";

interface Props {
	made: Made[];
	at: number;
	onMove: (to: number) => void;
	onRemoved: () => void;
	onClose: () => void;
}

/** One of them, large; the arrow keys lead to its neighbours. */
export function Viewer({ made, at, onMove, onRemoved, onClose }: Props) {
	const [removing, setRemoving] = useState(false);
	const [busy, setBusy] = useState(false);
	const [, navigate] = useLocation();
	const { makers } = useModels();
	const { t } = useTranslation();
	const one = made[at]!;
	const url = new URL(one.file.url, location.href).href;
	const { src, failed } = useMediaUrl(url);
	const can = (op: Op) => one.kind === "image" && makers.some((m) => m.makes!.ops.includes(op));
	const move = (by: number) => at + by >= 0 && at + by < made.length && onMove(at + by);
	useEffect(() => {
		const onKeyDown = (e: KeyboardEvent) => {
			if (removing || (e.target as HTMLElement).closest?.("video")) return;
			if (e.key === "ArrowLeft") move(-1);
			else if (e.key === "ArrowRight") move(1);
		};
		document.addEventListener("keydown", onKeyDown);
		return () => document.removeEventListener("keydown", onKeyDown);
	});
	const use = (op: Op) => {
		onClose();
		navigate("/");
		// When the page of the chat is there, and no conversation on it.
		setTimeout(() => takePicture(url, op), 0);
	};
	const remove = async () => {
		setBusy(true);
		try {
			await making.removeFile(one.file.id);
			if (one.task.conversation_id) void refreshMessages(one.task.conversation_id);
			onRemoved();
			onClose();
		} catch (e) {
			toast("danger", explain(e).text);
		} finally {
			setBusy(false);
			setRemoving(false);
		}
	};
	return (
		<Dialog bare title={one.prompt || t("media.image")} onClose={onClose}>
			<div className="flex h-dvh w-full flex-col" onClick={(e) => e.target === e.currentTarget && onClose()}>
				<div className="relative flex min-h-0 grow items-center justify-center p-4" onClick={(e) => e.target === e.currentTarget && onClose()}>
					{failed && <p className="rounded-lg bg-raised px-4 py-3 text-sm">{t("media.failed")}</p>}
					{src && one.kind === "image" && <img src={src} alt={one.prompt} className="max-h-full max-w-full rounded-lg object-contain" />}
					{src && one.kind === "video" && <video key={src} controls autoPlay src={src} className="max-h-full max-w-full rounded-lg" />}
				</div>
				<div className="mx-auto mb-[max(1rem,env(safe-area-inset-bottom))] flex max-w-[calc(100vw-1rem)] flex-col gap-1 rounded-xl border border-line bg-raised p-1.5 shadow-lift">
					<p className="px-2 pt-1 text-xs text-faint">{t("media.ai_made")}</p>
					{one.prompt && <p className="line-clamp-2 max-w-xl px-2 pt-1 text-sm break-words text-soft">{one.prompt}</p>}
					<div className="flex flex-wrap items-center justify-center gap-0.5">
						<IconButton label={t("making.previous")} disabled={at === 0} onClick={() => move(-1)}>
							<ChevronLeft size={19} />
						</IconButton>
						<span role="status" className="min-w-14 text-center text-sm text-faint tabular-nums">
							{t("making.place", { at: at + 1, all: made.length })}
						</span>
						<IconButton label={t("making.next")} disabled={at === made.length - 1} onClick={() => move(1)}>
							<ChevronRight size={19} />
						</IconButton>
						{can("images.edit") && (
							<IconButton label={t("making.edit")} onClick={() => use("images.edit")}>
								<Brush size={18} />
							</IconButton>
						)}
						{can("videos.from_image") && (
							<IconButton label={t("making.film")} onClick={() => use("videos.from_image")}>
								<Clapperboard size={18} />
							</IconButton>
						)}
						{one.task.conversation_id && (
							<IconButton label={t("making.to_conversation")} onClick={() => navigate(`/c/${one.task.conversation_id}`)}>
								<MessageSquare size={18} />
							</IconButton>
						)}
						<IconButton label={t("media.download")} disabled={!src} onClick={() => void download(src!, fileName(url) === "file" ? `${one.file.id}.${one.file.content_type.split("/")[1]}` : fileName(url))}>
							<Download size={18} />
						</IconButton>
						<IconButton label={t("making.remove")} onClick={() => setRemoving(true)}>
							<Trash size={18} />
						</IconButton>
						<IconButton label={t("common.close")} onClick={onClose}>
							<X size={18} />
						</IconButton>
					</div>
				</div>
				{removing && (
					<Confirm title={t("making.remove_title")} text={t("making.remove_text")} action={t("making.remove")} busy={busy} onConfirm={() => void remove()} onClose={() => setRemoving(false)} />
				)}
			</div>
		</Dialog>
	);
}
