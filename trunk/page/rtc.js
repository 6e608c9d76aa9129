// WebRTC by WHEP (to watch) and WHIP (to publish), RFC 9725: one POST with the offer, DELETE at the end.

export const canRtc = typeof RTCPeerConnection === "function";

async function exchange(pc, url) {
	await pc.setLocalDescription(await pc.createOffer());
	const answer = await fetch(url, {method: "POST", headers: {"Content-Type": "application/sdp"}, body: pc.localDescription.sdp});
	const text = await answer.text();
	if (!answer.ok)
		throw new Error(`The server says ${answer.status}: ${text.trim()}`);
	await pc.setRemoteDescription({type: "answer", sdp: text});
	const place = answer.headers.get("Location");
	return place && new URL(place, new URL(url, location.href)).href;
}

/** A session: ends by stop(), or by itself, and then report(why) is called. */
function begin(pc, url, report) {
	const session = {pc, over: false};
	session.stop = () => {
		if (session.over)
			return;
		session.over = true;
		const deleted = session.place ? fetch(session.place, {method: "DELETE", keepalive: true}) : Promise.resolve();
		deleted.catch(() => {}).finally(() => pc.close());
	};
	const end = why => {
		if (!session.over) {
			session.stop();
			report(why);
		}
	};
	pc.addEventListener("connectionstatechange", () => {
		if (pc.connectionState === "failed" || pc.connectionState === "closed")
			end("The connection was lost");
	});
	session.ready = exchange(pc, url).then(place => {
		session.place = place;
		if (session.over && place)
			fetch(place, {method: "DELETE"}).catch(() => {});
	}).catch(e => end(e.message));
	return session;
}

export function beginWatching(video, stream, report) {
	const pc = new RTCPeerConnection(), media = new MediaStream();
	let kbps = 0, before = null, behind = 0, tracks = [];
	for (const kind of ["audio", "video"])
		pc.addTransceiver(kind, {direction: "recvonly"});
	pc.addEventListener("track", e => media.addTrack(e.track));
	video.srcObject = media;
	video.play().catch(() => {});
	const session = begin(pc, stream.whep, why => {
		clean();
		report(why);
	});
	const timer = setInterval(async () => {
		let received = 0;
		const stats = [...(await pc.getStats()).values()];
		tracks = stats.filter(s => s.type === "inbound-rtp").map(s => {
			received += s.bytesReceived;
			if (s.jitterBufferEmittedCount)
				behind = Math.max(0, s.jitterBufferDelay / s.jitterBufferEmittedCount);
			return {kind: s.kind, codec: stats.find(c => c.id === s.codecId)?.mimeType.split("/")[1] || "?"};
		});
		const now = performance.now();
		if (before)
			kbps = (received - before[1]) * 8 / (now - before[0]);
		before = [now, received];
	}, 1000);
	const clean = () => {
		clearInterval(timer);
		video.srcObject = null;
	};
	return {
		facts: () => ({behind, tracks, kbps}),
		stop() {
			session.stop();
			clean();
		},
	};
}

/** Publishes this camera and microphone; resolves to the session, whose media is shown by the caller. */
export async function beginPublishing(url, report) {
	const media = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 1280, height: 720}});
	const release = () => media.getTracks().forEach(track => track.stop());
	const pc = new RTCPeerConnection();
	media.getTracks().forEach(track => pc.addTransceiver(track, {direction: "sendonly", streams: [media]}));
	const session = begin(pc, url, why => {
		release();
		report(why);
	});
	await session.ready;
	return {media, get over() { return session.over; }, stop() { session.stop(); release(); }};
}
