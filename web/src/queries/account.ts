import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/api/session";
import type { List, Model, User } from "@/api/types";
import { catalog, me } from "@/api/weir";
import { keys, queryClient } from "./client";

export function useMe(): User | null {
	const user = useSession((s) => s.user);
	const { data } = useQuery({ queryKey: keys.me, queryFn: me.get, enabled: user !== null, initialData: user ?? undefined });
	return data ?? user;
}

/** The balance as the server last told it. */
export function setBalance(balance: number, held?: number) {
	queryClient.setQueryData<User>(keys.me, (user) =>
		user ? { ...user, credits: balance, held: held ?? user.held } : user,
	);
}

export function useModels() {
	const { data, isLoading } = useQuery({ queryKey: keys.models, queryFn: catalog.models, staleTime: 300_000 });
	const models = (data?.items ?? []).filter((m) => m.type === "chat");
	/** Of pictures and films. */
	const makers = (data?.items ?? []).filter((m) => m.makes?.ops.length);
	return { models, makers, isLoading };
}

/** The models that write down what is said, and that read aloud; undefined where there is none. */
export function useVoices() {
	const { data } = useQuery({ queryKey: keys.models, queryFn: catalog.models, staleTime: 300_000 });
	const able = (ability: string) => data?.items.find((m) => m.type === "audio" && m.abilities.includes(ability))?.name;
	return { transcribes: able("transcription"), speaks: able("speech") };
}

/** Does that model make pictures or films? */
export function isMaker(name: string | null): boolean {
	const models = queryClient.getQueryData<List<Model>>(keys.models)?.items;
	return !!models?.some((m) => m.name === name && m.makes);
}

export function modelNamed(models: Model[], name: string | null | undefined): Model | undefined {
	return models.find((m) => m.name === name);
}

export function useAgents() {
	const { data } = useQuery({ queryKey: keys.agents, queryFn: catalog.agents, staleTime: 300_000 });
	return data?.items ?? [];
}
