import { useMutation } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { auth } from "@/api/weir";
import { Button } from "@/components/ui/Button";
import { Input } from "@/components/ui/Field";
import { Empty } from "@/components/ui/State";
import { explain } from "@/lib/explain";
import { AuthFrame } from "./AuthFrame";

export default function Forgot() {
	const [email, setEmail] = useState("");
	const { t } = useTranslation();
	const { mutate, isPending, isSuccess, error } = useMutation({ mutationFn: () => auth.forgot(email.trim()) });
	const submit = (e: FormEvent) => {
		e.preventDefault();
		mutate();
	};
	return (
		<AuthFrame
			title={t("auth.forgot_title")}
			hint={t("auth.forgot_hint")}
			footer={
				<Link href="/signin" className="font-medium text-accent hover:underline">
					{t("auth.back")}
				</Link>
			}
		>
			{isSuccess ? (
				<div role="status">
					<Empty icon={<MailCheck size={28} />} title={t("auth.mail_sent")} hint={t("auth.mail_sent_hint", { email })} />
				</div>
			) : (
				<form onSubmit={submit} className="flex flex-col gap-4">
					<Input
						autoFocus
						required
						type="email"
						autoComplete="email"
						label={t("account.email")}
						value={email}
						error={error && explain(error).text}
						onChange={(e) => setEmail(e.target.value)}
					/>
					<Button type="submit" look="solid" busy={isPending}>
						{t("auth.send_mail")}
					</Button>
				</form>
			)}
		</AuthFrame>
	);
}
