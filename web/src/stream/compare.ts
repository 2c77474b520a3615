/*
 * One question to several models. The first asks it; the answers of the others are turns of their own, beside that of
 * the first, and each ends by itself. A model that may not answer says why in its column, and the others go on.
 */
import type { Message, TurnStart } from "@/api/types";
import { conversations } from "@/api/weir";
import { explain } from "@/lib/explain";
import { tellTabs } from "@/lib/tabs";
import { cachedMessages, refreshMessages } from "@/queries/messages";
import { type Refused, useCompare } from "@/stores/compare";
import { createStreamingMessage, type LiveTurn, useRuntime } from "@/stores/runtime";
import { reportRefused } from "./report";
import { newTurn, type Question, run, sendMessage } from "./turns";

/** How asking went: on its way or kept, with the answer that others stand beside; or neither. */
interface Begun {
	end: Promise<boolean>;
	answerId: string | null;
	questionId: string | null;
	error?: unknown;
}

/** As sendMessage(), to the model of the question and to others. */
export async function askSeveral(conversationId: string, question: Question, others: string[], instead: Message | null = null): Promise<boolean> {
	const waiting = others.map((model) => newTurn(conversationId, "beside", createStreamingMessage(conversationId, model), {}));
	const refused: { model: string; error: unknown }[] = [];
	const drop = (turns: LiveTurn[]) => turns.forEach((turn) => useRuntime.getState().drop(turn.key));
	for (let model = question.model; ; ) {
		const begun = await begin(conversationId, { ...question, model }, instead, waiting);
		if (begun.answerId && begun.questionId) {
			tell(begun.questionId, refused);
			await besideIt(conversationId, begun.answerId, begun.questionId, waiting);
			await begun.end;
			await followGood(conversationId, begun.answerId);
			return true;
		}
		// Stopped before it began, or signed out.
		if (begun.error === undefined) {
			drop(waiting);
			return begun.end;
		}
		refused.push({ model: model ?? "", error: begun.error });
		const next = waiting.shift();
		if (!next || next.answer.model === null) {
			reportRefused(refused[0]!.error);
			return false;
		}
		drop([next]);
		model = next.answer.model;
	}
}

/** One more beside this answer, which may still be on its way. Resolves at its end. */
export function askBeside(conversationId: string, answerId: string, questionId: string, model: string): Promise<boolean> {
	forget(questionId, model);
	const turn = newTurn(conversationId, "beside", createStreamingMessage(conversationId, model), { beside: answerId });
	return answerBeside(turn, answerId, questionId).end;
}

export function forget(questionId: string, model: string) {
	const { refused, refuse } = useCompare.getState();
	if (refused[questionId]?.some((r) => r.model === model)) refuse(questionId, refused[questionId].filter((r) => r.model !== model));
}

/** Asks, with the others in sight from the first moment. */
function begin(conversationId: string, question: Question, instead: Message | null, waiting: LiveTurn[]): Promise<Begun> {
	return new Promise((resolve) => {
		const end: Promise<boolean> = sendMessage(conversationId, question, instead, {
			made: (lead) => waiting.forEach((turn) => useRuntime.getState().put({ ...turn, beside: lead.answer.id })),
			started: (start: TurnStart) => resolve({ end, answerId: start.assistant_message_id, questionId: start.user_message?.id ?? null }),
			refused: (error, kept) => resolve({ end, answerId: kept?.id ?? null, questionId: kept ? questionBefore(conversationId, kept.id) : null, error }),
		});
		void end.then(() => resolve({ end, answerId: null, questionId: null }));
	});
}

function questionBefore(conversationId: string, answerId: string): string | null {
	const all = cachedMessages(conversationId);
	return all[all.findIndex((m) => m.id === answerId) - 1]?.id ?? null;
}

/** One after the other, so that they stand in the order they were chosen in; they are written at the same time. */
async function besideIt(conversationId: string, answerId: string, questionId: string, waiting: LiveTurn[]) {
	const ends: Promise<boolean>[] = [];
	for (const turn of waiting) {
		const now = useRuntime.getState().turns[turn.key];
		// It was stopped before it began.
		if (!now || now.phase === "stopping") {
			useRuntime.getState().drop(turn.key);
			continue;
		}
		const { begun, end } = answerBeside({ ...turn, conversationId, beside: answerId, startedAt: Date.now() }, answerId, questionId);
		ends.push(end);
		await begun;
	}
	await Promise.all(ends);
}

function answerBeside(turn: LiveTurn, answerId: string, questionId: string): { begun: Promise<unknown>; end: Promise<boolean> } {
	const model = turn.answer.model!;
	let end!: Promise<boolean>;
	const started = new Promise<void>((resolve) => {
		end = run(turn, `/api/conversations/${turn.conversationId}/messages/${answerId}/regenerate`, { model, beside: true }, {
			started: () => resolve(),
			refused: (error) => {
				tell(questionId, [{ model, error }]);
				resolve();
			},
		});
	});
	return { begun: Promise.race([started, end]), end };
}

function tell(questionId: string, list: { model: string; error: unknown }[]) {
	if (list.length === 0) return;
	const { refused, refuse } = useCompare.getState();
	const more = list.map(({ model, error }): Refused => {
		const { text, detail } = explain(error);
		return { model, text, detail };
	});
	refuse(questionId, [...(refused[questionId] ?? []), ...more]);
}

/** A conversation does not go on by an answer that failed while another is there. */
async function followGood(conversationId: string, answerId: string) {
	const shown = cachedMessages(conversationId).find((m) => m.id === answerId);
	const good = shown?.is_error ? shown.beside?.find((m) => m.status === "success" && m.content !== "") : undefined;
	if (!good) return;
	await conversations.showVersion(conversationId, good.id).catch(reportRefused);
	await refreshMessages(conversationId);
	tellTabs({ type: "message", conversationId });
}
