import { useQuery } from "@tanstack/react-query";
import { BookOpen, X } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { knowledge } from "@/api/knowledge";
import { call } from "@/api/client";
import type { Attachment, Upload } from "@/api/types";
import { explain } from "@/lib/explain";
import { draftOf, NEW, useConversation } from "@/stores/conversation";
import { KNOWLEDGE } from "../knowledge/parts";
import { IconButton } from "../ui/Button";
import { Spinner } from "../ui/Spinner";
import { FileChip, nameOf } from "./FileChip";

const IntoBase = lazy(() => import("./IntoBase"));
const LOOK_MS = 700;

/** A document that goes along with the next question, once the server has read it. */
export default function DraftFile({ conversationId, file, onRemove }: { conversationId: string | null | undefined; file: Attachment; onRemove: () => void }) {
	const [moving, setMoving] = useState(false);
	const { t } = useTranslation();
	const isReading = file.state === "reading";
	const { data, error } = useQuery({
		queryKey: ["upload", file.url],
		queryFn: () => call<Upload>(`${new URL(file.url).pathname}/about`),
		enabled: isReading,
		refetchInterval: (q) => (q.state.data?.document?.state === "reading" || !q.state.data ? LOOK_MS : false),
		staleTime: 0,
	});
	const { data: bases } = useQuery({ queryKey: [...KNOWLEDGE, "bases"], queryFn: () => knowledge.list(), staleTime: 60_000 });
	useEffect(() => {
		const document = data?.document;
		if (isReading && conversationId !== undefined && document && document.state !== "reading")
			change(conversationId, file.url, { state: document.state, problem: document.message, kind: document.kind, pages: document.pages, tokens: document.tokens });
	}, [data, isReading, conversationId, file.url]);

	const failed = file.state === "failed";
	const state = failed ? (file.problem ?? t("files.failed")) : isReading ? (error ? explain(error).text : t("files.reading")) : undefined;
	return (
		<li className="max-w-full" data-state={file.state}>
			<FileChip file={file} failed={failed} state={state} sign={isReading ? <Spinner /> : undefined}>
				{conversationId !== undefined && bases?.items.some((b) => b.is_owner) && (
					<IconButton small label={t("files.into", { name: nameOf(file) })} onClick={() => setMoving(true)}>
						<BookOpen size={15} />
					</IconButton>
				)}
				<IconButton small label={t("files.remove", { name: nameOf(file) })} onClick={onRemove}>
					<X size={15} />
				</IconButton>
			</FileChip>
			{moving && conversationId !== undefined && (
				<Suspense>
					<IntoBase
						conversationId={conversationId}
						file={file}
						bases={bases!.items.filter((b) => b.is_owner)}
						onMoved={onRemove}
						onClose={() => setMoving(false)}
					/>
				</Suspense>
			)}
		</li>
	);
}

/** What became of it, as the draft holds it. */
function change(conversationId: string | null, url: string, more: Partial<Attachment>) {
	const { drafts, setDraft } = useConversation.getState();
	const attachments = draftOf(drafts, conversationId).attachments.map((a) => (a.url === url ? { ...a, ...more } : a));
	setDraft(conversationId ?? NEW, { attachments });
}
