import { AudioLines, File, Film, X } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import type { Pending } from "@/hooks/useImageUpload";
import { withTexts } from "@/i18n/texts";
import { fileName } from "@/lib/files";
import { IconButton } from "../ui/Button";
import { Spinner } from "../ui/Spinner";

const DraftFile = lazy(() => withTexts(["files"], import("../attached/DraftFile")));

interface Props {
	/** Whose bases a document may go into instead; absent outside a chat. */
	conversationId?: string | null;
	attachments: Attachment[];
	pending: Pending[];
	onRemove: (url: string) => void;
}

/** What goes along with the next message. */
export default function AttachmentStrip({ conversationId, attachments, pending, onRemove }: Props) {
	const { t } = useTranslation();
	if (attachments.length === 0 && pending.length === 0) return null;
	return (
		<ul className="flex flex-wrap gap-2 px-3 pt-3">
			{attachments.map((a) => a.type === "file" ? (
				<Suspense key={a.url}>
					<DraftFile conversationId={conversationId} file={a} onRemove={() => onRemove(a.url)} />
				</Suspense>
			) : a.type === "image" ? (
				<li key={a.url} title={fileName(a.url)} className="relative size-16">
					<Thumb attachment={a} />
					<button
						type="button"
						aria-label={t("upload.remove")}
						title={t("upload.remove")}
						onClick={() => onRemove(a.url)}
						className="absolute -end-2 -top-2 flex size-6 items-center justify-center rounded-full border border-line-strong bg-raised text-soft hover:bg-hover hover:text-ink"
					>
						<X size={13} />
					</button>
				</li>
			) : (
				<li key={a.url} className="flex h-14 max-w-56 items-center gap-2 rounded-lg border border-line bg-surface ps-2 text-xs text-soft">
					<Thumb attachment={a} />
					<span className="truncate">{fileName(a.url) === "file" ? new URL(a.url).host : fileName(a.url)}</span>
					<IconButton small label={t("upload.remove")} onClick={() => onRemove(a.url)}>
						<X size={14} />
					</IconButton>
				</li>
			))}
			{pending.map((p) => (
				<li key={p.id} role="status" className="flex h-14 max-w-56 items-center gap-2 rounded-lg border border-line bg-surface px-3 text-xs text-soft">
					<Spinner />
					<span className="truncate">{t("upload.uploading", { name: p.name })}</span>
				</li>
			))}
		</ul>
	);
}

function Thumb({ attachment }: { attachment: Attachment }) {
	const { src } = useMediaUrl(attachment.url);
	if (attachment.type === "image" && src) return <img src={src} alt={fileName(attachment.url)} className="size-full rounded-lg border border-line bg-hover object-cover" />;
	const Sign = attachment.type === "video" ? Film : attachment.type === "audio" ? AudioLines : File;
	if (attachment.type === "image") return <span className="block size-full rounded-lg border border-line bg-hover" />;
	return <Sign size={18} aria-hidden className="shrink-0 text-faint" />;
}
