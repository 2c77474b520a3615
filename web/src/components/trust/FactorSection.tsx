import { useMutation } from "@tanstack/react-query";
import { Copy, Download, ShieldCheck } from "lucide-react";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { type Factor, type FactorSecret, trust } from "@/api/trust";
import { useCopy } from "@/hooks/useCopy";
import { saveFile } from "@/lib/download";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Input } from "../ui/Field";
import { Skeleton } from "../ui/State";

const QrCode = lazy(() => import("./QrCode"));
const refresh = () => queryClient.invalidateQueries({ queryKey: ["me", "factor"] });

type Wanted = "on" | "codes" | "off";

/** The second factor: what it is, and the ways to turn it on, off, or give it new recovery codes. */
export function FactorSection({ factor }: { factor: Factor }) {
	const [wanted, setWanted] = useState<Wanted | null>(null);
	const [secret, setSecret] = useState<FactorSecret | null>(null);
	const [codes, setCodes] = useState<string[] | null>(null);
	const { t } = useTranslation();
	const over = () => {
		setWanted(null);
		setSecret(null);
		setCodes(null);
		void refresh();
	};
	if (codes) return <RecoveryCodes codes={codes} onKept={over} />;
	if (secret) return <Confirm secret={secret} onCodes={setCodes} onCancel={over} />;
	if (wanted) return <Prove wanted={wanted} factor={factor} onSecret={setSecret} onCodes={setCodes} onOver={over} />;
	return (
		<>
			<p className="text-sm text-soft">
				{factor.enabled ? t("trust.factor_on", { when: dateTime(factor.confirmed_at), count: factor.recovery_left }) : t("trust.factor_off")}
			</p>
			{factor.required && !factor.enabled && (
				<p role="alert" className="text-sm text-danger">
					{t("trust.factor_required")}
				</p>
			)}
			{factor.enabled ? (
				<div className="flex flex-wrap gap-2">
					<Button onClick={() => setWanted("codes")}>{t("trust.new_codes")}</Button>
					<Button onClick={() => setWanted("off")}>{t("trust.turn_off")}</Button>
				</div>
			) : (
				<Button icon={<ShieldCheck size={16} aria-hidden />} onClick={() => setWanted("on")} className="self-start">
					{t("trust.turn_on")}
				</Button>
			)}
		</>
	);
}

interface ProveProps {
	wanted: Wanted;
	factor: Factor;
	onSecret: (secret: FactorSecret) => void;
	onCodes: (codes: string[]) => void;
	onOver: () => void;
}

/** It is the owner, and not only who found an open page. */
function Prove({ wanted, factor, onSecret, onCodes, onOver }: ProveProps) {
	const [password, setPassword] = useState("");
	const [code, setCode] = useState("");
	const { t } = useTranslation();
	const mine = factor.has_password ? password : undefined;
	const { mutate, isPending, error } = useMutation({
		mutationFn: async () => {
			if (wanted === "on") onSecret(await trust.begin(mine));
			else if (wanted === "codes") onCodes((await trust.codes(mine, code.trim())).recovery_codes);
			else {
				await trust.off(mine, code.trim());
				toast("ok", t("trust.is_off"));
				onOver();
			}
		},
	});
	const wrong = error instanceof ApiError && error.field === "password";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<form onSubmit={submit} className="flex max-w-sm flex-col gap-4">
			{factor.has_password && (
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
			{wanted !== "on" && (
				<Input
					required
					autoComplete="one-time-code"
					autoCapitalize="off"
					spellCheck={false}
					maxLength={40}
					label={t("trust.code")}
					hint={t("trust.code_hint")}
					value={code}
					onChange={(e) => setCode(e.target.value)}
				/>
			)}
			{error && !wrong && (
				<p role="alert" className="text-sm text-danger">
					{explain(error).text}
				</p>
			)}
			<div className="flex flex-wrap gap-2">
				<Button type="submit" look={wanted === "off" ? "danger" : "solid"} busy={isPending}>
					{t(wanted === "on" ? "trust.go_on" : wanted === "codes" ? "trust.new_codes" : "trust.turn_off")}
				</Button>
				<Button onClick={onOver}>{t("common.cancel")}</Button>
			</div>
		</form>
	);
}

/** The secret, for an app to read, and the first code of it. */
function Confirm({ secret, onCodes, onCancel }: { secret: FactorSecret; onCodes: (codes: string[]) => void; onCancel: () => void }) {
	const [code, setCode] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => trust.confirm(code.trim()),
		onSuccess: (done) => onCodes(done.recovery_codes),
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<form onSubmit={submit} className="flex max-w-sm flex-col gap-4">
			<p className="text-sm text-soft">{t("trust.scan")}</p>
			<Suspense fallback={<Skeleton className="size-48" />}>
				<QrCode text={secret.uri} label={t("trust.qr")} />
			</Suspense>
			<p className="text-sm text-soft">
				{t("trust.by_hand")} <code className="font-mono text-ink wrap-anywhere select-all">{secret.secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
			</p>
			<Input
				autoFocus
				required
				inputMode="numeric"
				autoComplete="one-time-code"
				maxLength={10}
				label={t("trust.first_code")}
				value={code}
				error={error && explain(error).text}
				onChange={(e) => setCode(e.target.value)}
			/>
			<p className="text-xs text-faint">{t("trust.others_end")}</p>
			<div className="flex flex-wrap gap-2">
				<Button type="submit" look="solid" busy={isPending} disabled={code.trim() === ""}>
					{t("trust.turn_on")}
				</Button>
				<Button onClick={onCancel}>{t("common.cancel")}</Button>
			</div>
		</form>
	);
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
	const [copied, copy] = useCopy();
	const { t } = useTranslation();
	const text = codes.join("\n") + "\n";
	return (
		<div className="flex max-w-md flex-col gap-4">
			<p role="status" className="text-sm text-soft">
				{t("trust.codes_text")}
			</p>
			<ul aria-label={t("trust.codes")} className="grid grid-cols-1 gap-x-6 gap-y-1.5 rounded-lg border border-line bg-surface p-4 font-mono text-sm sm:grid-cols-2">
				{codes.map((code) => (
					<li key={code}>{code}</li>
				))}
			</ul>
			<div className="flex flex-wrap gap-2">
				<Button icon={<Copy size={16} aria-hidden />} onClick={() => copy(text)}>
					{t(copied ? "common.copied" : "common.copy")}
				</Button>
				<Button icon={<Download size={16} aria-hidden />} onClick={() => saveFile(new Blob([text], { type: "text/plain" }), "recovery-codes.txt")}>
					{t("trust.save_codes")}
				</Button>
				<Button look="solid" onClick={onKept}>
					{t("trust.kept")}
				</Button>
			</div>
		</div>
	);
}
