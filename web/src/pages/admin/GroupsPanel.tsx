import { useQuery } from "@tanstack/react-query";
import { Pencil, Trash } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminUser, Budget, Group } from "@/api/types";
import { admin } from "@/api/weir";
import { Input, Select } from "@/components/ui/Field";
import { Failed } from "@/components/ui/State";
import { count, credits } from "@/lib/format";
import { keys, queryClient } from "@/queries/client";
import { AreaHead, type Column, DeleteDialog, FormDialog, Loading, Table, Wide } from "./parts";
import { RowMenu } from "@/components/ui/RowMenu";
import { nameOf } from "./UserName";

const PERIODS = ["none", "day", "week", "month"] as const;

export function useGroups() {
	return useQuery({ queryKey: keys.admin("groups"), queryFn: admin.groups });
}

const refresh = () => queryClient.invalidateQueries({ queryKey: keys.admin("groups") });

export function GroupsPanel() {
	const { data, isPending, error, refetch } = useGroups();
	const [editing, setEditing] = useState<Group | "new" | null>(null);
	const [deleting, setDeleting] = useState<Group | null>(null);
	const { t } = useTranslation();
	const columns: Column<Group>[] = [
		{
			name: "name",
			head: t("groups.name"),
			value: (g) => g.name,
			cell: (g) => (
				<>
					<p className="font-medium">{g.name}</p>
					<p className="text-xs text-faint">{g.description}</p>
				</>
			),
		},
		{ name: "ratio", head: t("groups.ratio"), number: true, value: (g) => g.ratio, cell: (g) => credits(g.ratio) },
		{ name: "members", head: t("groups.members"), number: true, value: (g) => g.users, cell: (g) => count(g.users) },
		{ name: "budget", head: t("groups.budget"), number: true, value: (g) => g.budget?.left ?? null, cell: (g) => <BudgetText budget={g.budget} /> },
		{
			name: "actions",
			head: t("admin.actions"),
			bare: true,
			end: true,
			cell: (g) => (
				<RowMenu
					label={t("admin.actions")}
					actions={[
						{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(g) },
						...(g.name === "default" ? [] : [{ label: t("common.delete"), icon: <Trash size={15} />, danger: true, run: () => setDeleting(g) }]),
					]}
				/>
			),
		},
	];
	return (
		<section className="mt-10">
			<AreaHead title={t("groups.title")} count={data?.items.length} onAdd={() => setEditing("new")} />
			<p className="-mt-3 mb-4 text-sm text-faint">{t("groups.hint")}</p>
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && <Table label={t("groups.title")} rows={data.items} columns={columns} rowKey={(g) => g.name} pageSize={25} file="groups.csv" />}
			{editing && <GroupDialog group={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
			{deleting && <DeleteDialog name={deleting.name} remove={() => admin.removeGroup(deleting.name).then(refresh)} onClose={() => setDeleting(null)} />}
		</section>
	);
}

export function BudgetText({ budget }: { budget: Budget | null }) {
	const { t } = useTranslation();
	if (!budget) return <>–</>;
	return (
		<>
			{t("budget.left", { left: credits(budget.left), amount: credits(budget.amount) })}
			<p className="text-xs text-faint">{t(`budget.${budget.period}`)}</p>
		</>
	);
}

function useBudget(budget: Budget | null) {
	const [amount, setAmount] = useState(budget ? String(budget.amount) : "");
	const [period, setPeriod] = useState<string>(budget?.period ?? "month");
	const { t } = useTranslation();
	return {
		json: amount.trim() === "" ? null : { amount: amount.trim(), period },
		fields: (
			<>
				<Input type="number" step="any" min="0" label={`${t("groups.budget")} (${t("budget.amount")})`} hint={t("budget.amount_hint")} value={amount} onChange={(e) => setAmount(e.target.value)} />
				<Select label={t("budget.period")} value={period} onChange={(e) => setPeriod(e.target.value)}>
					{PERIODS.map((p) => (
						<option key={p} value={p}>
							{t(`budget.${p}`)}
						</option>
					))}
				</Select>
			</>
		),
	};
}

function GroupDialog({ group, onClose }: { group: Group | null; onClose: () => void }) {
	const [name, setName] = useState(group?.name ?? "");
	const [description, setDescription] = useState(group?.description ?? "");
	const [ratio, setRatio] = useState(String(group?.ratio ?? 1));
	const budget = useBudget(group?.budget ?? null);
	const { t } = useTranslation();
	const save = async () => {
		const json = { description: description.trim(), ratio: ratio.trim(), budget: budget.json };
		await (group ? admin.patchGroup(group.name, json) : admin.createGroup({ ...json, name: name.trim() }));
		void queryClient.invalidateQueries({ queryKey: keys.models });
		await refresh();
	};
	return (
		<FormDialog title={group ? group.name : t("groups.new")} save={save} onClose={onClose} valid={name.trim() !== "" && ratio.trim() !== ""}>
			{!group && <Input required autoFocus maxLength={50} label={t("groups.name")} hint={t("groups.name_hint")} value={name} onChange={(e) => setName(e.target.value)} />}
			<Input required type="number" step="any" min="0" label={t("groups.ratio")} hint={t("groups.ratio_hint")} value={ratio} onChange={(e) => setRatio(e.target.value)} />
			{budget.fields}
			<Wide>
				<Input maxLength={500} label={t("groups.description")} value={description} onChange={(e) => setDescription(e.target.value)} />
			</Wide>
		</FormDialog>
	);
}

/** The group that a user is in, and the user's own budget. */
export function UserGroupDialog({ user, onSaved, onClose }: { user: AdminUser; onSaved: () => void; onClose: () => void }) {
	const [group, setGroup] = useState(user.group);
	const budget = useBudget(user.budget);
	const { data } = useGroups();
	const { t } = useTranslation();
	const save = async () => {
		await admin.patchUser(user.id, { group, budget: budget.json } as Parameters<typeof admin.patchUser>[1]);
		void refresh();
		onSaved();
	};
	return (
		<FormDialog title={t("groups.set_for", { name: nameOf(user) })} save={save} onClose={onClose}>
			<Wide>
				<Select label={t("prices.group")} value={group} onChange={(e) => setGroup(e.target.value)}>
					{(data?.items.map((g) => g.name) ?? [group]).map((name) => (
						<option key={name} value={name}>
							{name}
						</option>
					))}
				</Select>
			</Wide>
			{budget.fields}
		</FormDialog>
	);
}
