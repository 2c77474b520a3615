/* Pictures and films: what is wanted, whether a model can do it, what it costs, and what became of it. */
import type { Attachment, MakeChoice, Model, Task } from "@/api/types";

export interface MadeFile {
	id: string;
	url: string;
	content_type: string;
	/** A small picture of it; absent where there is none. */
	thumbnail_url?: string | null;
	poster_url?: string | null;
}

export type Kind = "image" | "video";

/** As the API calls what is made, in its tasks and its models. */
export const OPS = ["images.generate", "images.edit", "videos.generate", "videos.from_image", "videos.storyboard"] as const;
export type Op = (typeof OPS)[number];

export const PATHS: Record<Op, string> = {
	"images.generate": "/api/images/generate",
	"images.edit": "/api/images/edit",
	"videos.generate": "/api/videos/generate",
	"videos.from_image": "/api/videos/from-image",
	"videos.storyboard": "/api/videos/storyboard",
};

export interface Shot {
	scene: string;
	/** In seconds. */
	duration: number;
}

/** What is to be made of the words and pictures of a draft. */
export interface Make {
	op: Op;
	model: string;
	size?: string;
	resolution?: string;
	seconds?: string;
	noWatermark?: boolean;
	/** How many pictures; absent: one. */
	n?: number;
	shots?: Shot[];
}

export const kindOfOp = (op: Op): Kind => (op.startsWith("images.") ? "image" : "video");
export const takesPictures = (op: Op) => op === "images.edit" || op === "videos.from_image" || op === "videos.storyboard";

// -- models

/** Those that make something. */
export function makersOf(models: Model[]): Model[] {
	return models.filter((m) => m.makes != null && m.makes.ops.length > 0);
}

export function makerFor(op: Op, makers: Model[], named?: string): Model | undefined {
	const able = makers.filter((m) => m.makes!.ops.includes(op));
	return able.find((m) => m.name === named) ?? able.find((m) => m.is_default) ?? able[0];
}

/** What that model would make of it, keeping what it takes too. */
export function withModel(make: Make, model: Model, images: number): Make {
	const ops = model.makes!.ops as Op[];
	const fits = ops.includes(make.op) ? make.op : (ops.find((op) => takesPictures(op) === images > 0) ?? ops[0]!);
	return kept({ ...make, op: fits, model: model.name }, model);
}

export function withOp(make: Make, op: Op, makers: Model[]): Make {
	const model = makerFor(op, makers, make.model);
	return model ? kept({ ...make, op, model: model.name }, model) : make;
}

/** A picture was attached, or the last one taken away: what is made follows, where a model can. */
export function withImages(make: Make, images: number, makers: Model[]): Make {
	const other: Partial<Record<Op, Op>> =
		images > 0
			? { "images.generate": "images.edit", "videos.generate": "videos.from_image" }
			: { "images.edit": "images.generate", "videos.from_image": "videos.generate" };
	const op = other[make.op];
	return op && makerFor(op, makers) ? withOp(make, op, makers) : make;
}

function kept(make: Make, { makes }: Model): Make {
	const known = (choices: MakeChoice[], value?: string) => (choices.some((c) => c.value === value) ? value : undefined);
	return {
		op: make.op,
		model: make.model,
		size: known(makes!.sizes, make.size),
		resolution: known(makes!.resolutions, make.resolution),
		seconds: known(makes!.seconds, make.seconds),
		...(make.n && make.n <= makes!.n_max && { n: make.n }),
		...(makes!.has_watermark && make.noWatermark && { noWatermark: true }),
		...(make.op === "videos.storyboard" && { shots: make.shots ?? even(lengthOf(make, makes!), 2) }),
	};
}

function lengthOf(make: Make, makes: NonNullable<Model["makes"]>): number {
	const known = makes.seconds.some((s) => s.value === make.seconds) ? make.seconds : makes.length;
	return Number(known ?? 0);
}

/** How long the film will be, in seconds; 0: it is a picture, or nobody knows. */
export function secondsOf(make: Make, model: Model): number {
	return kindOfOp(make.op) === "video" ? lengthOf(make, model.makes!) : 0;
}

/** Shots that fill a film. */
export function even(seconds: number, shots: number, scenes: string[] = []): Shot[] {
	const each = Math.floor((seconds / shots) * 10) / 10;
	return Array.from({ length: shots }, (_, i) => ({
		scene: scenes[i] ?? "",
		duration: i < shots - 1 ? each : Math.round((seconds - each * (shots - 1)) * 10) / 10,
	}));
}

// -- may it be sent

export type Problem = "picture_missing" | "picture_many" | "picture_none" | "picture_only" | "words_missing" | "words_long" | "shots";

/** What stands in the way; null: nothing. Missing words are told by the button alone. */
export function problemOf(make: Make, model: Model, words: string, attachments: readonly Attachment[]): Problem | null {
	const makes = model.makes!;
	const images = attachments.filter((a) => a.type === "image").length;
	const needed = make.op === "images.edit" || make.op === "videos.from_image" ? Math.max(1, makes.images_min) : 0;
	if (images < attachments.length) return "picture_only";
	if (images > 0 && !takesPictures(make.op)) return "picture_none";
	if (images > 0 && makes.images_max === 0) return "picture_none";
	if (images > (make.op === "videos.from_image" ? 1 : makes.images_max)) return "picture_many";
	if (images < needed) return "picture_missing";
	if ([...words].length > makes.prompt_max) return "words_long";
	if (make.op === "videos.storyboard") return shotsFit(make, model) ? null : "shots";
	return words.trim() === "" ? "words_missing" : null;
}

