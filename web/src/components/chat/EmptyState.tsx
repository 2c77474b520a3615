import { Bot, Sparkles } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { useAgents, useMe } from "@/queries/account";
import { useAssistants } from "@/queries/assistants";
import { NEW, useConversation } from "@/stores/conversation";
import { cx } from "@/lib/cx";
import { Face } from "../assistants/Face";
import { Logo } from "../ui/Logo";

/** What an answer can be made of, one each; weir-demo knows them by their words (src/demo/answer.c). */
const IDEAS = ["formula", "table", "code", "long", "language", "plan"] as const;
/** As many as are shown here; the others on their page. */
const SHOWN = 6;

/** A new conversation: a greeting, agents and assistants to choose, words to begin with: those of the one chosen. */
export function EmptyState({ onPick }: { onPick: () => void }) {
	const me = useMe();
	const agents = useAgents();
	const agentId = useConversation((s) => s.agentId);
	const setAgent = useConversation((s) => s.setAgent);
	const { data } = useAssistants();
	const chosen = useConversation((s) => s.assistant);
	const setAssistant = useConversation((s) => s.setAssistant);
	// One's own first; and the one chosen, wherever it stands.
	const assistants = [...(data?.items ?? [])].sort((a, b) => Number(b.own) - Number(a.own)).filter((a, i) => i < SHOWN || a.id === chosen?.id);
	if (chosen && data && !assistants.some((a) => a.id === chosen.id)) assistants.unshift(chosen);
	const setDraft = useConversation((s) => s.setDraft);
	const { t } = useTranslation();
	const pick = (text: string) => {
		setDraft(NEW, { text });
		onPick();
	};
	return (
		<div className="my-auto flex w-full flex-col items-center gap-8 py-10">
			<div className="flex flex-col items-center gap-4 text-center">
				{chosen ? <Face assistant={chosen} className="size-11 text-2xl" /> : <Logo size={44} />}
				<h1 className="text-2xl font-semibold tracking-tight text-balance break-words">
					{chosen ? chosen.name : me?.nickname ? t("chat.greeting_name", { name: me.nickname }) : t("chat.greeting")}
				</h1>
				<p className="max-w-xl text-sm text-balance text-faint">{chosen?.description || t("chat.greeting_hint")}</p>
			</div>
			{agents.length + assistants.length > 0 && (
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
					{assistants.map((a) => (
						<button
							key={a.id}
							type="button"
							aria-pressed={chosen?.id === a.id}
							title={a.description || undefined}
							onClick={() => setAssistant(chosen?.id === a.id ? null : a)}
							className={cx(
								"flex max-w-60 items-center gap-2 rounded-full border py-1.5 ps-2 pe-3.5 text-sm transition-colors",
								chosen?.id === a.id ? "border-accent bg-tint text-ink" : "border-line text-soft hover:bg-hover",
							)}
						>
							<Face assistant={a} className="size-5 text-sm" />
							<span className="truncate">{a.name}</span>
						</button>
					))}
					{assistants.length > 0 && (
						<Link href="/assistants" className="flex items-center rounded-full px-3 py-1.5 text-sm text-accent hover:bg-hover">
							{t("chat.assistants")}
						</Link>
					)}
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
			{chosen && chosen.openers.length > 0 ? (
				<ul data-testid="openers" className="grid w-full max-w-xl gap-2.5 sm:grid-cols-2">
					{chosen.openers.map((text) => (
						<li key={text}>
							<button
								type="button"
								onClick={() => pick(text)}
								className="h-full w-full rounded-xl border border-line bg-raised px-4 py-3 text-start text-sm break-words transition-colors hover:border-line-strong hover:bg-hover"
							>
								{text}
							</button>
						</li>
					))}
				</ul>
			) : (
			<ul className="grid w-full max-w-xl grid-cols-2 gap-2.5">
				{IDEAS.map((idea) => (
					<li key={idea}>
						<button
							type="button"
							onClick={() => pick(t(`ideas.${idea}_text`))}
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
			)}
		</div>
	);
}
