import { useQuery } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminUser, Budget, Group } from "@/api/types";
import { admin } from "@/api/weir";
import { Input, Select } from "@/components/ui/Field";
import { Failed } from "@/components/ui/State";
import { count, credits } from "@/lib/format";
import { keys, queryClient } from "@/queries/client";
import { AreaHead, Cell, DeleteDialog, FormDialog, Loading, NumberCell, Table, Wide } from "./parts";
import { RowMenu } from "./RowMenu";
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
	return (
		<section className="mt-10">
			<AreaHead title={t("groups.title")} count={data?.items.length} onAdd={() => setEditing("new")} />
			<p className="-mt-3 mb-4 text-sm text-faint">{t("groups.hint")}</p>
			{isPending && <Loading />}
			{error && <Failed error={error} onRetry={() => void refetch()} />}
			{data && (
				<Table label={t("groups.title")} numbers={[1, 2, 3]} heads={[t("groups.name"), t("groups.ratio"), t("groups.members"), t("groups.budget"), t("admin.actions")]}>
					{data.items.map((g) => (
						<tr key={g.name}>
							<Cell>
								<p className="font-medium">{g.name}</p>
								<p className="text-xs text-faint">{g.description}</p>
							</Cell>
							<NumberCell>{credits(g.ratio)}</NumberCell>
							<NumberCell>{count(g.users)}</NumberCell>
							<NumberCell>
								<BudgetText budget={g.budget} />
							</NumberCell>
							<Cell className="text-end">
								<RowMenu
									label={t("admin.actions")}
									actions={[
										{ label: t("common.edit"), icon: <Pencil size={15} />, run: () => setEditing(g) },
										...(g.name === "default" ? [] : [{ label: t("common.delete"), icon: <Trash2 size={15} />, danger: true, run: () => setDeleting(g) }]),
									]}
								/>
							</Cell>
						</tr>
					))}
				</Table>
			)}
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
