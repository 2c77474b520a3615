import { MessagesSquare, SearchX } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Conversation } from "@/api/types";
import { withTexts } from "@/i18n/texts";
import { groupConversationsByDate } from "@/lib/dates";
import { useConversations } from "@/queries/conversations";
import { useConversation } from "@/stores/conversation";
import { useSettings } from "@/stores/settings";
import { Button } from "../ui/Button";
import { Empty, Failed, Skeleton } from "../ui/State";
import { ConversationItem } from "./ConversationItem";

const DeleteConfirmModal = lazy(() => import("./DeleteConfirmModal"));

const ShareDialog = lazy(() => withTexts(["sharing"], import("./ShareDialog")));

export function ConversationList({ search, onOpen }: { search: string; onOpen: () => void }) {
	const { items, isPending, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useConversations(search);
	const activeId = useConversation((s) => s.activeId);
	const language = useSettings((s) => s.language);
	const [deleting, setDeleting] = useState<Conversation | null>(null);
	const [sharing, setSharing] = useState<Conversation | null>(null);
	const groups = useMemo(() => groupConversationsByDate(items, language), [items, language]);
	const remove = useCallback((c: Conversation) => setDeleting(c), []);
	const { t } = useTranslation();

	if (isPending && items.length === 0)
		return (
			<div role="status" aria-label={t("common.loading")} className="flex flex-col gap-2 p-2">
				{[0, 1, 2, 3, 4].map((i) => (
					<Skeleton key={i} className="h-8" />
				))}
			</div>
		);
	if (error && items.length === 0) return <Failed error={error} onRetry={() => void refetch()} />;
	if (items.length === 0)
		return search ? (
			<Empty icon={<SearchX size={26} />} title={t("sidebar.nothing_found")} hint={t("sidebar.nothing_found_hint")} />
		) : (
			<Empty icon={<MessagesSquare size={26} />} title={t("sidebar.empty")} hint={t("sidebar.empty_hint")} />
		);
	return (
		<nav aria-label={t("sidebar.conversations")} className="flex flex-col gap-4 pb-4">
			{groups.map((group) => (
				<section key={group.label} aria-label={group.label}>
					<h2 className="px-3 py-1.5 text-xs font-medium text-faint">{group.label}</h2>
					<ul>
						{group.items.map((c) => (
							<li key={c.id}>
								<ConversationItem conversation={c} active={c.id === activeId} onOpen={onOpen} onShare={setSharing} onDelete={remove} />
							</li>
						))}
					</ul>
				</section>
			))}
			{hasNextPage && (
				<Button small look="ghost" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
					{t("sidebar.more")}
				</Button>
			)}
			{sharing && (
				<Suspense>
					<ShareDialog conversation={sharing} onClose={() => setSharing(null)} />
				</Suspense>
			)}
			{deleting && (
				<Suspense>
					<DeleteConfirmModal conversation={deleting} onClose={() => setDeleting(null)} />
				</Suspense>
			)}
		</nav>
	);
}
