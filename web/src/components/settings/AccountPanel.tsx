import { useMutation } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { me as api } from "@/api/weir";
import { credits, dateTime } from "@/lib/format";
import { explain } from "@/lib/explain";
import { signOut } from "@/lib/signout";
import { useMe } from "@/queries/account";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Input } from "../ui/Field";

const NICKNAME_MAX_CHARS = 64;

export function AccountPanel() {
	const me = useMe();
	const { t } = useTranslation();
	if (!me) return null;
	const facts: [string, string][] = [
		[t("account.email"), me.email ?? "–"],
		[t("account.phone"), me.phone ?? "–"],
		[t("account.balance"), t("account.credits", { credits: credits(me.credits) })],
		[t("account.since"), dateTime(me.created_at)],
	];
	return (
		<div className="flex flex-col gap-6">
			<Nickname key={me.nickname} now={me.nickname ?? ""} />
			<dl className="grid grid-cols-[auto_1fr] gap-x-8 gap-y-3 text-sm">
				{facts.map(([name, value]) => (
					<div key={name} className="contents">
						<dt className="text-faint">{name}</dt>
						<dd className="wrap-anywhere">{value}</dd>
					</div>
				))}
			</dl>
			<Button icon={<LogOut size={16} aria-hidden />} onClick={() => void signOut()} className="self-start">
				{t("auth.sign_out")}
			</Button>
		</div>
	);
}

function Nickname({ now }: { now: string }) {
	const [nickname, setNickname] = useState(now);
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => api.patch({ nickname: nickname.trim() }),
		onSuccess: (user) => {
			queryClient.setQueryData(keys.me, user);
			toast("ok", t("common.saved"));
		},
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<form onSubmit={submit} className="flex items-end gap-2">
			<div className="min-w-0 max-w-xs grow">
				<Input label={t("account.nickname")} value={nickname} maxLength={NICKNAME_MAX_CHARS} error={error && explain(error).text} onChange={(e) => setNickname(e.target.value)} />
			</div>
			<Button type="submit" look="solid" busy={isPending} disabled={nickname.trim() === now}>
				{t("common.save")}
			</Button>
		</form>
	);
}
