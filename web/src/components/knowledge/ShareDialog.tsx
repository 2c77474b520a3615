import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Base, knowledge } from "@/api/knowledge";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input, Switch } from "@/components/ui/Field";
import { useMe } from "@/queries/account";
import { Problem, useSave } from "./parts";

const split = (text: string) => [...new Set(text.split(/[,，;；\s]+/).filter(Boolean))];

/** Who else may read a base. */
export function ShareDialog({ base, onClose }: { base: Base; onClose: () => void }) {
	const [all, setAll] = useState(base.share?.everyone ?? false);
	const [users, setUsers] = useState((base.share?.users ?? []).join(", "));
	const [groups, setGroups] = useState((base.share?.groups ?? []).join(", "));
	const me = useMe();
	const { t } = useTranslation();
	const { busy, problem, submit } = useSave(() => knowledge.patch(base.id, { share: { everyone: all, users: split(users), groups: split(groups) } }), onClose);
	return (
		<Dialog title={`${t("knowledge.share")}: ${base.name}`} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4">
				<p className="text-sm text-soft">{t("knowledge.share_hint")}</p>
				{(me?.role === "admin" || all) && <Switch label={t("knowledge.share_all")} on={all} onChange={setAll} />}
				{!all && (
					<>
						<Input label={t("knowledge.share_users")} hint={t("knowledge.share_users_hint")} value={users} onChange={(e) => setUsers(e.target.value)} />
						<Input label={t("knowledge.share_groups")} hint={t("knowledge.share_groups_hint")} value={groups} onChange={(e) => setGroups(e.target.value)} />
					</>
				)}
				<Problem text={problem} />
				<Button type="submit" look="solid" busy={busy} className="self-end">
					{t("common.save")}
				</Button>
			</form>
		</Dialog>
	);
}
