import { Brush, Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { download, fileName } from "@/lib/files";
import { useModels } from "@/queries/account";
import { IconButton } from "../ui/Button";
import { AudioPreview } from "./AudioPreview";
import { ImagePreview } from "./ImagePreview";
import { MediaPlaceholder } from "./MediaPlaceholder";

/** What was sent along with a message, or made by it. */
export function MessageMedia({ attachments }: { attachments: Attachment[] }) {
	const { t } = useTranslation();
	const edits = useModels().makers.some((m) => m.makes!.ops.includes("images.edit"));
	if (attachments.length === 0) return null;
	return (
		<div className="flex flex-wrap gap-2">
			{attachments.map((a) => {
				if (a.type === "image")
					return (
						<div key={a.url} className="group/picture relative min-h-12 min-w-20">
							<ImagePreview url={a.url} alt={t("media.image")} />
							{edits && (
								<IconButton
									small
									label={t("media.edit")}
									onClick={() => void import("@/stream/make").then(({ takePicture }) => takePicture(a.url, "images.edit"))}
									className="absolute top-3 right-2 bg-raised shadow-box pointer-fine:opacity-0 pointer-fine:group-focus-within/picture:opacity-100 pointer-fine:group-hover/picture:opacity-100"
								>
									<Brush size={16} />
								</IconButton>
							)}
						</div>
					);
				if (a.type === "video") return <Video key={a.url} url={a.url} />;
				if (a.type === "audio") return <AudioPreview key={a.url} url={a.url} />;
				return (
					<a key={a.url} href={a.url} target="_blank" rel="noopener noreferrer" className="text-accent underline">
						{fileName(a.url)}
					</a>
				);
			})}
		</div>
	);
}

function Video({ url }: { url: string }) {
	const { src, failed } = useMediaUrl(url);
	const { t } = useTranslation();
	if (!src) return <MediaPlaceholder>{t(failed ? "media.failed" : "common.loading")}</MediaPlaceholder>;
	return (
		<div className="relative">
			<video controls preload="none" src={src} className="my-1 max-h-80 max-w-full rounded-xl border border-line bg-surface" />
			<IconButton small label={t("media.download")} onClick={() => void download(src, fileName(url))} className="absolute top-3 right-2 bg-raised">
				<Download size={16} />
			</IconButton>
		</div>
	);
}
