// The console: what the API knows of streams, clients, vhosts and the cluster, and clients disconnected by it.

import {call, isSignedIn, signIn, signOut} from "/page/api.js";
import {bytes, count, id, lasting, make, pictureText, rate, say, soundText} from "/page/dom.js";
import {picture} from "/page/picture.js";

const COUNT = 200;
let shown = null, timer = null, round = 0;

const both = kbps => `${rate(kbps.recv_30s)} in, ${rate(kbps.send_30s)} out`;

/** Columns are [title, value of a row (text or element), is a number]. */
function table(rows, columns, words) {
	if (!rows.length)
		return make("p", {className: "empty"}, words);
	const head = make("tr", {}, ...columns.map(([title, , number]) => make("th", {scope: "col", className: number ? "number" : ""}, title)));
	const body = rows.map(row => make("tr", {}, ...columns.map(([title, value, number], i) => {
		const cell = make("td", {className: number ? "number" : ""}, value(row));
		if (i && title)
			cell.dataset.label = title;
		return cell;
	})));
	return make("div", {className: "scroll"},
		make("table", {className: "cards"}, make("thead", {}, head), make("tbody", {}, ...body)));
}

function more(list) {
	return list.length >= COUNT ? [make("p", {className: "empty"}, `The first ${COUNT} are shown; the API has the others (?start=${COUNT}).`)] : [];
}

/** A name and what is said below it. */
const titled = (title, below) => make("div", {}, make("strong", {}, title), make("div", {className: "small quiet"}, below));

async function streams() {
	const [{streams: list}, {vhosts}] = await Promise.all([call(`/api/v1/streams/?count=${COUNT}`), call("/api/v1/vhosts/")]);
	const vhost = s => vhosts.find(v => v.id === s.vhost)?.name || s.vhost;
	return [table(list, [
		["Stream", s => titled(`${s.app}/${s.name}`, vhost(s))],
		["State", s => s.publish.active ? make("span", {className: "good"}, "live") : make("span", {className: "warn"}, "waited for")],
		["Comes from", s => s.relay ? `${s.relay.kind} ${s.relay.peer}${s.relay.switches ? `, ${count(s.relay.switches, "switch")}` : ""}` : s.publish.active ? "a publisher" : "–"],
		["Picture", s => pictureText(s.video)],
		["Sound", s => soundText(s.audio)],
		["Clients", s => String(s.clients), true],
		["Rate", s => both(s.kbps), true],
		["", s => s.publish.active && s.publish.cid ? kickButton(s.publish.cid, `the publisher of ${s.app}/${s.name}`) : ""],
	], "Nobody publishes."), ...more(list)];
}

async function clients() {
	const {clients: list} = await call(`/api/v1/clients/?count=${COUNT}`);
	return [table(list, [
		["Client", c => titled(c.ip, c.id)],
		["Kind", c => c.type],
		["Stream", c => c.url],
		["Since", c => lasting(c.alive), true],
		["Rate", c => both(c.kbps), true],
		["Sent", c => bytes(c.send_bytes), true],
		["Lag", c => c.trace && !c.publish ? `${c.trace.lag_ms} ms` : "–", true],
		["", c => kickButton(c.id, `${c.ip} (${c.type})`)],
	], "No clients are connected."), ...more(list)];
}

async function vhosts() {
	const {vhosts: list} = await call("/api/v1/vhosts/");
	return [table(list, [
		["Virtual host", v => titled(v.name, v.id)],
		["State", v => v.enabled ? "on" : "off"],
		["HLS", v => v.hls.enabled ? "on" : "off"],
		["Streams", v => String(v.streams), true],
		["Clients", v => String(v.clients), true],
		["Rate", v => both(v.kbps), true],
		["Received", v => bytes(v.recv_bytes), true],
		["Sent", v => bytes(v.send_bytes), true],
	], "No virtual host has had a client yet.")];
}

// ---- cameras of GB28181 ----

const CALLS = {none: "silent", inviting: "called", answered: "called, no media yet", live: "live", pausing: "called again soon"};

function callState(it) {
	const words = make("span", {className: it.call === "live" ? "good" : it.why ? "warn" : ""}, CALLS[it.call] || it.call);
	return it.why ? make("div", {}, words, make("div", {className: "small quiet"}, it.why)) : words;
}

