import { useQuery } from "@tanstack/react-query";
import { Bot } from "lucide-react";
import { useEffect, useState } from "react";
import { assistants } from "@/api/assistants";
import { cx } from "@/lib/cx";

interface Props {
	assistant: { id: string; avatar: string; has_picture: boolean } | undefined;
	className?: string;
}

/** What an assistant looks like: its picture, its emoji, or a sign. The size is that of the class. */
export function Face({ assistant, className }: Props) {
	return (
		<span aria-hidden className={cx("flex shrink-0 items-center justify-center overflow-hidden rounded-full bg-tint text-accent", className)}>
			{assistant?.has_picture ? <Picture id={assistant.id} /> : assistant?.avatar || <Bot className="size-[60%]" />}
		</span>
	);
}

/** It is read with the token, which <img> cannot send. */
function Picture({ id }: { id: string }) {
	const { data } = useQuery({ queryKey: ["assistants", id, "picture"], queryFn: () => assistants.picture(id), staleTime: 300_000 });
	const [src, setSrc] = useState<string>();
	useEffect(() => {
		if (!data) return;
		const made = URL.createObjectURL(data);
		setSrc(made);
		return () => URL.revokeObjectURL(made);
	}, [data]);
	return src ? <img src={src} alt="" className="size-full object-cover" /> : null;
}
