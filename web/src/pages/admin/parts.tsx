/* What the admin's areas are made of. */
import { Plus } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Skeleton } from "@/components/ui/State";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";

export function AreaHead({ title, count, onAdd, children }: { title: string; count?: number; onAdd?: () => void; children?: ReactNode }) {
	const { t } = useTranslation();
	return (
		<div className="mb-5 flex flex-wrap items-center gap-3">
			<h2 className="text-lg font-semibold">{title}</h2>
			{count !== undefined && <span className="text-sm text-faint tabular-nums">{count}</span>}
			<div className="grow" />
			{children}
			{onAdd && (
				<Button look="solid" medium icon={<Plus size={16} aria-hidden />} onClick={onAdd}>
					{t("admin.add")}
				</Button>
			)}
		</div>
	);
}

export { type Column, Table, Tag } from "@/components/ui/Table";

export function Loading() {
	return (
		<div className="flex flex-col gap-2">
			{[0, 1, 2, 3].map((i) => (
				<Skeleton key={i} className="h-12" />
			))}
		</div>
	);
}

/** A form in a dialog: it closes when `save` succeeds, and says why when it does not. */
export function FormDialog({ title, action, save, onClose, children, valid = true }: { title: string; action?: string; save: () => Promise<unknown>; onClose: () => void; children: ReactNode; valid?: boolean }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<string | null>(null);
	const { t } = useTranslation();
	const submit = async (e: FormEvent) => {
		e.preventDefault();
		setBusy(true);
		setProblem(null);
		try {
			await save();
			onClose();
		} catch (error) {
			const { text, detail } = explain(error);
			setProblem(detail ? `${text} ${detail}` : text);
			setBusy(false);
		}
	};
	return (
		<Dialog wide title={title} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-5">
				<div className="grid gap-4 sm:grid-cols-2">{children}</div>
				{problem && (
					<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
						{problem}
					</p>
				)}
				<div className="flex justify-end gap-2">
					<Button onClick={onClose}>{t("common.cancel")}</Button>
					<Button type="submit" look="solid" busy={busy} disabled={!valid}>
						{action ?? t("common.save")}
					</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** Over both columns of a FormDialog. */
export function Wide({ children }: { children: ReactNode }) {
	return <div className="sm:col-span-2">{children}</div>;
}

export function DeleteDialog({ name, remove, onClose }: { name: string; remove: () => Promise<unknown>; onClose: () => void }) {
	const [busy, setBusy] = useState(false);
	const { t } = useTranslation();
	const confirm = async () => {
		setBusy(true);
		try {
			await remove();
		} catch (e) {
			toast("danger", explain(e).text);
		}
		onClose();
	};
	return (
		<Confirm
			title={t("admin.delete_title", { name })}
			text={t("admin.delete_text")}
			action={t("common.delete")}
			busy={busy}
			onConfirm={() => void confirm()}
			onClose={onClose}
		/>
	);
}

/** Runs an admin's change and tells when it fails. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
	try {
		await work();
		return true;
	} catch (e) {
		const { text, detail } = explain(e);
		toast("danger", text, { detail });
		return false;
	}
}
