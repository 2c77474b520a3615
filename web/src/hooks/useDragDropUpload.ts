import { type DragEvent, useRef, useState } from "react";

/** Files dropped on an element. `over`: a file hangs above it. */
export function useDragDropUpload(take: (files: File[]) => void) {
	const depth = useRef(0);
	const [over, setOver] = useState(false);
	const holdsFiles = (e: DragEvent) => e.dataTransfer.types.includes("Files");
	const leave = () => {
		depth.current = 0;
		setOver(false);
	};
	return {
		over,
		handlers: {
			onDragEnter: (e: DragEvent) => {
				if (!holdsFiles(e)) return;
				e.preventDefault();
				depth.current += 1;
				setOver(true);
			},
			onDragOver: (e: DragEvent) => holdsFiles(e) && e.preventDefault(),
			onDragLeave: (e: DragEvent) => {
				if (!holdsFiles(e)) return;
				depth.current -= 1;
				if (depth.current <= 0) leave();
			},
			onDrop: (e: DragEvent) => {
				if (!holdsFiles(e)) return;
				e.preventDefault();
				leave();
				take([...e.dataTransfer.files]);
			},
		},
	};
}
