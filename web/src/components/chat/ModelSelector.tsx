import { ChevronDown } from "lucide-react";
import { Suspense, useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { fetchMenus, ModelList } from "./later";

interface Props {
	conversationId: string | null;
	models: Model[];
	model: Model | undefined;
	onSelect: (name: string) => void;
}

export function ModelSelector({ conversationId, models, model, onSelect }: Props) {
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const close = useCallback(() => setOpen(false), []);
	const { t } = useTranslation();
	const name = model ? model.display_name || model.name : t("chat.no_model");
	return (
		<>
			<button
				ref={button}
				type="button"
				disabled={models.length === 0}
				aria-haspopup="listbox"
				aria-expanded={open}
				aria-label={t("chat.model_is", { name })}
				onPointerEnter={fetchMenus}
				onClick={() => setOpen(!open)}
				className="flex h-9 max-w-44 items-center gap-1 rounded-lg px-2.5 text-sm text-soft transition-colors hover:bg-hover hover:text-ink disabled:opacity-50 sm:max-w-60"
			>
				<span className="truncate">{name}</span>
				<ChevronDown size={15} aria-hidden className="shrink-0 text-faint" />
			</button>
			{open && (
				<Suspense>
					<ModelList conversationId={conversationId} anchor={button.current!} models={models} model={model} onSelect={onSelect} onClose={close} />
				</Suspense>
			)}
		</>
	);
}