function cameraRows(device) {
	const state = device.online ? make("span", {className: "good"}, "on line") : make("span", {className: "warn"}, device.why || "off line");
	const own = {...device, title: device.id, below: `${device.transport || ""} ${device.address} ${device.user_agent}`.trim(), state};
	return [own, ...device.channels.map(c => ({...c, title: `${device.id} › ${c.id}`, below: [c.name, c.manufacturer, c.model].filter(x => x).join(", "),
		state: c.on ? "on" : "off"}))];
}

async function cameras() {
	const {devices, gb28181} = await call(`/api/v1/gb/devices?count=${COUNT}`);
	return [table(devices.flatMap(cameraRows), [
		["Camera", c => titled(c.title, c.below)],
		["State", c => c.state],
		["Pictures", callState],
		["Stream", c => c.stream || "–"],
	], gb28181.enabled ? "No camera has registered." : "GB28181 is off (stream_caster)."), ...more(devices)];
}

/** The tab is there where cameras are served. */
async function showCameras() {
	const {gb28181} = await call("/api/v1/gb/devices?count=1");
	for (const button of id("tabs").children)
		if (button.dataset.key === "cameras")
			button.hidden = !gb28181.enabled;
}

// ---- the cluster ----

function treeNode(node, self) {
	const state = node.known ? `${count(node.viewers, "viewer")} here${node.claimed ? " (claimed)" : ""}${node.lag_ms ? `, ${node.lag_ms} ms late` : ""}` : node.why || "not known";
	return {title: `${node.role} ${node.server || node.node || node.ip || "?"}`, self: node.node === self, lost: !node.known || node.state === "waiting",
		lines: [`${node.rtmp || node.ip || ""} ${node.kind}${node.switches ? `, ${count(node.switches, "switch")}` : ""}`, state],
		children: (node.relays || []).map(relay => treeNode(relay, self))};
}

function neighbour(node) {
	return {title: `${node.kind} ${node.name}`, lost: !node.alive, children: [],
		lines: node.alive ? [`answers in ${node.answer_ms} ms`, node.streams === undefined ? "" : count(node.streams, "stream")] :
			["does not answer", node.last_failure || ""]};
}

async function cluster() {
	let nodes, trees;
	try {
		[nodes, trees] = await Promise.all([call("/api/v1/clusters/nodes"), call("/api/v1/clusters/streams")]);
	} catch (e) {
		if (e.status !== 401)
			throw e;
		return [make("p", {className: "empty"}, isSignedIn() ? `The API says: ${e.message}.` :
			"The servers of this cluster share a secret: who may look at all of it signs in.")];
	}
	const self = {title: `this ${nodes.self.role}`, self: true, lines: [nodes.self.rtmp, nodes.self.server], children: nodes.nodes.map(neighbour)};
	const parts = [make("p", {className: "empty"}, nodes.nodes.length ? "The servers around this one, each asked now." : "This server knows no other one."),
		make("div", {className: "scroll body"}, picture([self], "This server and the servers around it"))];
	for (const tree of trees.streams)
		parts.push(make("header", {className: "body"}, make("h2", {}, tree.stream),
			make("span", {className: "small quiet"}, `${count(tree.viewers_total, "viewer")}${tree.viewers_claimed ? ` (${tree.viewers_claimed} claimed)` : ""} at ${count(tree.nodes, "server")}${tree.left_out ? `, ${tree.left_out} more` : ""}`)),
		make("div", {className: "scroll body"}, picture([treeNode(tree.origin, nodes.self.node)], `The servers that have ${tree.stream}`)));
	if (trees.left_out)
		parts.push(make("p", {className: "empty"}, `${trees.left_out} more streams are not shown.`));
	return parts;
}

const tabs = [["streams", "Streams", streams, 2000], ["clients", "Clients", clients, 2000], ["vhosts", "Virtual hosts", vhosts, 4000],
	["cameras", "Cameras", cameras, 2000], ["cluster", "Cluster", cluster, 4000]];

// ---- what it does ----

function sure(words) {
	const dialog = id("sure");
	say(id("sure-words"), words);
	dialog.returnValue = "";
	dialog.showModal();
	return new Promise(resolve => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), {once: true}));
}

function kickButton(client, who) {
	const button = make("button", {className: "slim risky", type: "button"}, "Disconnect");
	button.dataset.key = client;
	button.setAttribute("aria-label", `Disconnect ${who}`);
	button.addEventListener("click", () => kick(client, who));
	return button;
}

async function kick(client, who) {
	if (!await sure(`Disconnect ${who}?`))
		return;
	const path = `/api/v1/clients/${encodeURIComponent(client)}`;
	try {
		try {
			await call(path, "DELETE");
		} catch (e) {
			if (e.status !== 401 || !await signIn())
				throw e;
			await call(path, "DELETE");
		}
		alarm("");
	} catch (e) {
		alarm(e.code === 2049 ? "" : `${who} was not disconnected: ${e.message}`, true);
	}
	refresh();
}

