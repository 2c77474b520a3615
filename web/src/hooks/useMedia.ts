import { useSyncExternalStore } from "react";

export function useMedia(query: string): boolean {
	return useSyncExternalStore(
		(changed) => {
			const list = matchMedia(query);
			list.addEventListener("change", changed);
			return () => list.removeEventListener("change", changed);
		},
		() => matchMedia(query).matches,
	);
}

/** As Tailwind's md: below it the sidebar is a drawer. */
export const useIsWide = () => useMedia("(min-width: 48rem)");
