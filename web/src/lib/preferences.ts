/*
 * What the account prefers on all its devices. The server keeps it; the settings of this device are its cache, so that the
 * page is drawn as it was before anybody is asked.
 */
import { call, patch } from "@/api/client";
import type { Schemas } from "@/api/types";
import { CHOSEN, recall, remember } from "@/lib/kept";
import { keys, queryClient } from "@/queries/client";
import { useSettings } from "@/stores/settings";

export type Preferences = Schemas["Preferences"];

export const askPreferences = { queryKey: keys.preferences, queryFn: () => call<Preferences>("/api/me/preferences"), staleTime: 60_000 };

/** What was chosen on another device holds here too. Whether the page has introduced itself; null: nobody knows. */
export async function adopt(): Promise<boolean | null> {
	let preferences: Preferences;
	try {
		preferences = await queryClient.fetchQuery(askPreferences);
	} catch {
		return null;
	}
	const { theme } = preferences;
	const now = useSettings.getState();
	let { language } = preferences;
	if (recall(CHOSEN)) {
		remember(CHOSEN, false);
		language = now.language;
		if (language !== preferences.language) keep({ language }).catch(() => undefined);
	}
	if ((theme !== null && theme !== now.theme) || (language !== null && language !== now.language))
		now.change({ theme: theme ?? now.theme, language: language ?? now.language });
	return preferences.welcome_seen;
}

/** Kept with the account. What fails is kept on this device alone. */
export async function keep(change: Partial<Preferences>) {
	queryClient.setQueryData<Preferences>(keys.preferences, (known) => known && { ...known, ...change });
	queryClient.setQueryData(keys.preferences, await patch<Preferences>("/api/me/preferences", change));
}

/** Chosen here, for all devices. */
export function prefer(change: { theme?: "system" | "light" | "dark"; language?: "en" | "zh" }) {
	useSettings.getState().change(change);
	keep(change).catch(() => undefined);
}
