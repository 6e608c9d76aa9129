// The API as the console asks it: same origin, and the name and password only in this tab's memory. The browser's
// own dialog is never used (credentials: "omit"), so that a wrong password is said where it was typed.

import {id} from "/page/dom.js";

let authorization = "";

export const isSignedIn = () => authorization !== "";

export function signOut() {
	authorization = "";
}

/** Asks for a name and a password in a dialog; true when something was typed. */
export function signIn() {
	const dialog = id("ask");
	dialog.returnValue = "";
	dialog.showModal();
	return new Promise(resolve => dialog.addEventListener("close", () => {
		const name = id("ask-name").value, secret = id("ask-secret").value;
		const typed = dialog.returnValue === "yes" && secret !== "";
		if (typed)
			authorization = name ? `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${name}:${secret}`)))}` : `Bearer ${secret}`;
		id("ask-secret").value = "";
		resolve(typed);
	}, {once: true}));
}

/** An answer's object. Fails with {status, message}, in the words of the server where it has some. */
export async function call(path, method = "GET") {
	const answer = await fetch(path, {method, credentials: "omit", cache: "no-store",
		headers: authorization ? {Authorization: authorization} : {}});
	const text = await answer.text();
	let body = {};
	try {
		body = JSON.parse(text);
	} catch {
		body = {why: text.trim().slice(0, 200)};
	}
	if (answer.ok && !body.code)
		return body;
	const words = {401: "Sign in first", 403: "That is not allowed", 429: "Too many wrong passwords, try again later"}[answer.status];
	throw Object.assign(new Error(body.why || words || `The API says ${answer.status}, code ${body.code}`), {status: answer.status, code: body.code});
}
