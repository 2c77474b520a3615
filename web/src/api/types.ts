// What the API answers. The description at /api/openapi.json covers paths and
// request bodies (schema.d.ts); answers are written down here, after api.md.

import type { paths } from "./schema";

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

export interface User {
	id: string;
	email: string | null;
	phone: string | null;
	nickname: string | null;
	role: "user" | "admin";
	credits: number;
	held: number;
	locale: "en" | "zh";
	created_at: string;
}

export interface Session {
	user: User;
	access_token: string;
	expires_in: number;
}

export interface Device {
	id: string;
	current: boolean;
	created_at: string;
	expires_at: string;
	user_agent: string | null;
	ip: string | null;
}

export interface Conversation {
	id: string;
	title: string;
	title_is_custom: boolean;
	model: string | null;
	agent_id: string | null;
	project_id: string | null;
	message_count: number;
	total_tokens: number;
	created_at: string;
	updated_at: string;
}

export type MessageStatus =
	| "pending"
	| "processing"
	| "success"
	| "error"
	| "insufficient_balance"
	| "content_violation"
	| "llm_error";

export interface Attachment {
	type: "image" | "video" | "audio" | "file";
	url: string;
}

export interface Message {
	id: string;
	conversation_id: string;
	sequence: number;
	role: "user" | "assistant" | "system";
	content: string;
	status: MessageStatus;
	is_error: boolean;
	error_message: string | null;
	error_display: string | null;
	model: string | null;
	input_tokens: number;
	output_tokens: number;
	credits_cost: number;
	attachments: Attachment[];
	task_id: string | null;
	created_at: string;
	updated_at: string;
	/** Not the server's: what the model thought, as far as this page saw it. */
	reasoning?: string;
}

export type TaskStatus = "pending" | "running" | "completed" | "failed" | "cancelled";

export interface Task {
	id: string;
	type: string;
	status: TaskStatus;
	progress: number;
	conversation_id: string | null;
	credits_locked: number;
	credits_used: number;
	error_message: string | null;
	created_at: string;
	started_at: string | null;
	completed_at: string | null;
}

export interface Count {
	active: number;
	limit: number;
}

export interface TaskLimits {
	global: Count;
	conversation: Count;
	can_start: boolean;
	reason?: string;
}

export interface Model {
	id: number;
	name: string;
	display_name: string;
	type: string;
	abilities: string[];
	is_default: boolean;
	context_tokens: number;
	max_output_tokens: number;
	price_input_per_mtok: number;
	price_output_per_mtok: number;
	price_per_call: number;
}

export interface Agent {
	id: string;
	name: string;
	description: string | null;
	model: string | null;
}

export interface HistoryRow {
	id: number;
	change_type: string;
	change_amount: number;
	balance_after: number;
	description: string | null;
	task_id: string | null;
	created_at: string;
}

export interface HoldRow {
	id: string;
	task_id: string | null;
	amount: number;
	used: number;
	status: string;
	reason: string | null;
	created_at: string;
	settled_at: string | null;
	expires_at: string | null;
}

/** `POST /api/uploads`. */
export interface Upload {
	id: string;
	url: string;
	content_type: string;
	size_bytes: number;
}

// -- the stream of a turn

export interface Usage {
	input_tokens: number;
	output_tokens: number;
	estimated: boolean;
}

export interface TurnStart {
	model: string;
	task_id: string;
	conversation_id: string;
	title?: string;
	user_message: Message;
	assistant_message_id: string;
}

export interface TurnEnd {
	task_id: string;
	assistant_message: Message | null;
	credits_consumed: number;
	balance?: number;
	usage?: Usage;
	code?: string;
	message?: string;
}

export type TurnEvent =
	| { type: "start"; data: TurnStart }
	| { type: "content" | "reasoning"; data: { text: string } }
	| { type: "done" | "error" | "cancelled"; data: TurnEnd };

// -- the user's events

export type UserEvent =
	| { type: "task"; data: { id: string; status: TaskStatus; conversation_id?: string; message_id?: string; progress?: number } }
	| { type: "balance"; data: { balance: number; held?: number } }
	| { type: "conversation"; data: { id?: string; action?: string } }
	| { type: "message"; data: { id?: string; conversation_id?: string } }
	| { type: "notification"; data: { title?: string; text?: string } }
	| { type: "resync"; data: Record<string, never> };

// -- admin

export interface AdminUser extends User {
	status: "active" | "disabled";
	updated_at: string;
	last_login_at: string | null;
}

export interface AdminModel extends Model {
	sort: number;
	enabled: boolean;
	channels: { id: number; name: string; enabled: boolean }[];
	updated_at: string;
}

export interface Channel {
	id: number;
	name: string;
	type: string;
	provider: string;
	base_url: string;
	has_key: boolean;
	enabled: boolean;
	priority: number;
	weight: number;
	allow_private: boolean;
	models: { model: string; upstream_name: string }[];
	updated_at: string;
}

export interface ChannelTest {
	ok: boolean;
	model: string;
	upstream_name: string;
	http_status: number;
	latency_ms: number;
	error: string | null;
	detail: string | null;
	text: string | null;
}

export interface AdminAgent extends Agent {
	model_id: number;
	fallback_model_id: number | null;
	fallback_model: string | null;
	prompt: string | null;
	timeout_seconds: number;
	temperature: number | null;
	enabled: boolean;
	updated_at: string;
}

export interface DebugLog {
	id: number;
	agent_id: string | null;
	kind: string;
	model: string | null;
	cost?: number;
	error: string | null;
	duration_ms?: number;
	created_at: string;
}

export interface PoolStatus {
	at: string;
	started_at: string;
	pool: {
		ready: number;
		wanted: number;
		draining: number;
		respawns: number;
		reloads: number;
		processes: {
			pid: number;
			state: string;
			started_at: string;
			requests: number;
			workers: number;
			workers_busy: number;
			streams_open: number;
			connections: number;
			resident_bytes: number;
		}[];
	};
	workers: { total: number; idle: number; busy: number; busy_max: number; all_busy: number };
	queue: { length: number; max: number; overloaded: number };
	listen_queue: { length: number; max: number; backlog: number };
	requests: { total: number; errors: number; slow: number; per_s: number };
	streams: { open: number; started: number; completed: number; failed: number; cancelled: number; resumed: number };
	tokens: { input: number; output: number; per_s: number };
	holds_open: number;
	upstream: { open: number; requests: number; failures: number; retries: number; fallbacks: number };
	redis: { breaker: string; failures: number };
	advice: string[];
}
