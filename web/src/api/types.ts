// Names for what the API takes and answers, all from its own description.

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The JSON body of a request, by path and method. */
export type Body<P extends keyof paths, M extends "post" | "patch"> = paths[P][M] extends {
	requestBody?: { content: { "application/json": infer B } };
}
	? B
	: never;

export interface List<T> {
	items: T[];
	has_more: boolean;
}

export type User = Schemas["User"];
export type Session = Schemas["SignedIn"];
export type Device = Schemas["Session"];
export type KnowledgeMode = Schemas["AdminAgent"]["knowledge_mode"];
export type Conversation = Schemas["Conversation"];
export type Folder = Schemas["Folder"];
export type Citation = Schemas["Citation"];
export type Attachment = Schemas["Attachment"] & {
	/** Not the server's: of a document that is to be sent, how far reading it is, and why there is no text. */
	state?: "reading" | "ready" | "failed";
	problem?: string | null;
};
export type Message = Schemas["Message"] &
	Partial<Pick<Schemas["ListedMessage"], "versions" | "finish" | "verdict" | "left_out" | "first_token_ms">> & {
	/** The answers of other models that are compared with this one. */
	beside?: Message[];
	/** Not the server's: what the model thought, as far as this page saw it. */
	reasoning?: string;
};
export type Task = Schemas["Task"];
export type TaskStatus = Task["status"];
export type TaskLimits = Schemas["TaskLimits"];
export type Model = Schemas["OfferedModel"];
export type Agent = Schemas["Agent"];
export type MakeChoice = Schemas["MakeChoice"];
export type HistoryRow = Schemas["LedgerEntry"];
export type HoldRow = Schemas["Hold"];
export type Upload = Schemas["Upload"];
export type ApiKey = Schemas["Key"];
export type AdminKey = Schemas["AdminKey"];
export type Verdict = Schemas["Verdict"];
export type VerdictSum = Schemas["VerdictSum"];
export type SecurityEvent = Schemas["SecurityEvent"];
export type Leaks = Schemas["Leaks"];
export type NewApiKey = Schemas["NewKey"];
export type KeyPeriod = Schemas["KeyBudget"]["period"];
export type UsageRecord = Schemas["UsageRecord"];
export type UsageSum = Schemas["UsageSum"];
export type UsageSums = Schemas["UsageSums"];

export type TurnStart = Schemas["TurnStart"];
export type TurnEnd = Schemas["TurnEnd"];
export type TurnEvent =
	| { type: "start"; data: TurnStart }
	| { type: "content" | "reasoning"; data: { text: string } }
	| { type: "done" | "error" | "cancelled"; data: TurnEnd };
/** The stream of an agent's execution test: as a turn's, without messages. */
export type TrialEvent =
	| { type: "content" | "reasoning"; data: { text: string } }
	| { type: "start"; data: Schemas["TrialStart"] }
	| { type: "done" | "error" | "cancelled"; data: Schemas["TrialEnd"] };

export type UserEvent =
	| { type: "task"; data: Schemas["TaskNews"] & { progress?: number } }
	| { type: "balance"; data: Schemas["BalanceNews"] }
	| { type: "conversation"; data: Schemas["ConversationNews"] }
	| { type: "message"; data: Schemas["MessageNews"] }
	| { type: "usage"; data: Schemas["UsageNews"] }
	| { type: "knowledge"; data: Schemas["KnowledgeNews"] }
	| { type: "quota"; data: Schemas["QuotaNews"] }
	| { type: "notification"; data: { title?: string; text?: string } }
	| { type: "resync"; data: Record<string, never> };

export type AdminUser = Schemas["AdminUser"];
export type AdminModel = Schemas["AdminModel"];
export type Budget = Schemas["Budget"];
export type Quota = Schemas["Quota"];
export type QuotaChange = Schemas["QuotaChange"];
export type Price = Schemas["Price"];
export type PriceImport = Schemas["PriceImport"];
export type Quote = Schemas["Quote"];
export type Group = Schemas["Group"];
export type Channel = Schemas["Channel"];
export type ChannelKey = Schemas["ChannelKey"];
export type ChannelHealth = Schemas["ChannelHealth"];
export type ChannelEvent = Schemas["ChannelEvent"];
export type ChannelSums = Schemas["ChannelSums"];
export type ChannelStats = Schemas["ChannelStats"];
export type ChannelTest = Schemas["ChannelTest"];
export type Provider = Schemas["Provider"];
export type ChannelTrial = Schemas["ChannelTrial"];
export type ChannelBalance = Schemas["ChannelBalance"];
export type ProviderModels = Schemas["ProviderModels"];
export type RouteExplained = Schemas["RouteExplained"];
export type RoutePlace = Schemas["RoutePlace"];
export type AdminAgent = Schemas["AdminAgent"];
export type AdminUsageRecord = Schemas["AdminUsageRecord"];
export type DebugLog = Schemas["DebugRun"];
export type Overview = Schemas["Overview"];
export type PoolStatus = Schemas["PoolStatus"];
export type Job = Schemas["Job"];
export type JobQueue = Schemas["Queue"];
export type Schedule = Schemas["Schedule"];

/** What a page is asked with: `before_id` what is older or less than an item, `after_id` what is more. */
export interface PageAsk<Id extends string | number> {
	limit: number;
	before_id?: Id;
	after_id?: Id;
	/** A name the list knows; with - the greatest first. */
	sort?: string;
}
