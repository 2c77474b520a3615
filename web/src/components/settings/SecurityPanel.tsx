import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { trust } from "@/api/trust";
import { Failed, Skeleton } from "../ui/State";
import { FactorSection } from "../trust/FactorSection";
import { Identities } from "../trust/Identities";
import { PasswordPanel } from "./PasswordPanel";

export const factorKey = ["me", "factor"] as const;

/** How one signs in: password, second factor, the site's provider. */
export default function SecurityPanel() {
	const { t } = useTranslation();
	const { data, error, refetch } = useQuery({ queryKey: factorKey, queryFn: trust.factor, staleTime: 0 });
	const methods = useQuery({ queryKey: ["methods"], queryFn: trust.methods, staleTime: 300_000 });
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	if (!data) return <Skeleton className="h-72" />;
	return (
		<div className="flex flex-col gap-8">
			<Section title={t("trust.factor")}>
				<FactorSection factor={data} />
			</Section>
			{methods.data?.oidc && (
				<Section title={methods.data.oidc.name}>
					<Identities name={methods.data.oidc.name} hasPassword={data.has_password} />
				</Section>
			)}
			{data.has_password && (
				<Section title={t("auth.password")}>
					<PasswordPanel />
				</Section>
			)}
		</div>
	);
}

function Section({ title, children }: { title: string; children: ReactNode }) {
	return (
		<section className="flex flex-col gap-3">
			<h3 className="text-sm font-medium">{title}</h3>
			{children}
		</section>
	);
}
