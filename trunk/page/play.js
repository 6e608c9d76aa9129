// Ways to play a live stream in a video element. Each is a row of `ways`: whether this browser can, and what
// begins it. begin(video, stream, report) returns {stop(), facts()}; report(text) says why it is over.

import {BoxReader, tracksOf} from "/page/boxes.js";
import {beginWatching, canRtc} from "/page/rtc.js";

const Source = globalThis.ManagedMediaSource || globalThis.MediaSource;
const AIM = 0.3, FAST = 0.6, JUMP = 2.5;	// seconds behind the newest picture
const KEPT = 15;				// seconds that stay in the buffer behind the position
const QUEUE_MAX = 32 << 20;

/** A media source that is fed with fragmented MP4 and played close to its end. */
class Feed {
	constructor(video, report) {
		this.video = video;
		this.report = report;
		this.reader = new BoxReader();
		this.queue = [];
		this.queued = this.received = 0;
		this.tracks = [];
		this.buffer = this.head = null;
		this.rates = [];
		this.media = new Source();
		this.media.addEventListener("sourceopen", () => this.pump(), {once: true});
		this.url = URL.createObjectURL(this.media);
		video.disableRemotePlayback = true;
		video.src = this.url;
		this.failed = () => this.end(`The browser could not play it: ${video.error?.message || "unknown error"}`);
		video.addEventListener("error", this.failed);
		this.timer = setInterval(() => this.follow(), 200);
	}

	take(bytes) {
		this.received += bytes.length;
		try {
			for (const box of this.reader.feed(bytes))
				this.takeBox(box);
			this.pump();
		} catch (e) {
			this.end(e.message);
		}
	}

	/** ftyp and moov go together, and so do moof and mdat. */
	takeBox({name, data}) {
		this.head = this.head ? join(this.head, data) : data;
		if (name === "moov")
			this.push({init: tracksOf(data), data: this.head});
		else if (name === "mdat")
			this.push({data: this.head});
		if (name === "moov" || name === "mdat")
			this.head = null;
	}

	push(piece) {
		this.queued += piece.data.length;
		if (this.queued > QUEUE_MAX)
			throw new Error("The browser does not keep up with the stream");
		this.queue.push(piece);
	}

	/** Everything that is there in as few appends as possible; a head stands alone, since it may change the decoder. */
	pump() {
		if (this.over || this.media.readyState !== "open" || !this.queue.length || this.buffer?.updating)
			return;
		if (this.queue[0].init) {
			this.prepare(this.queue[0].init);
			this.append([this.queue.shift()]);
			return;
		}
		let n = this.queue.findIndex(piece => piece.init);
		this.append(this.queue.splice(0, n < 0 ? this.queue.length : n));
	}

	prepare(tracks) {
		const type = `video/mp4; codecs="${tracks.map(t => t.codec).join(", ")}"`;
		if (!tracks.length || !Source.isTypeSupported(type))
			throw new Error(`This browser does not play ${tracks.map(t => t.codec).join(" and ") || "this"}`);
		this.tracks = tracks;
		if (this.buffer) {
			this.buffer.changeType(type);
			return;
		}
		this.buffer = this.media.addSourceBuffer(type);
		this.buffer.addEventListener("updateend", () => {
			this.follow();
			this.pump();
		});
	}

	append(pieces) {
		const size = pieces.reduce((sum, piece) => sum + piece.data.length, 0);
		this.queued -= size;
		try {
			this.buffer.appendBuffer(pieces.length === 1 ? pieces[0].data : join(...pieces.map(piece => piece.data)));
		} catch (e) {
			this.end(`The browser has refused the stream: ${e.message}`);
		}
	}

	get behind() {
		const ranges = this.video.buffered;
		return ranges.length ? ranges.end(ranges.length - 1) - this.video.currentTime : 0;
	}

	/** Stays close to the newest picture: a little faster when late, a jump when very late or where there is a hole. */
	follow() {
		const {video} = this, ranges = video.buffered;
		if (this.over || !ranges.length)
			return;
		const from = ranges.start(ranges.length - 1), to = ranges.end(ranges.length - 1);
		if (!video.seeking && (video.currentTime < from || to - video.currentTime > JUMP))
			video.currentTime = Math.max(from, to - AIM);
		const late = to - video.currentTime;
		video.playbackRate = late > FAST ? 1.1 : late < AIM ? 1 : video.playbackRate;
		if (!this.begun) {
			this.begun = true;
			video.play().catch(() => {});
		}
		if (this.buffer && !this.buffer.updating && video.currentTime - ranges.start(0) > 2 * KEPT)
			this.buffer.remove(0, video.currentTime - KEPT);
	}

	facts() {
		const now = performance.now();
		this.rates.push([now, this.received]);
		while (this.rates.length > 2 && now - this.rates[0][0] > 3000)
			this.rates.shift();
		const [at, before] = this.rates[0];
		return {behind: this.behind, tracks: this.tracks,
			kbps: now > at ? (this.received - before) * 8 / (now - at) : 0};
	}

	end(why) {
		if (this.over)
			return;
		this.stop();
		this.report(why);
	}

	stop() {
		this.over = true;
		clearInterval(this.timer);
		this.video.removeEventListener("error", this.failed);
		this.video.removeAttribute("src");
		this.video.load();
		URL.revokeObjectURL(this.url);
		this.closed?.();
	}
}

function join(...pieces) {
	const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}

function beginSocket(video, stream, report) {
	const feed = new Feed(video, report);
	const socket = new WebSocket(new URL(stream.mp4, location.href.replace(/^http/, "ws")));
	socket.binaryType = "arraybuffer";
	socket.addEventListener("message", e => feed.take(new Uint8Array(e.data)));
	socket.addEventListener("close", e => feed.end(e.reason || "The stream is over, or not there"));
	feed.closed = () => socket.close();
	return feed;
}

function beginFetch(video, stream, report) {
	const feed = new Feed(video, report);
	const abort = new AbortController();
	feed.closed = () => abort.abort();
	(async () => {
		const answer = await fetch(stream.mp4, {signal: abort.signal});
		if (!answer.ok)
			throw new Error(`The server says ${answer.status}: ${(await answer.text()).trim()}`);
		const reader = answer.body.getReader();
		for (let got; !(got = await reader.read()).done;)
			feed.take(got.value);
		throw new Error("The stream is over");
	})().catch(e => feed.end(e.message));
	return feed;
}

function beginNative(video, stream, report) {
	const over = () => report(video.error?.message || "The stream is over");
	const events = ["error", "ended"];
	events.forEach(name => video.addEventListener(name, over));
	video.src = stream.hls;
	video.play().catch(() => {});
	return {
		facts: () => ({behind: video.seekable.length ? video.seekable.end(video.seekable.length - 1) - video.currentTime : 0, tracks: []}),
		stop() {
			events.forEach(name => video.removeEventListener(name, over));
			video.removeAttribute("src");
			video.load();
		},
	};
}

/** stream: {mp4, hls, whep}, each a URL or null. The first that can is what "automatic" means. */
export const ways = [
	{name: "ws", label: "MP4 over WebSocket", can: stream => stream.mp4 && Source && globalThis.WebSocket, begin: beginSocket},
	{name: "http", label: "MP4 over HTTP", can: stream => stream.mp4 && Source && globalThis.ReadableStream, begin: beginFetch},
	{name: "rtc", label: "WebRTC", can: stream => stream.whep && canRtc, begin: beginWatching},
	{name: "hls", label: "HLS", can: (stream, video) => stream.hls && video.canPlayType("application/vnd.apple.mpegurl"), begin: beginNative},
];
