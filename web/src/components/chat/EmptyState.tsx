import { Bot, Sparkles } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { useAgents, useMe } from "@/queries/account";
import { NEW, useConversation } from "@/stores/conversation";
import { cx } from "@/lib/cx";
import { Logo } from "../ui/Logo";

/** What an answer can be made of, one each; weir-demo knows them by their words (src/demo/answer.c). */
const IDEAS = ["formula", "table", "code", "long", "language", "plan"] as const;

/** A new conversation: a greeting, agents to choose, words to begin with. */
export function EmptyState({ onPick }: { onPick: () => void }) {
	const me = useMe();
	const agents = useAgents();
	const agentId = useConversation((s) => s.agentId);
	const setAgent = useConversation((s) => s.setAgent);
	const setDraft = useConversation((s) => s.setDraft);
	const { t } = useTranslation();
	const pick = (idea: (typeof IDEAS)[number]) => {
		setDraft(NEW, { text: t(`ideas.${idea}_text`) });
		onPick();
	};
	return (
		<div className="my-auto flex w-full flex-col items-center gap-8 py-10">
			<div className="flex flex-col items-center gap-4 text-center">
				<Logo size={44} />
				<h1 className="text-2xl font-semibold tracking-tight text-balance">
					{me?.nickname ? t("chat.greeting_name", { name: me.nickname }) : t("chat.greeting")}
				</h1>
				<p className="text-sm text-faint">{t("chat.greeting_hint")}</p>
			</div>
			{agents.length > 0 && (
				<div role="group" aria-label={t("chat.agents")} className="flex max-w-full flex-wrap justify-center gap-2">
					{agents.map((a) => (
						<button
							key={a.id}
							type="button"
							aria-pressed={agentId === a.id}
							title={a.description ?? undefined}
							onClick={() => setAgent(agentId === a.id ? null : a.id)}
							className={cx(
								"flex max-w-60 items-center gap-2 rounded-full border px-3.5 py-1.5 text-sm transition-colors",
								agentId === a.id ? "border-accent bg-tint text-ink" : "border-line text-soft hover:bg-hover",
							)}
						>
							<Bot size={15} aria-hidden className="shrink-0 text-accent" />
							<span className="truncate">{a.name}</span>
						</button>
					))}
				</div>
			)}
			{me && me.credits <= 0 && (
				<p role="status" className="max-w-xl rounded-xl bg-warn-tint px-4 py-3 text-center text-sm text-ink">
					{t("chat.no_credits")}{" "}
					<Link href="/settings/balance" className="font-medium text-accent underline">
						{t("chat.get_credits")}
					</Link>
				</p>
			)}
			<ul className="grid w-full max-w-xl grid-cols-2 gap-2.5">
				{IDEAS.map((idea) => (
					<li key={idea}>
						<button
							type="button"
							onClick={() => pick(idea)}
							className="flex h-full w-full flex-col gap-1 rounded-xl border border-line bg-raised px-4 py-3 text-start transition-colors hover:border-line-strong hover:bg-hover"
						>
							<span className="flex items-center gap-2 text-sm font-medium">
								<Sparkles size={14} aria-hidden className="shrink-0 text-accent" />
								{t(`ideas.${idea}`)}
							</span>
							<span className="hidden text-sm text-faint sm:line-clamp-2">{t(`ideas.${idea}_text`)}</span>
						</button>
					</li>
				))}
			</ul>
		</div>
	);
}
