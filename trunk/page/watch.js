// The page at "/": the streams of this server, one of them in a player, and how to publish.

import {copyRow, count, id, make, pictureText, rate, say, soundText} from "/page/dom.js";
import {ways} from "/page/play.js";
import {beginPublishing, canRtc} from "/page/rtc.js";

const video = id("video");
let info = null, wanted = null, session = null, retry = null, tries = 0, camera = null;

const defaultVhost = "__defaultVhost__";
const host = location.hostname || "127.0.0.1";
const escape = text => text.split("/").map(encodeURIComponent).join("/");
const fill = (pattern, s) => pattern.replace("[vhost]", escape(s.vhost)).replace("[app]", escape(s.app)).replace("[stream]", escape(s.name));
const vhostOf = name => info?.vhosts.find(v => v.name === name);
const port = (n, usual) => n === usual ? "" : `:${n}`;
const isTls = location.protocol === "https:";

/** "http://host:port" of what is served beside this page, by its ports; "" for the same port, null for none. */
function placeOf(at) {
	const n = isTls ? at.https_port : at.http_port;
	return at.here ? "" : n ? `${location.protocol}//${host}${port(n, isTls ? 443 : 80)}` : null;
}

const query = s => s.vhost === defaultVhost ? "" : `?vhost=${encodeURIComponent(s.vhost)}`;
const label = s => `${s.vhost === defaultVhost ? "" : s.vhost + "/"}${s.app}/${s.name}`;
const own = (list, s) => list?.find(x => x.vhost === s.vhost && x.app === s.app && x.name === s.name);

/** Where a stream is to be had; null where it is not. */
function addresses(s) {
	const vhost = vhostOf(s.vhost) || {};
	const names = `vhost=${encodeURIComponent(s.vhost)}&app=${encodeURIComponent(s.app)}&stream=${encodeURIComponent(s.name)}`;
	return {
		server: `rtmp://${host}${port(info.rtmp_port, 1935)}/${escape(s.app)}`,
		rtmp: `rtmp://${host}${port(info.rtmp_port, 1935)}/${escape(s.app)}/${escape(s.name)}${query(s)}`,
		mp4: vhost.remux && info.files ? `/page/${escape(s.app)}/${escape(s.name)}.mp4${query(s)}` : null,
		remux: vhost.remux && info.base ? info.base + fill(vhost.remux.replace(/^[^/]*/, ""), s) + query(s) : null,
		hls: vhost.hls && info.base ? info.base + "/" + fill(vhost.hls, s) + query(s) : null,
		whep: vhost.rtc ? `/rtc/v1/whep/?${names}` : null,
		whip: vhost.rtc ? `/rtc/v1/whip/?${names}` : null,
	};
}

// ---- playing ----

function note(words, again = false) {
	id("note").hidden = !words;
	say(id("words"), words);
	id("again").hidden = !again;
}

function stop() {
	clearTimeout(retry);
	session?.stop();
	session = null;
}

function begin() {
	stop();
	const stream = addresses(wanted), chosen = id("way").value;
	const way = ways.find(w => (chosen === "auto" || chosen === w.name) && w.can(stream, video));
	say(id("playing"), label(wanted));
	document.title = `${label(wanted)} – Live streams`;
	id("stop").disabled = false;
	if (!way) {
		note(stream.mp4 || stream.hls || stream.whep ? "This browser cannot play it so." :
			"This virtual host plays over RTMP only: http_remux, hls and rtc are off.");
		return;
	}
	note("Connecting …");
	session = way.begin(video, stream, ended);
}

/** Why it is over is said, and it is tried again, ever more slowly, until another one is chosen. */
function ended(why) {
	session = null;
	tries++;
	note(`${why}. Trying again …`, true);
	retry = setTimeout(begin, Math.min(8000, 500 * 2 ** Math.min(tries, 4)));
}

function choose(stream) {
	wanted = {vhost: stream.vhost, app: stream.app, name: stream.name};
	tries = 0;
	location.hash = `play=${encodeURIComponent(label(wanted))}`;
	begin();
	showStreams();
}

