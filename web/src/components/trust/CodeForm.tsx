import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { announce, begin } from "@/api/session";
import { trust } from "@/api/trust";
import { explain } from "@/lib/explain";
import { Button } from "../ui/Button";
import { Input } from "../ui/Field";

/** The second half of a sign-in. */
export function CodeForm({ challenge, onOver, onDone }: { challenge: string; onOver: () => void; onDone?: () => void }) {
	const [code, setCode] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => trust.code(challenge, code.trim()),
		onSuccess: (session) => {
			begin(session);
			announce();
			onDone?.();
		},
	});
	const over = error instanceof ApiError && error.code === "invalid_token";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<form onSubmit={submit} className="flex flex-col gap-4">
			<Input
				autoFocus
				required
				inputMode="text"
				autoComplete="one-time-code"
				autoCapitalize="off"
				spellCheck={false}
				maxLength={40}
				label={t("trust.code")}
				hint={t("trust.code_hint")}
				value={code}
				error={error && (over ? t("trust.over") : explain(error).text)}
				onChange={(e) => setCode(e.target.value)}
			/>
			<Button type="submit" look="solid" busy={isPending} disabled={over} className="mt-2">
				{t("auth.sign_in")}
			</Button>
			<button type="button" onClick={onOver} className="self-center text-sm text-faint hover:text-ink hover:underline">
				{t("auth.back")}
			</button>
		</form>
	);
}
