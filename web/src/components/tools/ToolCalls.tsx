import { ChevronRight, Wrench } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ToolCall } from "@/api/tools";
import type { Message } from "@/api/types";
import { Button } from "@/components/ui/Button";
import { Tag } from "@/components/ui/Table";
import { cx } from "@/lib/cx";
import { continueTurn } from "@/stream/turns";

type Word = "approve" | "always" | "deny";
const TONES = { asked: "warn", approved: "plain", running: "accent", unclear: "warn", done: "ok", failed: "off", denied: "off" } as const;

const waits = (c: ToolCall) => c.status === "asked" || c.status === "unclear";

/** What an answer calls: each call folded, and the user's word on those that wait for it. */
export default function ToolCalls({ message, last, busy }: { message: Message; last: boolean; busy: boolean }) {
	const calls = message.calls ?? [];
	const [words, setWords] = useState<Record<number, Word>>({});
	const { t } = useTranslation();
	// The last word sends them all.
	const say = (position: number, word: Word) => {
		const next = { ...words, [position]: word };
		setWords(next);
		if (calls.some((c) => waits(c) && !next[c.position])) return;
		const of = (w: Word) => calls.filter((c) => next[c.position] === w).map((c) => c.position);
		void continueTurn(message, { approve: of("approve"), always: of("always"), deny: of("deny") }).then((ok) => ok || setWords({}));
	};
	const decides = last && !busy;
	// While they are made the list still says what it said before.
	const now = (c: ToolCall): ToolCall => {
		const isMade = busy && (waits(c) ? words[c.position] : c.status === "approved");
		return isMade ? { ...c, status: words[c.position] === "deny" ? "denied" : "running" } : c;
	};
	const isOver = decides && calls.every((c) => !waits(c) && c.status !== "running");
	return (
		<div className="mt-2 flex flex-col gap-2">
			<ul aria-label={t("tools.calls")} className="flex flex-col gap-2">
				{calls.map((c) => (
					<Call key={c.position} call={now(c)} word={words[c.position]} onSay={decides && waits(c) ? (word) => say(c.position, word) : undefined} />
				))}
			</ul>
			{isOver && (
				<Button small className="self-start" onClick={() => void continueTurn(message, {})}>
					{t("tools.go_on")}
				</Button>
			)}
		</div>
	);
}

function Call({ call, word, onSay }: { call: ToolCall; word: Word | undefined; onSay?: (word: Word) => void }) {
	const asks = onSay !== undefined;
	const [choice, setChoice] = useState<boolean | null>(null);
	const open = choice ?? asks;
	const { t } = useTranslation();
	const name = call.tool ?? call.called;
	return (
		<li data-call={call.status} className="rounded-xl border border-line text-sm">
			<button type="button" aria-expanded={open} onClick={() => setChoice(!open)} className="flex min-h-11 w-full items-center gap-2 rounded-xl px-3 py-2 text-start hover:bg-hover">
				<Wrench size={15} aria-hidden className={cx("shrink-0 text-faint", call.status === "running" && "animate-breathe")} />
				<span className="min-w-0 grow truncate">
					<span className="font-medium">{name}</span>
					{call.server && <span className="text-faint"> · {call.server}</span>}
				</span>
				<Tag tone={TONES[call.status]}>{t(`tools.status_${call.status}`)}</Tag>
				<ChevronRight size={14} aria-hidden className={cx("shrink-0 text-faint transition-transform", open && "rotate-90")} />
			</button>
			{open && (
				<div className="flex flex-col gap-2 border-t border-line px-3 py-3">
					<Words title={t("tools.arguments")} text={pretty(call.arguments)} />
					{call.result !== null && <Words title={t("tools.result")} text={call.result} />}
					{call.is_cut && <p className="text-xs text-faint">{t("tools.is_cut")}</p>}
				</div>
			)}
			{onSay && (
				<div role="group" aria-label={t("tools.word_on", { name })} className="flex flex-wrap items-center gap-2 border-t border-line px-3 py-2.5">
					<p className="w-full text-xs text-soft">{t(call.status === "unclear" ? "tools.unclear_hint" : "tools.ask_hint")}</p>
					<Button small look={word === undefined || word === "approve" ? "solid" : "soft"} aria-pressed={word === "approve"} onClick={() => onSay("approve")}>
						{t("tools.allow")}
					</Button>
					<Button small aria-pressed={word === "always"} look={word === "always" ? "solid" : "soft"} onClick={() => onSay("always")}>
						{t("tools.allow_always")}
					</Button>
					<Button small aria-pressed={word === "deny"} look={word === "deny" ? "solid" : "ghost"} onClick={() => onSay("deny")}>
						{t("tools.deny")}
					</Button>
				</div>
			)}
		</li>
	);
}

/** What others wrote: always as it stands, never as a page. */
function Words({ title, text }: { title: string; text: string }) {
	return (
		<div>
			<p className="pb-1 text-xs text-faint">{title}</p>
			<pre tabIndex={0} aria-label={title} className="max-h-72 overflow-auto rounded-lg bg-hover px-3 py-2 font-mono text-xs wrap-anywhere whitespace-pre-wrap">
				{text}
			</pre>
		</div>
	);
}

function pretty(json: string): string {
	try {
		return JSON.stringify(JSON.parse(json), null, 2);
	} catch {
		return json;
	}
}
