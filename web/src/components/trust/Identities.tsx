import { useMutation, useQuery } from "@tanstack/react-query";
import { Link2, Unlink } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { trust } from "@/api/trust";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { markLinking } from "@/lib/linking";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Input } from "../ui/Field";
import { Failed, Skeleton } from "../ui/State";

const key = ["me", "identities"] as const;

/** Who the account is at the site's sign-in provider. */
export function Identities({ name, hasPassword }: { name: string; hasPassword: boolean }) {
	const { t } = useTranslation();
	const { data, isPending, error, refetch } = useQuery({ queryKey: key, queryFn: trust.identities, staleTime: 0 });
	const unlink = useMutation({
		mutationFn: trust.unlink,
		onSuccess: () => void queryClient.invalidateQueries({ queryKey: key }),
		onError: (e) => toast("danger", explain(e).text),
	});
	if (isPending) return <Skeleton className="h-16" />;
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	return (
		<>
			{data.items.length === 0 && <p className="text-sm text-soft">{t("trust.not_linked", { name })}</p>}
			<ul className="divide-y divide-line">
				{data.items.map((i) => (
					<li key={i.id} className="flex items-center justify-between gap-4 py-2 text-sm">
						<div className="min-w-0">
							<p className="truncate">{i.email ?? i.issuer}</p>
							<p className="text-xs text-faint">{t("trust.linked_at", { when: dateTime(i.created_at) })}</p>
						</div>
						<Button small icon={<Unlink size={14} aria-hidden />} busy={unlink.isPending} onClick={() => unlink.mutate(i.id)}>
							{t("trust.unlink")}
						</Button>
					</li>
				))}
			</ul>
			<LinkForm name={name} hasPassword={hasPassword} />
		</>
	);
}

function LinkForm({ name, hasPassword }: { name: string; hasPassword: boolean }) {
	const [open, setOpen] = useState(false);
	const [password, setPassword] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => trust.link(hasPassword ? password : undefined),
		onSuccess: ({ url }) => {
			markLinking();
			location.assign(url);
		},
	});
	const wrong = error instanceof ApiError && error.field === "password";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		if (open || !hasPassword) mutate();
		else setOpen(true);
	};
	return (
		<form onSubmit={submit} className="flex max-w-sm flex-col gap-3">
			{open && hasPassword && (
				<Input
					autoFocus
					required
					type="password"
					autoComplete="current-password"
					label={t("password.current")}
					value={password}
					error={wrong ? t("password.wrong") : null}
					onChange={(e) => setPassword(e.target.value)}
				/>
			)}
			{error && !wrong && (
				<p role="alert" className="text-sm text-danger">
					{explain(error).text}
				</p>
			)}
			<Button type="submit" busy={isPending} icon={<Link2 size={16} aria-hidden />} className="max-w-full self-start">
				<span className="truncate">{t("trust.link", { name })}</span>
			</Button>
		</form>
	);
}
