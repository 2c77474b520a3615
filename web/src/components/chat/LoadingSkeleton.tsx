import { useTranslation } from "react-i18next";
import { Skeleton } from "../ui/State";

/** A conversation that is on its way. */
export function LoadingSkeleton() {
	const { t } = useTranslation();
	return (
		<div role="status" aria-label={t("common.loading")} className="flex flex-col gap-8">
			{[0, 1].map((i) => (
				<div key={i} className="flex flex-col gap-3">
					<Skeleton className="mb-3 h-10 w-2/5 self-end rounded-2xl" />
					<Skeleton className="h-4 w-11/12" />
					<Skeleton className="h-4 w-4/5" />
					<Skeleton className="h-4 w-3/5" />
				</div>
			))}
		</div>
	);
}
