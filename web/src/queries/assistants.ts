import { useQuery } from "@tanstack/react-query";
import { assistants } from "@/api/assistants";
import { queryClient } from "./client";

const KEY = ["assistants"] as const;
export const PROMPTS = ["prompts"] as const;

/** Those one may use, newest first. */
export function useAssistants() {
	return useQuery({ queryKey: [...KEY, "list"], queryFn: () => assistants.list({}), staleTime: 300_000 });
}

/** One of them, as much of it as one may see; null: none. */
export function useAssistant(id: string | null | undefined) {
	return useQuery({ queryKey: [...KEY, id], queryFn: () => assistants.get(id!), enabled: !!id, staleTime: 300_000 });
}

export const refreshAssistants = () => queryClient.invalidateQueries({ queryKey: KEY });
