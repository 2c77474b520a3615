import { useQuery } from "@tanstack/react-query";
import type { AdminUser } from "@/api/types";
import { admin } from "@/api/weir";
import { keys } from "@/queries/client";

export const nameOf = (u: AdminUser) => u.nickname || u.email || u.phone || u.id;

/** The name of an account of which only the id is known; asked for once. */
export function useUserName(id: string): string {
	const { data } = useQuery({ queryKey: keys.admin("user", id), queryFn: () => admin.user(id), enabled: id !== "", staleTime: 300_000 });
	return data ? nameOf(data) : id.slice(0, 8);
}

export function UserName({ id }: { id: string }) {
	return <>{useUserName(id)}</>;
}
