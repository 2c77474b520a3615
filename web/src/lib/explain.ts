/* An error in words: what happened, and what to do. */
import { ApiError, NetworkError } from "@/api/errors";
import { t } from "@/i18n";
import { credits } from "./format";

export interface Explanation {
	text: string;
	detail?: string;
	/** Worth trying again by hand. */
	again: boolean;
	topUp: boolean;
}

const plain = (text: string, again = false): Explanation => ({ text, again, topUp: false });

export function explain(error: unknown): Explanation {
	if (error instanceof NetworkError) return plain(t("errors.network"), true);
	if (!(error instanceof ApiError)) return plain(t("errors.unknown"), true);
	switch (error.code) {
		case "insufficient_credits":
			// A budget is used up: credits would not help, and the server says which one.
			if (typeof error.details.budget === "string") return plain(error.message);
			return { text: t("errors.credits"), detail: need(error), again: false, topUp: true };
		case "task_queue_full":
			return plain(t("errors.task_queue_full"));
		case "conversation_queue_full":
			return plain(t("errors.conversation_queue_full"));
		case "conversation_limit":
			return plain(t("errors.conversation_limit"));
		case "conversation_busy":
			return plain(t("errors.conversation_busy"));
		case "rate_limited":
			return plain(t("errors.rate_limited", { seconds: error.retryAfter ?? 60 }));
		case "invalid_request":
			return { ...plain(error.message), detail: fieldProblem(error) };
	}
	if (error.status >= 500) return { ...plain(error.message || t("errors.server"), true), detail: request(error) };
	return plain(error.message);
}

function need(error: ApiError): string | undefined {
	const { balance, required } = error.details;
	if (typeof balance !== "number" || typeof required !== "number") return undefined;
	return t("errors.credits_detail", { balance: credits(balance), required: credits(required) });
}

function fieldProblem(error: ApiError): string | undefined {
	const { field, problem } = error.details;
	return typeof field === "string" ? `${field}: ${typeof problem === "string" ? problem : ""}` : undefined;
}

function request(error: ApiError): string | undefined {
	return error.requestId ? t("errors.request_id", { id: error.requestId }) : undefined;
}
