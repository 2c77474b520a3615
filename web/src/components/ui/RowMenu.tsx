import { Ellipsis } from "lucide-react";
import { type ReactNode, useCallback, useRef, useState } from "react";
import { IconButton } from "./Button";
import { MenuItem, Popover } from "./Menu";

export interface RowAction {
	label: string;
	icon: ReactNode;
	danger?: boolean;
	run: () => void;
}

/** What can be done with a row. */
export function RowMenu({ label, actions }: { label: string; actions: RowAction[] }) {
	const [open, setOpen] = useState(false);
	const button = useRef<HTMLButtonElement>(null);
	const close = useCallback(() => setOpen(false), []);
	return (
		<>
			<IconButton ref={button} small className="pointer-coarse:size-11!" label={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
				<Ellipsis size={16} />
			</IconButton>
			{open && (
				<Popover anchor={button.current!} label={label} alignEnd onClose={close} className="w-52">
					{actions.map((a) => (
						<MenuItem
							key={a.label}
							icon={a.icon}
							danger={a.danger}
							onSelect={() => {
								close();
								a.run();
							}}
						>
							{a.label}
						</MenuItem>
					))}
				</Popover>
			)}
		</>
	);
}