export function shotsFit(make: Make, model: Model): boolean {
	const shots = make.shots ?? [];
	const sum = shots.reduce((all, s) => all + s.duration, 0);
	const whole = shots.every((s) => s.scene.trim() !== "" && s.duration >= 0.1);
	return shots.length > 0 && whole && Math.abs(sum - secondsOf(make, model)) < 0.001;
}

/** Another model that could do it with these pictures. */
export function otherFor(make: Make, makers: Model[], words: string, attachments: readonly Attachment[]): Make | null {
	for (const op of [make.op, withImages(make, attachments.length, makers).op])
		for (const model of makers) {
			if (model.name === make.model || !model.makes!.ops.includes(op)) continue;
			const other = kept({ ...make, op, model: model.name }, model);
			const problem = problemOf(other, model, words || "-", attachments);
			if (problem === null || problem === "shots") return other;
		}
	return null;
}

/** What the request says. */
export function bodyOf(make: Make, words: string, attachments: readonly Attachment[]): Record<string, unknown> {
	const urls = attachments.filter((a) => a.type === "image").map((a) => a.url);
	const isFilm = kindOfOp(make.op) === "video";
	const prompt = words.trim();
	return {
		model: make.model,
		...(prompt !== "" && { prompt }),
		...(make.size && { [isFilm ? "aspect_ratio" : "size"]: make.size }),
		...(make.resolution && { resolution: make.resolution }),
		...(!isFilm && make.n && make.n > 1 && { n: make.n }),
		...(isFilm && make.seconds && { n_frames: make.seconds }),
		...(isFilm && make.noWatermark && { remove_watermark: true }),
		...(make.op === "images.edit" && { image_urls: urls }),
		...(make.op === "videos.from_image" && { image_url: urls[0] }),
		...(make.op === "videos.storyboard" && {
			shots: make.shots?.map((s) => ({ scene: s.scene.trim(), duration: s.duration })),
			...(urls.length > 0 && { storyboard_images: urls }),
		}),
	};
}

// -- what it costs

/** Credits for one picture, for a second of a film, or for a call of either; null: not known. */
export function priceOf(model: Model | undefined, kind: Kind): { credits: number; of: "image" | "second" | "call" } | null {
	for (const of of [kind === "image" ? "image" : "second", "call"] as const) {
		const step = model?.prices.find((p) => p.meter === of);
		if (step && model) return { credits: (step.unit_price / step.per) * model.ratio, of };
	}
	return null;
}

/** Credits that are held for it, and charged when it is done; null: not known. */
export function costOf(make: Make, model: Model): number | null {
	const { makes } = model;
	const kind = kindOfOp(make.op);
	const factor = (choices: MakeChoice[], said: string | undefined, otherwise: string | null) =>
		choices.find((c) => c.value === (said ?? otherwise))?.factor ?? 1;
	const units = { image: make.n ?? 1, second: secondsOf(make, model), call: 1 };
	const meters = kind === "image" ? (["image", "call"] as const) : (["second", "call"] as const);
	let sum: number | null = null;
	for (const meter of meters) {
		const step = model.prices.find((p) => p.meter === meter);
		if (step) sum = (sum ?? 0) + (step.unit_price / step.per) * units[meter] * model.ratio;
	}
	if (sum === null) return null;
	const length = kind === "video" ? factor(makes!.seconds, make.seconds, makes!.length) : 1;
	return sum * factor(makes!.resolutions, make.resolution, makes!.resolution) * length;
}

// -- tasks

export function isMade(task: Task): boolean {
	return task.type === "image" || task.type === "video";
}

/** What stands in the result of one that is done; nothing in any other. */
export function filesOf(task: Task): MadeFile[] {
	const files = (task.result as { files?: MadeFile[] } | null)?.files;
	return Array.isArray(files) ? files : [];
}

/** What was asked, to be asked again; null: too old to know. */
export function askedOf(task: Task): { op: Op; body: Record<string, unknown> } | null {
	const asked = task.asked as ({ op?: unknown } & Record<string, unknown>) | null;
	if (!asked || !OPS.includes(asked.op as Op)) return null;
	const { op, ...body } = asked;
	return { op: op as Op, body };
}

export function promptOf(task: Task): string {
	for (const from of [task.asked, task.result] as ({ prompt?: unknown; shots?: Shot[] } | null)[]) {
		if (typeof from?.prompt === "string") return from.prompt;
		if (Array.isArray(from?.shots)) return from.shots.map((s) => s.scene).join(" · ");
	}
	return "";
}

/** How far it is, by whoever knows more: never back. */
export function progressOf(task: Task | undefined, told: number | undefined): number {
	return Math.max(task?.progress ?? 0, told ?? 0);
}
