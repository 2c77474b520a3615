import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Doc, knowledge } from "@/api/knowledge";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { KEPT } from "./parts";

/** The PDF as it came, in the browser's own viewer, at its page. It is read with the token, which a frame cannot send. */
export function Original({ base, doc, page }: { base: string; doc: Doc; page: number | null }) {
	const { t } = useTranslation();
	const { data, error, refetch } = useQuery({
		queryKey: [...KEPT, base, "file", doc.id, doc.version],
		queryFn: () => knowledge.file(base, doc.id),
		staleTime: Infinity,
		gcTime: 0,
	});
	const [url, setUrl] = useState<string | null>(null);
	useEffect(() => {
		if (!data) return;
		const made = URL.createObjectURL(new Blob([data], { type: "application/pdf" }));
		setUrl(made);
		return () => URL.revokeObjectURL(made);
	}, [data]);
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	if (!url) return <Skeleton className="h-64" />;
	if (navigator.pdfViewerEnabled === false) return <Empty title={t("knowledge.no_viewer")} hint={t("knowledge.no_viewer_hint")} />;
	return <iframe title={doc.title || doc.filename} src={`${url}#page=${page ?? 1}`} className="h-[80dvh] w-full rounded-2xl border border-line bg-surface" />;
}
