/* What tools there are to choose from. */
import { useQuery } from "@tanstack/react-query";
import { type OfferedTools, tools } from "@/api/tools";

export const TOOLS = ["tools"] as const;
const NONE: OfferedTools[] = [];

export function useOfferedTools(): OfferedTools[] {
	return useQuery({ queryKey: TOOLS, queryFn: tools.offered }).data?.items ?? NONE;
}
