import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { MediaPlaceholder } from "./MediaPlaceholder";

const ImagePreviewModal = lazy(() => import("./ImagePreviewModal"));

/** A picture in a message: loaded when it comes near the screen, opens large. */
export function ImagePreview({ url, small, alt }: { url: string; small?: string | null; alt: string }) {
	const { src, failed } = useMediaUrl(small ?? url);
	const [broken, setBroken] = useState(false);
	const [open, setOpen] = useState(false);
	const { t } = useTranslation();

	if (failed || broken) return <MediaPlaceholder>{t("media.failed")}</MediaPlaceholder>;
	if (!src) return <MediaPlaceholder>{t("common.loading")}</MediaPlaceholder>;
	return (
		<>
			<button
				type="button"
				onClick={() => setOpen(true)}
				aria-label={t("media.enlarge")}
				className="my-1 block max-w-full overflow-hidden rounded-xl border border-line"
			>
				<img src={src} alt={alt} loading="lazy" decoding="async" onError={() => setBroken(true)} className="max-h-80 max-w-full bg-surface object-contain" />
			</button>
			{open && (
				<Suspense>
					<ImagePreviewModal url={url} alt={alt} onClose={() => setOpen(false)} />
				</Suspense>
			)}
		</>
	);
}
