import { Bot, Copy, MessageSquare, Pencil, Plus, Share2, Trash, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { type Assistant, type AssistantDetails, assistants } from "@/api/assistants";
import { Face } from "@/components/assistants/Face";
import { Button } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { RowMenu } from "@/components/ui/RowMenu";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { refreshAssistants, useOthersAssistants, useOwnAssistants } from "@/queries/assistants";
import { useConversation } from "@/stores/conversation";
import { AssistantForm } from "./AssistantForm";
import { attempt, Frame } from "./AssistantPages";
import { ShareDialog } from "./ShareDialog";

/** What the form begins with: nothing, one's own, or a copy of it. */
interface Editing {
	of: AssistantDetails | null;
	copy: boolean;
}

export function ListPage() {
	const { data, error: ownError } = useOwnAssistants();
	const { items: others, more, isFetching, error: othersError } = useOthersAssistants();
	const [editing, setEditing] = useState<Editing | null>(null);
	const [sharing, setSharing] = useState<AssistantDetails | null>(null);
	const [deleting, setDeleting] = useState<Assistant | null>(null);
	const { t } = useTranslation();
	const own = data?.items ?? [];
	const error = ownError ?? othersError;
	const open = (a: Assistant, then: (details: AssistantDetails) => void) => void attempt(async () => then(await assistants.get(a.id)));
	return (
		<Frame
			tools={
				<Button look="solid" className="h-11" icon={<Plus size={16} aria-hidden />} onClick={() => setEditing({ of: null, copy: false })}>
					{t("assistants.new")}
				</Button>
			}
		>
			{error && <Failed error={error} onRetry={() => void refreshAssistants()} />}
			{!data && !error && <Skeleton className="h-40" />}
			{data && own.length === 0 && <Empty icon={<Bot size={28} />} title={t("assistants.none")} hint={t("assistants.none_hint")} />}
			<ul className="grid gap-4 sm:grid-cols-2">
				{own.map((a) => (
					<Card
						key={a.id}
						assistant={a}
						actions={[
							{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => open(a, (of) => setEditing({ of, copy: false })) },
							{ label: t("assistants.duplicate"), icon: <Copy size={15} />, run: () => open(a, (of) => setEditing({ of, copy: true })) },
							{ label: t("assistants.share"), icon: <Share2 size={15} />, run: () => open(a, setSharing) },
							{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(a) },
						]}
					/>
				))}
			</ul>
			{others.length > 0 && (
				<section aria-label={t("assistants.of_others")} className="flex flex-col gap-4">
					<h2 className="text-sm font-medium text-soft">{t("assistants.of_others")}</h2>
					<ul className="grid gap-4 sm:grid-cols-2">
						{others.map((a) => (
							<Card
								key={a.id}
								assistant={a}
								actions={a.share === "link" ? [{ label: t("assistants.put_away"), icon: <X size={15} />, run: () => void attempt(() => assistants.putAway(a.id)).then(refreshAssistants) }] : []}
							/>
						))}
					</ul>
					{more && (
						<Button busy={isFetching} onClick={more} className="self-center">
							{t("assistants.more")}
						</Button>
					)}
				</section>
			)}
			{editing && <AssistantForm assistant={editing.of} copy={editing.copy} onClose={() => setEditing(null)} />}
			{sharing && <ShareDialog assistant={sharing} onClose={() => setSharing(null)} />}
			{deleting && <DeleteAssistant assistant={deleting} onClose={() => setDeleting(null)} />}
		</Frame>
	);
}

function Card({ assistant, actions }: { assistant: Assistant; actions: React.ComponentProps<typeof RowMenu>["actions"] }) {
	const [, navigate] = useLocation();
	const setAssistant = useConversation((s) => s.setAssistant);
	const { t } = useTranslation();
	return (
		<li data-assistant={assistant.id} className="flex min-w-0 flex-col gap-3 rounded-2xl border border-line bg-raised p-4">
			<div className="flex items-start gap-3">
				<Face assistant={assistant} className="size-11 text-2xl" />
				<div className="min-w-0 grow">
					<h3 className="font-medium break-words">{assistant.name}</h3>
					{assistant.own && assistant.share !== "private" && <p className="text-xs text-faint">{t(`assistants.is_${assistant.share}`)}</p>}
				</div>
				{actions.length > 0 && <RowMenu label={t("assistants.actions", { name: assistant.name })} actions={actions} />}
			</div>
			{assistant.description && <p className="line-clamp-3 text-sm break-words text-soft">{assistant.description}</p>}
			<Button
				medium
				icon={<MessageSquare size={15} aria-hidden />}
				className="mt-auto self-start pointer-coarse:h-11"
				onClick={() => {
					setAssistant(assistant);
					navigate("/");
				}}
			>
				{t("assistants.talk")}
			</Button>
		</li>
	);
}

function DeleteAssistant({ assistant, onClose }: { assistant: Assistant; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const confirm = async () => {
		setBusy(true);
		if (await attempt(() => assistants.remove(assistant.id))) {
			if (useConversation.getState().assistant?.id === assistant.id) useConversation.getState().setAssistant(null);
			await refreshAssistants();
		}
		onClose();
	};
	return <Confirm title={t("assistants.delete_title", { name: assistant.name })} text={t("assistants.delete_text")} action={t("common.delete")} busy={busy} onConfirm={() => void confirm()} onClose={onClose} />;
}