let alarmStays = 0;

function alarm(words, stays = false) {
	if (!words && !stays && performance.now() < alarmStays)
		return;
	alarmStays = stays ? performance.now() + 10000 : 0;
	id("alarm").hidden = !words;
	say(id("alarm"), words);
}

// ---- what is shown ----

function figure(value, words) {
	return make("div", {className: "card"}, make("b", {}, value), make("span", {className: "small quiet"}, words));
}

async function showSummary() {
	const {data, server} = await call("/api/v1/summaries");
	const {self, system, cluster} = data;
	say(id("server"), server);
	id("figures").replaceChildren(figure(lasting(self.srs_uptime), "up"), figure(String(system.conn_srs), "connections"),
		figure(`${(self.cpu_percent * 100).toFixed(1)} %`, "of one CPU"), figure(bytes(self.mem_kbyte * 1024), "memory"),
		figure(String(cluster.pulls), "streams pulled"), figure(String(cluster.switches), "switches of origin"));
}

/** The panel is made anew; what had the focus has it again, and nothing changes under a selection. */
function fill(parts) {
	const panel = id("panel"), key = document.activeElement?.dataset?.key, at = [...panel.querySelectorAll(".scroll")].map(s => s.scrollLeft);
	if (panel.contains(getSelection().anchorNode) && !getSelection().isCollapsed)
		return;
	panel.replaceChildren(...parts);
	[...panel.querySelectorAll(".scroll")].forEach((s, i) => { s.scrollLeft = at[i] || 0; });
	if (key)
		panel.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

async function refresh() {
	clearTimeout(timer);
	const mine = ++round, [, , load, every] = shown;
	try {
		const [parts] = await Promise.all([load(), showSummary(), showCameras()]);
		if (mine !== round)
			return;
		fill(parts);
		id("title").classList.add("is-well");
		alarm("");
	} catch (e) {
		if (mine !== round)
			return;
		id("title").classList.remove("is-well");
		alarm(e.status ? e.message : "The server does not answer.");
		if (e.status === 401)
			id("panel").replaceChildren(make("p", {className: "empty"}, "The API asks for a name and a password."));
	}
	say(id("sign"), isSignedIn() ? "Sign out" : "Sign in");
	timer = setTimeout(refresh, document.hidden ? 5 * every : every);
}

function show(tab) {
	shown = tab;
	for (const button of id("tabs").children) {
		const is = button.dataset.key === tab[0];
		button.setAttribute("aria-selected", String(is));
		button.tabIndex = is ? 0 : -1;
	}
	history.replaceState(null, "", `#${tab[0]}`);
	id("panel").setAttribute("aria-label", tab[1]);
	refresh();
}

/** Arrows move between tabs, as readers of WAI-ARIA expect. */
function move(e) {
	const step = {ArrowRight: 1, ArrowLeft: -1}[e.key];
	if (!step)
		return;
	const buttons = [...id("tabs").children], seen = buttons.filter(b => !b.hidden);
	const next = seen[(seen.indexOf(buttons[tabs.indexOf(shown)]) + step + seen.length) % seen.length];
	show(tabs[buttons.indexOf(next)]);
	next.focus();
}

async function showWatch() {
	try {
		const {data} = await (await fetch("/api/v1/page", {credentials: "omit"})).json();
		const n = location.protocol === "https:" ? data.https_port : data.http_port;
		id("watch").hidden = !data.files && !n;
		id("watch").href = data.files ? "/page/" : `${location.protocol}//${location.hostname}:${n}/page/`;
	} catch {
		// The link is a convenience.
	}
}

id("tabs").append(...tabs.map(tab => {
	const button = make("button", {type: "button", role: "tab"}, tab[1]);
	button.dataset.key = tab[0];
	button.hidden = tab[0] === "cameras";
	button.setAttribute("aria-controls", "panel");
	button.addEventListener("click", () => show(tab));
	return button;
}));
id("tabs").addEventListener("keydown", move);
id("ask-no").addEventListener("click", () => id("ask").close());
id("sure-no").addEventListener("click", () => id("sure").close());
id("sign").addEventListener("click", async () => {
	if (isSignedIn())
		signOut();
	else
		await signIn();
	refresh();
});
showWatch();
show(tabs.find(([name]) => `#${name}` === location.hash) || tabs[0]);
