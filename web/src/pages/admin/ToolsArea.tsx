import { useQuery } from "@tanstack/react-query";
import { ListChecks, Pencil, RefreshCw, Trash, Wrench } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type ServerTool, tools, type ToolServer } from "@/api/tools";
import { Dialog } from "@/components/ui/Dialog";
import { Input, Select, Switch } from "@/components/ui/Field";
import { RowMenu } from "@/components/ui/RowMenu";
import { Empty, Failed } from "@/components/ui/State";
import { keys, queryClient } from "@/queries/client";
import { TOOLS } from "@/queries/tools";
import { toast } from "@/stores/notices";
import { Toggle } from "./ModelsArea";
import { AreaHead, attempt, type Column, DeleteDialog, FormDialog, Loading, Table, Wide } from "./parts";

const refresh = () => {
	void queryClient.invalidateQueries({ queryKey: TOOLS });
	return queryClient.invalidateQueries({ queryKey: keys.admin("tools") });
};

/** Servers of tools, and what of them models may call. */
export default function ToolsArea() {
	const { data, isPending, error, refetch } = useQuery({ queryKey: keys.admin("tools"), queryFn: tools.servers });
	const [editing, setEditing] = useState<ToolServer | "new" | null>(null);
	const [deleting, setDeleting] = useState<ToolServer | null>(null);
	const [managing, setManaging] = useState<string | null>(null);
	const { t } = useTranslation();
	const servers = data?.items ?? [];
	const read = useRead();
	const columns: Column<ToolServer>[] = [
		{
			name: "name",
			head: t("tools.name"),
			value: (s) => s.name,
			cell: (s) => (
				<>
					<p className="font-medium">{s.name}</p>
					<p className="max-w-80 truncate text-xs text-faint">{s.url}</p>
				</>
			),
		},
		{ name: "approval", head: t("tools.approval"), wide: "hidden @2xl:table-cell", cell: (s) => t(`tools.approval_${s.approval}`) },
		{
			name: "tools",
			head: t("tools.tools"),
			number: true,
			value: (s) => s.tools.length,
			cell: (s) => (s.read_error ? <span className="text-danger wrap-anywhere">{s.read_error}</span> : s.read_at ? s.tools.filter((tool) => tool.enabled).length : <span className="text-faint">{t("tools.never_read")}</span>),
		},
		{
			name: "enabled",
			head: t("tools.enabled"),
			className: "w-16",
			cell: (s) => <Toggle label={s.name} on={s.enabled} onChange={(enabled) => void attempt(() => tools.patch(s.id, { enabled })).then(refresh)} />,
		},
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			cell: (s) => (
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("tools.read"), icon: <RefreshCw size={15} />, run: () => void read(s) },
						{ label: t("tools.manage"), icon: <ListChecks size={15} />, run: () => setManaging(s.id) },
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(s) },
						{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(s) },
					]}
				/>
			),
		},
	];
	const managed = servers.find((s) => s.id === managing);
	return (
		<div className="@container">
			<AreaHead title={t("tools.servers")} count={servers.length} onAdd={() => setEditing("new")} />
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && servers.length === 0 && <Empty icon={<Wrench size={26} />} title={t("tools.none")} hint={t("tools.none_hint")} />}
			{servers.length > 0 && <Table label={t("tools.servers")} rows={servers} columns={columns} rowKey={(s) => s.id} file="tool-servers.csv" />}
			{editing && <ServerDialog server={editing === "new" ? null : editing} onSaved={(s) => void read(s)} onClose={() => setEditing(null)} />}
			{deleting && <DeleteDialog name={deleting.name} remove={() => tools.remove(deleting.id).then(refresh)} onClose={() => setDeleting(null)} />}
			{managed && <ToolsDialog server={managed} onClose={() => setManaging(null)} />}
		</div>
	);
}

/** Asks a server for its tools, and says what came of it. */
function useRead() {
	const { t } = useTranslation();
	return async (server: ToolServer) => {
		let read: ToolServer | undefined;
		await attempt(async () => (read = await tools.read(server.id)));
		await refresh();
		if (!read) return;
		if (read.read_error) toast("danger", t("tools.read_failed", { name: read.name, why: read.read_error }));
		else toast("ok", t("tools.read_ok", { name: read.name, n: read.tools.length }));
	};
}

