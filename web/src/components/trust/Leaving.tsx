import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, FileArchive, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { end } from "@/api/session";
import { trust } from "@/api/trust";
import { explain } from "@/lib/explain";
import { bytes, dateTime } from "@/lib/format";
import { useMe } from "@/queries/account";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Input } from "../ui/Field";

const POLL_MS = 1500;
const key = ["me", "export"] as const;

/** Everything of the account in one file. */
export function ExportSection() {
	const { t } = useTranslation();
	const { data } = useQuery({
		queryKey: key,
		queryFn: trust.export,
		staleTime: 0,
		refetchInterval: ({ state }) => (state.data?.status === "pending" ? POLL_MS : false),
	});
	const make = useMutation({
		mutationFn: trust.makeExport,
		onSuccess: (now) => queryClient.setQueryData(key, now),
		onError: (e) => toast("danger", explain(e).text),
	});
	const pending = make.isPending || data?.status === "pending";
	return (
		<section className="flex flex-col gap-3">
			<h3 className="text-sm font-medium">{t("trust.export")}</h3>
			<p className="text-sm text-soft">{t("trust.export_text")}</p>
			{data?.url && (
				<p role="status" className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
					<a href={data.url} download className="inline-flex items-center gap-2 font-medium text-accent hover:underline">
						<Download size={16} aria-hidden /> {t("trust.download", { size: bytes(data.size_bytes ?? 0) })}
					</a>
					<span className="text-faint">{t("trust.until", { when: dateTime(data.expires_at) })}</span>
				</p>
			)}
			<Button busy={pending} icon={<FileArchive size={16} aria-hidden />} onClick={() => make.mutate()} className="self-start">
				{t(data?.url ? "trust.export_again" : "trust.make_export")}
			</Button>
		</section>
	);
}

/** The account and all that is in it goes. */
export function DeleteSection() {
	const [open, setOpen] = useState(false);
	const { t } = useTranslation();
	return (
		<section className="flex flex-col gap-3">
			<h3 className="text-sm font-medium">{t("trust.delete")}</h3>
			<p className="text-sm text-soft">{t("trust.delete_text")}</p>
			<Button look="danger" icon={<Trash2 size={16} aria-hidden />} onClick={() => setOpen(true)} className="self-start">
				{t("trust.delete")}
			</Button>
			{open && <DeleteDialog onClose={() => setOpen(false)} />}
		</section>
	);
}

function DeleteDialog({ onClose }: { onClose: () => void }) {
	const me = useMe();
	const [name, setName] = useState("");
	const [password, setPassword] = useState("");
	const { t } = useTranslation();
	const { data: factor } = useQuery({ queryKey: ["me", "factor"], queryFn: trust.factor });
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => trust.leave(name.trim(), factor?.has_password === false ? undefined : password),
		onSuccess: ({ erase_at }) => {
			end();
			toast("ok", t("trust.deleted", { when: dateTime(erase_at) }));
		},
	});
	const field = error instanceof ApiError ? error.field : null;
	const login = me?.email ?? me?.phone ?? "";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<Dialog title={t("trust.delete")} onClose={onClose}>
			<form onSubmit={submit} className="flex flex-col gap-4">
				<p className="text-sm text-soft">{t("trust.delete_sure")}</p>
				<Input
					required
					autoComplete="off"
					autoCapitalize="off"
					spellCheck={false}
					label={t("trust.type_name", { name: login })}
					value={name}
					error={field === "name" ? t("trust.other_name") : null}
					onChange={(e) => setName(e.target.value)}
				/>
				{factor?.has_password !== false && (
					<Input
						required
						type="password"
						autoComplete="current-password"
						label={t("password.current")}
						value={password}
						error={field === "password" ? t("password.wrong") : null}
						onChange={(e) => setPassword(e.target.value)}
					/>
				)}
				{error && field === null && (
					<p role="alert" className="text-sm text-danger">
						{explain(error).text}
					</p>
				)}
				<div className="mt-2 flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="danger" busy={isPending} disabled={name.trim().toLowerCase() !== login.toLowerCase()}>
						{t("trust.delete")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}