function halt() {
	stop();
	wanted = null;
	id("stop").disabled = true;
	say(id("playing"), "Nothing is playing");
	note("Choose a stream.");
	document.title = "Live streams";
	history.replaceState(null, "", location.pathname);
	showStreams();
}

/** "[vhost/]app/stream": what it is called in the list, or by hand. */
function named(text) {
	const parts = text.replace(/^\/+/, "").split("/").filter(Boolean);
	if (parts.length < 2)
		return null;
	const vhost = parts.length > 2 && vhostOf(parts[0]) ? parts.shift() : defaultVhost;
	return {vhost, name: parts.pop(), app: parts.join("/")};
}

function showFacts() {
	const now = session?.facts(), stream = wanted && own(info?.streams, wanted);
	const quality = session && video.getVideoPlaybackQuality?.();
	const tracks = kind => now?.tracks.filter(t => t.kind === kind).map(t => t.codec).join(", ");
	const size = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : "";
	const plays = now && video.readyState >= 2;
	if (plays && !video.seeking) {
		tries = 0;
		note("");
	}
	say(id("fact-latency"), plays ? `${Math.max(0, now.behind).toFixed(2)} s` : "–");
	say(id("fact-picture"), stream?.video ? pictureText(stream.video) : [tracks("video"), size].filter(Boolean).join(", ") || "–");
	say(id("fact-sound"), stream?.audio ? soundText(stream.audio) : tracks("audio") || "–");
	say(id("fact-rate"), now?.kbps ? rate(now.kbps) : "–");
	say(id("fact-frames"), plays && quality ? `${quality.totalVideoFrames}, ${quality.droppedVideoFrames} dropped` : "–");
	say(id("fact-clients"), stream ? String(stream.clients) : "–");
	say(id("fact-from"), !stream ? "–" : stream.relay ? relayText(stream.relay) : "a publisher here");
}

function relayText(relay) {
	const moves = relay.switches ? `, ${count(relay.switches, "switch")}${relay.reason ? ` (${relay.reason})` : ""}` : "";
	return `${relay.kind === "push" ? "a publisher here, sent to" : "origin"} ${relay.peer}${moves}`;
}

// ---- lists ----

function showStreams() {
	const list = info?.streams || [], box = id("streams"), had = document.activeElement?.dataset?.key;
	say(id("count"), info?.streams ? String(list.length + (info.left_out || 0)) : "");
	id("none").hidden = list.length > 0;
	if (info && !info.streams)
		say(id("none"), "This server does not list its streams here. Play one by its name.");
	else if (!list.length)
		say(id("none"), "Nobody publishes yet. How to begin is said below.");
	box.replaceChildren(...list.map(s => {
		const button = make("button", {type: "button"}, make("strong", {}, label(s)),
			make("span", {className: "small quiet"}, `${pictureText(s.video)} · ${count(s.clients, "client")}`));
		button.dataset.key = label(s);
		button.setAttribute("aria-pressed", String(Boolean(wanted && own([s], wanted))));
		button.addEventListener("click", () => choose(s));
		return make("li", {}, button);
	}));
	if (had)
		[...box.querySelectorAll("button")].find(b => b.dataset.key === had)?.focus();
}

function showAddresses() {
	const s = {vhost: id("to-vhost").value || defaultVhost, app: id("to-app").value.trim() || "live", name: id("to-stream").value.trim() || "livestream"};
	const a = addresses(s);
	const absolute = url => new URL(url, location.href).href;
	const publish = [["OBS: server", a.server], ["OBS: stream key", escape(s.name) + query(s)],
		["ffmpeg", `ffmpeg -re -i FILE -c copy -f flv '${a.rtmp}'`]];
	const play = [["RTMP", a.rtmp]];
	if (a.remux)
		play.push(["HTTP", a.remux]);
	if (a.mp4)
		play.push(["Fragmented MP4, HTTP or WebSocket", absolute(a.mp4)]);
	if (a.hls)
		play.push(["HLS", a.hls]);
	if (a.whip) {
		publish.push(["WebRTC (WHIP)", absolute(a.whip)]);
		play.push(["WebRTC (WHEP)", absolute(a.whep)]);
	}
	id("to-publish").replaceChildren(...publish.map(([name, text]) => copyRow(name, text)));
	id("to-play").replaceChildren(...play.map(([name, text]) => copyRow(name, text)));
	id("camera").hidden = !(a.whip && canRtc && navigator.mediaDevices);
	return {s, a};
}

