import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { auth } from "@/api/weir";
import { explain } from "@/lib/explain";
import { PASSWORD_MAX_CHARS, passwordProblem } from "@/lib/password";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Input } from "../ui/Field";

export function PasswordPanel() {
	const [current, setCurrent] = useState("");
	const [next, setNext] = useState("");
	const [again, setAgain] = useState("");
	const [tried, setTried] = useState(false);
	const { t } = useTranslation();
	const { mutate, isPending, error } = useMutation({
		mutationFn: () => auth.password({ current_password: current, password: next }),
		onSuccess: () => {
			setCurrent("");
			setNext("");
			setAgain("");
			setTried(false);
			toast("ok", t("password.changed"));
		},
	});
	const problem = passwordProblem(next);
	const differs = next !== again;
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (!problem && !differs) mutate();
	};
	const wrongCurrent = error instanceof ApiError && error.field === "current_password";
	return (
		<form onSubmit={submit} noValidate className="flex max-w-sm flex-col gap-4">
			<Input
				type="password"
				autoComplete="current-password"
				label={t("password.current")}
				value={current}
				error={wrongCurrent ? t("password.wrong") : null}
				onChange={(e) => setCurrent(e.target.value)}
			/>
			<Input
				type="password"
				autoComplete="new-password"
				label={t("password.new")}
				maxLength={PASSWORD_MAX_CHARS}
				value={next}
				hint={t("password.rule")}
				error={tried && problem ? t(`password.${problem}`) : null}
				onChange={(e) => setNext(e.target.value)}
			/>
			<Input
				type="password"
				autoComplete="new-password"
				label={t("password.again")}
				value={again}
				error={tried && differs ? t("password.differs") : null}
				onChange={(e) => setAgain(e.target.value)}
			/>
			{error && !wrongCurrent && (
				<p role="alert" className="text-sm text-danger">
					{explain(error).text}
				</p>
			)}
			<p className="text-xs text-faint">{t("password.others")}</p>
			<Button type="submit" look="solid" busy={isPending} disabled={current === "" || next === ""} className="self-start">
				{t("password.change")}
			</Button>
		</form>
	);
}
