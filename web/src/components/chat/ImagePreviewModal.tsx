import { Download, X, ZoomIn, ZoomOut } from "lucide-react";
import { type SyntheticEvent, useState, type WheelEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { cx } from "@/lib/cx";
import { download, fileName } from "@/lib/files";
import { IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

const ZOOM_MIN = 0.5;
const ZOOM_MAX = 6;

export default function ImagePreviewModal({ url, alt, onClose }: { url: string; alt: string; onClose: () => void }) {
	const src = useMediaUrl(url).src ?? undefined;
	const [zoom, setZoom] = useState(1);
	const { t } = useTranslation();
	const by = (factor: number) => setZoom((z) => Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, z * factor)));
	const wheel = (e: WheelEvent) => by(e.deltaY < 0 ? 1.1 : 1 / 1.1);
	/** As large as it fits on the screen, but no larger than it is; larger than that it is scrolled. */
	const [fit, setFit] = useState<number | null>(null);
	const onLoad = ({ currentTarget: img }: SyntheticEvent<HTMLImageElement>) => setFit(img.getBoundingClientRect().width);

	return (
		<Dialog bare title={alt || t("media.image")} onClose={onClose}>
			<div
				className="flex h-dvh w-full overflow-auto p-4"
				onWheel={wheel}
				onClick={(e) => e.target === e.currentTarget && onClose()}
			>
				<img
					src={src}
					alt={alt}
					onLoad={onLoad}
					onDoubleClick={() => setZoom(zoom === 1 ? 2 : 1)}
					style={fit !== null && zoom !== 1 ? { width: fit * zoom } : undefined}
					className={cx("m-auto shrink-0 rounded-lg object-contain", (fit === null || zoom === 1) ? "max-h-full max-w-full" : "h-auto max-w-none")}
				/>
			</div>
			<div className="fixed inset-x-0 bottom-[max(1.5rem,env(safe-area-inset-bottom))] mx-auto flex w-fit items-center gap-1 rounded-xl border border-line bg-raised p-1 shadow-lift">
				<IconButton label={t("media.zoom_out")} onClick={() => by(1 / 1.4)}>
					<ZoomOut size={18} />
				</IconButton>
				<button type="button" onClick={() => setZoom(1)} className="w-14 rounded-lg py-2 text-sm tabular-nums hover:bg-hover">
					{Math.round(zoom * 100)}%
				</button>
				<IconButton label={t("media.zoom_in")} onClick={() => by(1.4)}>
					<ZoomIn size={18} />
				</IconButton>
				<IconButton label={t("media.download")} disabled={!src} onClick={() => void download(src!, fileName(url))}>
					<Download size={18} />
				</IconButton>
				<IconButton label={t("common.close")} onClick={onClose}>
					<X size={18} />
				</IconButton>
			</div>
		</Dialog>
	);
}
