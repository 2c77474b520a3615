import { useQuery } from "@tanstack/react-query";
import { Bot, Bug, Pencil, Trash } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminAgent } from "@/api/types";
import { admin } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input, Select, TextArea } from "@/components/ui/Field";
import type { Chosen } from "@/components/knowledge/BaseChoice";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { withTexts } from "@/i18n/texts";
import { keys, queryClient } from "@/queries/client";
import { AgentDebug } from "./AgentDebug";
import { Toggle, useAdminModels } from "./ModelsArea";
import { AreaHead, attempt, type Column, DeleteDialog, FormDialog, Loading, Table, Wide } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";

const BaseChoice = lazy(() => withTexts(["knowledge"], import("@/components/knowledge/BaseChoice").then((m) => ({ default: m.BaseChoice }))));

const ServerChoice = lazy(() => withTexts(["tools"], import("@/components/tools/ToolChoice").then((m) => ({ default: m.ServerChoice }))));
const SharedAssistants = lazy(() => withTexts(["assistants"], import("./SharedAssistants")));

const refresh = () => {
	void queryClient.invalidateQueries({ queryKey: keys.agents });
	return queryClient.invalidateQueries({ queryKey: keys.admin("agents") });
};

export default function AgentsArea() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.admin("agents"), queryFn: admin.agents });
	const [editing, setEditing] = useState<AdminAgent | "new" | null>(null);
	const [deleting, setDeleting] = useState<AdminAgent | null>(null);
	const [debugging, setDebugging] = useState<AdminAgent | null>(null);
	const { t } = useTranslation();
	const agents = data?.items ?? [];
	const columns: Column<AdminAgent>[] = [
		{
			name: "name",
			head: t("admin.name"),
			value: (a) => a.name,
			cell: (a) => (
				<>
					<p className="font-medium">{a.name}</p>
					<p className="max-w-72 truncate text-xs text-faint">{a.description}</p>
				</>
			),
		},
		{ name: "model", head: t("admin.model"), value: (a) => a.model, cell: (a) => a.model },
		{ name: "fallback", head: t("admin.fallback"), value: (a) => a.fallback_model, cell: (a) => a.fallback_model ?? "–" },
		{ name: "timeout", head: t("admin.timeout"), number: true, value: (a) => a.timeout_seconds, cell: (a) => a.timeout_seconds },
		{
			name: "enabled",
			head: t("admin.enabled"),
			className: "w-16",
			cell: (a) => <Toggle label={a.name} on={a.enabled} onChange={(enabled) => void attempt(() => admin.patchAgent(a.id, { enabled })).then(refresh)} />,
		},
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			className: "whitespace-nowrap",
			cell: (a) => (
				<>
					<Button small icon={<Bug size={14} aria-hidden />} onClick={() => setDebugging(a)} className="me-1">
						{t("admin.debug")}
					</Button>
					<RowMenu
						label={t("admin.actions")}
						actions={[
							{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(a) },
							{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(a) },
						]}
					/>
				</>
			),
		},
	];
	return (
		<>
			<AreaHead title={t("admin.agents")} count={agents.length} onAdd={() => setEditing("new")} />
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && agents.length === 0 && <Empty icon={<Bot size={26} />} title={t("admin.no_agents")} hint={t("admin.no_agents_hint")} />}
			{agents.length > 0 && <Table label={t("admin.agents")} rows={agents} columns={columns} rowKey={(a) => a.id} pageSize={25} find={t("table.find")} words={(a) => a.description} file="agents.csv" />}
			{editing && <AgentDialog agent={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && (
				<DeleteDialog name={deleting.name} remove={() => admin.removeAgent(deleting.id).then(refresh)} onClose={() => setDeleting(null)} />
			)}
			{debugging && <AgentDebug agent={debugging} onClose={() => setDebugging(null)} />}
			<Suspense>
				<SharedAssistants />
			</Suspense>
		</>
	);
}

function AgentDialog({ agent, onClose }: { agent: AdminAgent | null; onClose: () => void }) {
	const { data } = useAdminModels();
	const models = (data?.items ?? []).filter((m) => m.type === "chat");
	const [form, setForm] = useState({
		name: agent?.name ?? "",
		description: agent?.description ?? "",
		prompt: agent?.prompt ?? "",
		model_id: String(agent?.model_id ?? ""),
		fallback_model_id: String(agent?.fallback_model_id ?? ""),
		timeout_seconds: String(agent?.timeout_seconds ?? 120),
		temperature: agent?.temperature === null || !agent ? "" : String(agent.temperature),
	});
	const [knowledge, setKnowledge] = useState<Chosen>({ ids: agent?.knowledge_ids ?? [], mode: agent?.knowledge_mode ?? "auto", rewrite: agent?.knowledge_rewrite ?? false });
	const [tools, setTools] = useState(agent?.tool_servers ?? []);
	const { t } = useTranslation();
	const field = (name: keyof typeof form) => ({
		value: form[name],
		onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
	});
	const save = async () => {
		const json = {
			name: form.name.trim(),
			description: form.description,
			prompt: form.prompt,
			model_id: Number(form.model_id || models[0]?.id),
			fallback_model_id: form.fallback_model_id ? Number(form.fallback_model_id) : null,
			timeout_seconds: Number(form.timeout_seconds),
			temperature: form.temperature === "" ? null : Number(form.temperature),
			knowledge_ids: knowledge.ids,
			knowledge_mode: knowledge.mode,
			knowledge_rewrite: knowledge.rewrite,
			...(tools !== agent?.tool_servers && { tool_servers: tools }),
		};
		await (agent ? admin.patchAgent(agent.id, json) : admin.createAgent(json));
		await refresh();
	};
	const options = models.map((m) => (
		<option key={m.id} value={m.id}>
			{m.display_name || m.name}
		</option>
	));
	return (
		<FormDialog title={agent ? agent.name : t("admin.new_agent")} save={save} onClose={onClose} valid={models.length > 0}>
			<Input autoFocus required label={t("admin.name")} maxLength={200} {...field("name")} />
			<Input label={t("admin.description")} maxLength={2000} {...field("description")} />
			<Wide>
				<TextArea rows={6} label={t("admin.prompt")} maxLength={32000} {...field("prompt")} />
			</Wide>
			<Select label={t("admin.model")} {...field("model_id")}>
				{options}
			</Select>
			<Select label={t("admin.fallback")} {...field("fallback_model_id")}>
				<option value="">{t("common.none")}</option>
				{options}
			</Select>
			<Input required type="number" min={1} max={3600} label={t("admin.timeout")} {...field("timeout_seconds")} />
			<Input type="number" min={0} max={2} step="0.1" label={t("admin.temperature")} placeholder={t("admin.provider_default")} {...field("temperature")} />
			<Wide>
				<p className="pb-1.5 text-sm font-medium text-soft">{t("account.knowledge")}</p>
				<Suspense fallback={<Skeleton className="h-24" />}>
					<BaseChoice chosen={knowledge} onChange={setKnowledge} />
				</Suspense>
			</Wide>
			<Wide>
				<p className="pb-1.5 text-sm font-medium text-soft">{t("upload.tools")}</p>
				<Suspense fallback={<Skeleton className="h-12" />}>
					<ServerChoice chosen={tools} onChange={setTools} />
				</Suspense>
			</Wide>
		</FormDialog>
	);
}
