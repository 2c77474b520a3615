import type { Attachment, Model } from "@/api/types";

export type Conflict = "image" | "video" | "audio";

const ABILITIES: Record<Conflict, string> = { image: "vision", video: "video", audio: "audio" };

/** What the message holds and the model cannot take in; null when they fit. */
export function checkModelConflict(
	model: Pick<Model, "abilities"> | undefined,
	hasImage: boolean,
	hasVideo: boolean,
	hasAudio = false,
): Conflict | null {
	if (!model) return null;
	const held: [boolean, Conflict][] = [
		[hasImage, "image"],
		[hasVideo, "video"],
		[hasAudio, "audio"],
	];
	for (const [has, kind] of held) if (has && !model.abilities.includes(ABILITIES[kind])) return kind;
	return null;
}

export function conflictOf(model: Pick<Model, "abilities"> | undefined, attachments: readonly Attachment[]): Conflict | null {
	const has = (type: Attachment["type"]) => attachments.some((a) => a.type === type);
	return checkModelConflict(model, has("image"), has("video"), has("audio"));
}
