import { useTranslation } from "react-i18next";
import type { OfferedTools } from "@/api/tools";
import { conversations } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { useToolsOf } from "@/hooks/useToolsOf";
import { changeConversation, useConversationById } from "@/queries/conversations";
import { useOfferedTools } from "@/queries/tools";
import { useConversation } from "@/stores/conversation";
import { reportRefused } from "@/stream/report";

const MAX = 16;

/** Whose tools the answers of a conversation may call, saved as it is changed; of a new one it is kept until it begins. */
export default function ToolChoice({ conversationId, onClose }: { conversationId: string | null; onClose: () => void }) {
	const chosen = useToolsOf(conversationId);
	const { data: conversation } = useConversationById(conversationId);
	const setToolServers = useConversation((s) => s.setToolServers);
	const { t } = useTranslation();
	const save = (before: object, json: object) => {
		changeConversation(conversationId!, json);
		conversations.patch(conversationId!, json).catch((e) => {
			changeConversation(conversationId!, before);
			reportRefused(e);
		});
	};
	const change = (ids: string[]) => {
		if (conversationId === null) setToolServers(ids);
		else save({ tool_servers: conversation?.tool_servers ?? null }, { tool_servers: ids });
	};
	const always = conversation?.tools_always ?? [];
	const askAgain = () => {
		changeConversation(conversationId!, { tools_always: null });
		conversations.patch(conversationId!, { tools_ask: true }).catch((e) => {
			changeConversation(conversationId!, { tools_always: always });
			reportRefused(e);
		});
	};
	return (
		<Dialog title={t("tools.title")} onClose={onClose}>
			<p className="pb-4 text-sm text-soft">{t("tools.chat_hint")}</p>
			<ServerChoice chosen={chosen} onChange={change} />
			{conversationId !== null && always.length > 0 && (
				<div className="mt-4 flex flex-wrap items-center gap-3 rounded-xl bg-tint px-4 py-2 text-sm">
					<p className="min-w-40 grow basis-0 wrap-anywhere">{t("tools.always_here", { names: always.join(", ") })}</p>
					<Button small onClick={askAgain}>
						{t("tools.ask_again")}
					</Button>
				</div>
			)}
			<div className="flex justify-end pt-5">
				<Button look="solid" onClick={onClose}>
					{t("tools.close")}
				</Button>
			</div>
		</Dialog>
	);
}

/** Servers, each with the names of its tools. */
export function ServerChoice({ chosen, onChange }: { chosen: string[]; onChange: (ids: string[]) => void }) {
	const servers = useOfferedTools();
	const { t } = useTranslation();
	if (servers.length === 0) return <p className="text-sm text-faint">{t("tools.none_offered")}</p>;
	const known = chosen.filter((id) => servers.some((s) => s.id === id)); // one that is gone cannot be chosen again
	const toggle = (s: OfferedTools, on: boolean) => onChange(on ? [...known, s.id] : known.filter((id) => id !== s.id));
	return (
		<fieldset>
			<legend className="sr-only">{t("tools.title")}</legend>
			<ul className="flex max-h-80 flex-col overflow-y-auto rounded-xl border border-line">
				{servers.map((s) => (
					<li key={s.id} className="border-line not-first:border-t">
						<label className="flex min-h-12 cursor-pointer items-start gap-3 px-4 py-2.5 text-sm hover:bg-hover has-disabled:cursor-default has-disabled:opacity-60">
							<input type="checkbox" checked={chosen.includes(s.id)} disabled={!chosen.includes(s.id) && known.length >= MAX} onChange={(e) => toggle(s, e.target.checked)} className="mt-0.5 size-4.5 shrink-0 accent-accent" />
							<span className="min-w-0 grow">
								<span className="block font-medium">{s.name}</span>
								{s.description && <span className="block text-xs text-soft">{s.description}</span>}
								<span className="block text-xs wrap-anywhere text-faint">{s.tools.map((tool) => tool.name).join(", ")}</span>
							</span>
						</label>
					</li>
				))}
			</ul>
		</fieldset>
	);
}
