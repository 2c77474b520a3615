import { useTranslation } from "react-i18next";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { MediaPlaceholder } from "./MediaPlaceholder";

export function AudioPreview({ url }: { url: string }) {
	const { src, failed } = useMediaUrl(url);
	const { t } = useTranslation();
	if (!src) return <MediaPlaceholder>{t(failed ? "media.failed" : "common.loading")}</MediaPlaceholder>;
	return <audio controls preload="none" src={src} className="my-1 w-72 max-w-full" />;
}