function ServerDialog({ server, onSaved, onClose }: { server: ToolServer | null; onSaved: (server: ToolServer) => void; onClose: () => void }) {
	const [form, setForm] = useState({
		name: server?.name ?? "",
		url: server?.url ?? "",
		description: server?.description ?? "",
		authorization: "",
		drop: false,
		approval: server?.approval ?? "ask",
		allow_private: server?.allow_private ?? false,
	});
	const { t } = useTranslation();
	const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
	const save = async () => {
		const { name, drop, authorization, ...rest } = form;
		const json = { ...rest, url: rest.url.trim(), ...(drop ? { authorization: null } : authorization.trim() && { authorization: authorization.trim() }) };
		onSaved(await (server ? tools.patch(server.id, json) : tools.create({ ...json, name: name.trim() })));
	};
	return (
		<FormDialog title={server ? server.name : t("tools.new")} save={save} onClose={onClose} valid={form.name.trim() !== "" && form.url.trim() !== ""}>
			{!server && <Input required autoFocus maxLength={24} pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" label={t("tools.name")} hint={t("tools.name_hint")} value={form.name} onChange={(e) => set({ name: e.target.value })} />}
			<Select label={t("tools.approval")} value={form.approval} onChange={(e) => set({ approval: e.target.value as "ask" })}>
				{(["ask", "always"] as const).map((a) => (
					<option key={a} value={a}>
						{t(`tools.approval_${a}`)}
					</option>
				))}
			</Select>
			<Wide>
				<Input required type="url" maxLength={2048} label={t("tools.url")} value={form.url} onChange={(e) => set({ url: e.target.value })} />
			</Wide>
			<Wide>
				<Input
					type="password"
					autoComplete="off"
					disabled={form.drop}
					label={t("tools.authorization")}
					hint={t(server?.has_authorization ? "tools.authorization_keep" : "tools.authorization_hint")}
					value={form.authorization}
					onChange={(e) => set({ authorization: e.target.value })}
				/>
			</Wide>
			<Wide>
				<Input maxLength={500} label={t("tools.description")} value={form.description} onChange={(e) => set({ description: e.target.value })} />
			</Wide>
			<Wide>
				<div className="flex flex-col gap-2">
					{server?.has_authorization && <Switch label={t("tools.authorization_drop")} on={form.drop} onChange={(drop) => set({ drop })} />}
					<Switch label={t("tools.allow_private")} on={form.allow_private} onChange={(allow_private) => set({ allow_private })} />
				</div>
			</Wide>
		</FormDialog>
	);
}

/** Which of a server's tools models are told of, and what each waits for. */
function ToolsDialog({ server, onClose }: { server: ToolServer; onClose: () => void }) {
	const { t } = useTranslation();
	const change = (tool: ServerTool, to: Partial<ServerTool>) => void attempt(() => tools.patch(server.id, { tools: [{ name: tool.name, ...to }] })).then(refresh);
	return (
		<Dialog wide title={t("tools.tools_of", { name: server.name })} onClose={onClose}>
			{server.tools.length === 0 && <p className="text-sm text-faint">{server.read_error ?? t("tools.never_read")}</p>}
			<ul className="flex flex-col">
				{server.tools.map((tool) => (
					<li key={tool.name} className="flex flex-wrap items-center gap-x-4 gap-y-2 border-line py-3 text-sm not-first:border-t">
						<div className="min-w-40 grow basis-0">
							<p className="font-medium wrap-anywhere">{tool.name}</p>
							<p className="line-clamp-3 text-xs wrap-anywhere text-faint">{tool.description}</p>
						</div>
						<div className="w-44">
							<Select label={t("tools.approval")} value={tool.approval ?? ""} onChange={(e) => change(tool, { approval: (e.target.value || null) as ServerTool["approval"] })}>
								<option value="">{t("tools.approval_server")}</option>
								<option value="ask">{t("tools.approval_ask")}</option>
								<option value="always">{t("tools.approval_always")}</option>
							</Select>
						</div>
						<Toggle label={tool.name} on={tool.enabled} onChange={(enabled) => change(tool, { enabled })} />
					</li>
				))}
			</ul>
		</Dialog>
	);
}
