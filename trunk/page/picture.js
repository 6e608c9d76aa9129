// The cluster as a picture: trees of servers from left to right, drawn with our own few lines of layout.

import {svg} from "/page/dom.js";

const WIDE = 200, HIGH = 66, GAP_X = 64, GAP_Y = 16, EDGE = 12;

/** Gives each node its column and row: leaves one below the other, a parent in the middle of its children. */
function lay(node, depth, next) {
	node.x = EDGE + depth * (WIDE + GAP_X);
	for (const child of node.children)
		lay(child, depth + 1, next);
	const [first, last] = [node.children[0], node.children[node.children.length - 1]];
	node.y = first ? (first.y + last.y) / 2 : EDGE + (HIGH + GAP_Y) * next.row++;
}

const walk = (node, visit) => {
	visit(node);
	node.children.forEach(child => walk(child, visit));
};

const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;

function draw(node, out) {
	for (const child of node.children) {
		const x1 = node.x + WIDE, y1 = node.y + HIGH / 2, x2 = child.x, y2 = child.y + HIGH / 2, mid = (x1 + x2) / 2;
		out.append(svg("path", {d: `M${x1} ${y1} C${mid} ${y1} ${mid} ${y2} ${x2} ${y2}`}));
	}
	const group = svg("g", {class: [node.self && "self", node.lost && "lost"].filter(Boolean).join(" "), transform: `translate(${node.x} ${node.y})`},
		svg("title", {}, [node.title, ...node.lines].join("\n")), svg("rect", {width: WIDE, height: HIGH, rx: 10}),
		svg("text", {x: 12, y: 22, "font-weight": 600}, cut(node.title, 25)));
	node.lines.slice(0, 2).forEach((line, i) => group.append(svg("text", {x: 12, y: 40 + 16 * i, class: "sub"}, cut(line, 30))));
	out.append(group);
}

/** node: {title, lines, self, lost, children}. An element for the page. */
export function picture(roots, words) {
	const next = {row: 0}, out = svg("svg", {class: "picture", role: "img", "aria-label": words});
	let wide = 0;
	for (const root of roots) {
		lay(root, 0, next);
		walk(root, node => {
			draw(node, out);
			wide = Math.max(wide, node.x + WIDE + EDGE);
		});
	}
	const high = 2 * EDGE + next.row * (HIGH + GAP_Y) - GAP_Y;
	out.setAttribute("width", wide);
	out.setAttribute("height", high);
	out.setAttribute("viewBox", `0 0 ${wide} ${high}`);
	return out;
}
