// Small helpers of both pages. What a server or a stranger said becomes text, never markup.

export const id = name => document.getElementById(name);

/** An element with properties and children: make("p", {className: "small"}, "text", other). */
export function make(tag, properties = {}, ...children) {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
}

export function svg(tag, attributes = {}, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** Changes a text only when it is another one, so that screen readers are not told again. */
export function say(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

export function rate(kbps) {
	return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mb/s` : `${Math.round(kbps)} kb/s`;
}

export function bytes(n) {
	const units = ["B", "KB", "MB", "GB", "TB"];
	let unit = 0;
	for (; n >= 1000 && unit < units.length - 1; unit++)
		n /= 1000;
	return `${unit ? n.toFixed(1) : n} ${units[unit]}`;
}

export function lasting(seconds) {
	const s = Math.max(0, Math.round(seconds)), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
	if (h >= 48)
		return `${Math.floor(h / 24)} days`;
	return h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}

/** "1 client", "2 clients". */
export function count(n, word) {
	return `${n} ${word}${n === 1 ? "" : word.endsWith("ch") ? "es" : "s"}`;
}

/** "H264 High 4.1, 1920×1080" of an object of the API. */
export function pictureText(video) {
	if (!video)
		return "–";
	const size = video.width ? `, ${video.width}×${video.height}` : "";
	const more = [video.profile, video.level].filter(x => x && x !== "Other").join(" ");
	return `${video.codec} ${more}`.trim() + size;
}

export function soundText(audio) {
	if (!audio)
		return "–";
	const channels = {1: "mono", 2: "stereo"}[audio.channel] || (audio.channel ? `${audio.channel} channels` : "");
	return [audio.codec, audio.sample_rate ? `${audio.sample_rate / 1000} kHz` : "", channels].filter(Boolean).join(", ");
}

/** A row with an address and a button that copies it. */
export function copyRow(label, text) {
	const button = make("button", {className: "slim", type: "button", ariaLabel: `Copy: ${label}`}, "Copy");
	const code = make("code", {}, text);
	button.addEventListener("click", async () => {
		say(button, await copied(code) ? "Copied" : "Select it");
		setTimeout(() => say(button, "Copy"), 1500);
	});
	return make("div", {className: "copy"}, make("span", {}, label), code, button);
}

/** The clipboard's interface is there on secure pages only; the older command works on the others. */
async function copied(code) {
	try {
		await navigator.clipboard.writeText(code.textContent);
		return true;
	} catch {
		getSelection().selectAllChildren(code);
		return document.execCommand("copy");
	}
}
