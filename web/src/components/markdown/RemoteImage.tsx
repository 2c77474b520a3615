import { ImageOff } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { MediaPlaceholder } from "../chat/MediaPlaceholder";
import { ImagePreview } from "../chat/ImagePreview";

/**
 * A picture named by a model's answer. Loading it tells its host that it was
 * read, and an address can carry what was said: it is loaded on request.
 */
export function RemoteImage({ src, alt }: { src: string; alt: string }) {
	const [wanted, setWanted] = useState(() => isOurs(src));
	const { t } = useTranslation();
	if (!src)
		return (
			<span className="inline-flex items-center gap-1 text-faint">
				<ImageOff size={14} aria-hidden /> {alt}
			</span>
		);
	if (wanted) return <ImagePreview url={src} alt={alt} />;
	return (
		<MediaPlaceholder onLoad={() => setWanted(true)}>
			{t("media.load_from", { host: host(src) })}
		</MediaPlaceholder>
	);
}

function host(src: string): string {
	try {
		return new URL(src, location.href).host;
	} catch {
		return src;
	}
}

function isOurs(src: string): boolean {
	try {
		return new URL(src, location.href).origin === location.origin;
	} catch {
		return false;
	}
}
