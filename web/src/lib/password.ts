export const PASSWORD_MIN_CHARS = 8;
export const PASSWORD_MAX_CHARS = 128;

/** What is wrong with a new password, counted as the server counts: in characters. */
export function passwordProblem(password: string): "too_short" | "too_long" | null {
	const chars = [...password].length;
	if (chars < PASSWORD_MIN_CHARS) return "too_short";
	return chars > PASSWORD_MAX_CHARS ? "too_long" : null;
}
