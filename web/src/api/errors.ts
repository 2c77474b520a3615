/** An answer of the API that is not a success. */
export class ApiError extends Error {
	readonly status: number;
	readonly code: string;
	readonly details: Record<string, unknown>;
	readonly requestId: string | null;
	/** Seconds the server asks to wait; null when it does not say. */
	readonly retryAfter: number | null;

	constructor(status: number, body: unknown, headers: Headers) {
		// The API's paths of vendors (/v1) have it within "error".
		const b = ((body as { error?: object } | null)?.error ?? body ?? {}) as { code?: string; message?: string; details?: Record<string, unknown>; request_id?: string };
		super(b.message ?? `HTTP ${status}`);
		this.name = "ApiError";
		this.status = status;
		this.code = b.code ?? "internal";
		this.details = b.details ?? {};
		this.requestId = b.request_id ?? headers.get("X-Request-Id");
		this.retryAfter = seconds(headers.get("Retry-After"));
	}

	/** The field of the form that is at fault, if the server names one. */
	get field(): string | null {
		return typeof this.details.field === "string" ? this.details.field : null;
	}
}

/** No answer at all: no network, a cut connection, a proxy that went away. */
export class NetworkError extends Error {
	constructor(cause: unknown) {
		super("network");
		this.name = "NetworkError";
		this.cause = cause;
	}
}

function seconds(header: string | null): number | null {
	const n = header === null ? NaN : Number(header);
	return Number.isFinite(n) && n >= 0 ? Math.ceil(n) : null;
}

export async function errorOf(response: Response): Promise<ApiError> {
	let body: unknown = null;
	try {
		body = await response.json();
	} catch {
		// a proxy's own page: the status says enough
	}
	return new ApiError(response.status, body, response.headers);
}

export function isAbort(error: unknown): boolean {
	return error instanceof DOMException && error.name === "AbortError";
}

/** May the same request succeed if it is made again by itself? 429 never counts. */
export function isTransient(error: unknown): boolean {
	if (error instanceof NetworkError) return true;
	return error instanceof ApiError && [408, 500, 502, 503, 504].includes(error.status);
}
