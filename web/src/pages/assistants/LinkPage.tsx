import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { assistants } from "@/api/assistants";
import { Face } from "@/components/assistants/Face";
import { Button } from "@/components/ui/Button";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { refreshAssistants } from "@/queries/assistants";
import { useConversation } from "@/stores/conversation";
import { attempt } from "./AssistantPages";

const NOT_FOUND = 404;

/** What a link leads to: somebody's assistant, to be taken. */
export function LinkPage({ token }: { token: string }) {
	const { data: a, error, refetch } = useQuery({ queryKey: ["assistant-link", token], queryFn: () => assistants.linked(token) });
	const [busy, setBusy] = useState(false);
	const [, navigate] = useLocation();
	const { t } = useTranslation();
	const take = async () => {
		setBusy(true);
		const done = await attempt(async () => useConversation.getState().setAssistant(await assistants.take(token)));
		setBusy(false);
		if (!done) return;
		void refreshAssistants();
		navigate("/");
	};
	const isGone = (error as { status?: number } | null)?.status === NOT_FOUND;
	return (
		<main className="flex h-full flex-col items-center justify-center gap-6 overflow-y-auto p-6 text-center">
			{error && !isGone && <Failed error={error} onRetry={() => void refetch()} />}
			{isGone && <Empty title={t("assistants.link_gone")} hint={t("assistants.link_gone_hint")} />}
			{!a && !error && <Skeleton className="h-40 w-80" />}
			{a && (
				<>
					<Face assistant={a} className="size-20 text-5xl" />
					<div className="flex max-w-xl flex-col gap-2">
						<h1 className="text-2xl font-semibold tracking-tight break-words">{a.name}</h1>
						{a.description && <p className="break-words text-soft">{a.description}</p>}
					</div>
					{a.openers.length > 0 && (
						<ul className="flex max-w-xl flex-col gap-1 text-sm text-soft">
							{a.openers.map((o) => (
								<li key={o} className="break-words">“{o}”</li>
							))}
						</ul>
					)}
					<p className="text-sm text-faint">{t("assistants.take_hint")}</p>
					<Button look="solid" busy={busy} onClick={() => void take()}>
						{t("assistants.take")}
					</Button>
				</>
			)}
			<Link href="/" className="rounded text-sm text-accent hover:underline">
				{t("common.home")}
			</Link>
		</main>
	);
}
