// Boxes of MP4 (ISO 14496-12): a stream of bytes cut into them, and what an initialization segment says.

const BOX_MAX = 64 << 20;

const name = (data, at) => String.fromCharCode(...data.subarray(at, at + 4));
const u16 = (data, at) => data[at] << 8 | data[at + 1];
const u32 = (data, at) => data[at] * 0x1000000 + (data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]);
const hex = n => n.toString(16).padStart(2, "0");

/** Gathers bytes as they come and gives back what is whole of them. */
export class BoxReader {
	constructor() {
		this.rest = new Uint8Array(0);
	}

	/** The whole boxes that these bytes complete, as [{name, data}]. */
	feed(bytes) {
		let data = bytes, at = 0;
		if (this.rest.length) {
			data = new Uint8Array(this.rest.length + bytes.length);
			data.set(this.rest);
			data.set(bytes, this.rest.length);
		}
		const boxes = [];
		while (data.length - at >= 8) {
			const size = u32(data, at);
			if (size < 8 || size > BOX_MAX)
				throw new Error("what comes is no MP4");
			if (data.length - at < size)
				break;
			boxes.push({name: name(data, at + 4), data: data.subarray(at, at + size)});
			at += size;
		}
		this.rest = data.slice(at);
		return boxes;
	}
}

/** Calls visit(name, start of the content, end) for each box in a part of the data. */
function each(data, from, to, visit) {
	for (let at = from; at + 8 <= to;) {
		const size = u32(data, at);
		if (size < 8 || at + size > to)
			return;
		visit(name(data, at + 4), at + 8, at + size);
		at += size;
	}
}

function find(data, from, to, path) {
	const [first, ...others] = path;
	const found = [];
	each(data, from, to, (box, start, end) => {
		if (box === first)
			found.push(...others.length ? find(data, start, end, others) : [[start, end]]);
	});
	return found;
}

const CONTAINERS = {avc1: "avcC", avc3: "avcC", hvc1: "hvcC", hev1: "hvcC", av01: "av1C", vp09: "vpcC", mp4a: "esds"};

/** RFC 6381 and ISO 14496-15, annex E: the constraints without the zeroes at their end. */
function hevc(entry, data, at) {
	const profile = data[at + 1];
	let compatible = u32(data, at + 2), reversed = 0;
	for (let i = 0; i < 32; i++, compatible = Math.floor(compatible / 2))
		reversed = reversed * 2 + compatible % 2;
	const constraints = [...data.subarray(at + 6, at + 12)];
	while (constraints.length && !constraints[constraints.length - 1])
		constraints.pop();
	const parts = [entry, ["", "A", "B", "C"][profile >> 6] + (profile & 31), reversed.toString(16),
		(profile & 32 ? "H" : "L") + data[at + 12], ...constraints.map(n => n.toString(16))];
	return parts.join(".");
}

/** Descriptors of esds (ISO 14496-1): the object type, and for AAC the audio object type. */
function aac(data, at, end) {
	let type = 0x40, object = 2;
	for (let p = at + 4; p + 2 < end;) {
		const tag = data[p++];
		let size = 0, byte;
		do {
			byte = data[p++];
			size = size << 7 | byte & 127;
		} while (byte & 128 && p < end);
		if (tag === 3) {
			p += 3;
		} else if (tag === 4) {
			type = data[p];
			p += 13;
		} else {
			if (tag === 5)
				object = data[p] >> 3;
			p += size;
		}
	}
	return type === 0x40 ? `mp4a.40.${object}` : `mp4a.${hex(type)}`;
}

function codecOf(entry, data, at, end) {
	switch (entry) {
	case "avc1":
	case "avc3":
		return `${entry}.${hex(data[at + 1])}${hex(data[at + 2])}${hex(data[at + 3])}`;
	case "hvc1":
	case "hev1":
		return hevc(entry, data, at);
	case "av01": {
		const depth = data[at + 2] & 0x40 ? data[at + 2] & 0x20 ? 12 : 10 : 8;
		const level = String(data[at + 1] & 31).padStart(2, "0");
		return `av01.${data[at + 1] >> 5}.${level}${data[at + 2] & 0x80 ? "H" : "M"}.${String(depth).padStart(2, "0")}`;
	}
	case "vp09":
		return `vp09.${[data[at + 4], data[at + 5], data[at + 6] >> 4].map(n => String(n).padStart(2, "0")).join(".")}`;
	case "mp4a":
		return aac(data, at, end);
	}
	return entry;
}

/** The tracks of a moov box: [{kind: "video" | "audio", codec, width, height, rate, channels}]. */
export function tracksOf(moov) {
	const tracks = [];
	for (const [start, end] of find(moov, 8, moov.length, ["trak", "mdia", "minf", "stbl", "stsd"]))
		each(moov, start + 8, end, (entry, from, to) => {
			const isSound = ["mp4a", "Opus", "opus", "fLaC", ".mp3", "ac-3", "ec-3"].includes(entry);
			const inner = from + (isSound ? 28 : 78);
			const [config] = find(moov, inner, to, [CONTAINERS[entry] || "none"]);
			const known = entry === "Opus" ? "opus" : entry === "fLaC" ? "flac" : entry === ".mp3" ? "mp3" : entry;
			const codec = config ? codecOf(entry, moov, ...config) : known;
			tracks.push(isSound
				? {kind: "audio", codec, channels: u16(moov, from + 16), rate: u16(moov, from + 24)}
				: {kind: "video", codec, width: u16(moov, from + 24), height: u16(moov, from + 26)});
		});
	return tracks;
}