async function toggleCamera() {
	if (camera) {
		camera.stop();
		cameraEnded("");
		return;
	}
	const {s, a} = showAddresses();
	say(id("camera-words"), "Connecting …");
	try {
		camera = await beginPublishing(a.whip, cameraEnded);
		if (camera.over) {
			camera = null;
			return;
		}
		say(id("camera-words"), `This camera is ${label(s)}.`);
		say(id("camera"), "Stop publishing");
	} catch (e) {
		cameraEnded(e.message);
	}
}

function cameraEnded(why) {
	camera = null;
	say(id("camera-words"), why);
	say(id("camera"), "Publish this camera");
}

// ---- what the server says ----

function showServer() {
	say(id("server"), `${info.role} · ${info.version}`);
	id("title").classList.add("is-well");
	const at = info.console && placeOf(info.console);
	id("console").hidden = typeof at !== "string";
	id("console").href = at + "/page/console.html";
}

function fillChoices() {
	id("to-vhost").replaceChildren(...info.vhosts.map(v => make("option", {value: v.name}, v.name)));
	id("to-vhost").closest("label").hidden = info.vhosts.length < 2;
	id("way").replaceChildren(make("option", {value: "auto"}, "Automatic"), ...ways.map(w => make("option", {value: w.name}, w.label)));
}

async function refresh() {
	try {
		const answer = await fetch("/api/v1/page", {credentials: "omit"});
		const first = !info;
		info = (await answer.json()).data;
		info.base = info.files ? location.origin : placeOf(info);
		showServer();
		if (first) {
			fillChoices();
			showAddresses();
			follow();
		}
		showStreams();
	} catch {
		id("title").classList.remove("is-well");
		say(id("server"), "does not answer");
	}
	setTimeout(refresh, document.hidden ? 10000 : 2000);
}

/** A link to this page may name what it is to play. */
function follow() {
	const text = new URLSearchParams(location.hash.slice(1)).get("play");
	const stream = text && named(text);
	if (stream && !(wanted && own([stream], wanted)))
		choose(stream);
}

function sound() {
	video.muted = !video.muted;
}

id("again").addEventListener("click", begin);
id("stop").addEventListener("click", halt);
id("sound").addEventListener("click", sound);
id("way").addEventListener("change", () => wanted && begin());
id("camera").addEventListener("click", toggleCamera);
id("open").addEventListener("submit", e => {
	e.preventDefault();
	const stream = named(id("name").value.trim());
	if (stream)
		choose(stream);
	else
		note("A stream is app/stream, as live/livestream.");
});
for (const name of ["to-vhost", "to-app", "to-stream"])
	id(name).addEventListener("input", showAddresses);
video.addEventListener("volumechange", () => {
	id("sound").setAttribute("aria-pressed", String(!video.muted));
	say(id("sound"), video.muted ? "Sound" : "Mute");
});
addEventListener("hashchange", follow);
addEventListener("pagehide", () => {
	stop();
	camera?.stop();
});
document.addEventListener("keydown", e => {
	if (e.target.matches("input, select, textarea") || e.ctrlKey || e.metaKey || e.altKey)
		return;
	if (e.key === "m")
		sound();
	else if (e.key === "s" && wanted)
		halt();
	else if (e.key === "f")
		video.requestFullscreen?.();
});
setInterval(showFacts, 500);
refresh();
