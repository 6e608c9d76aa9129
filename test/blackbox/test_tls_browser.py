"""A page over HTTPS in a real browser that plays FLV over TLS through Media Source Extensions."""
import os

from support.case import browser
from test_tls import https, start

PAGE = """<!doctype html><title>mse</title><video muted></video><script>
const u32 = n => [n >>> 24 & 255, n >>> 16 & 255, n >>> 8 & 255, n & 255], u16 = n => [n >>> 8 & 255, n & 255];
const zeros = n => new Array(n).fill(0), text = s => [...s].map(c => c.charCodeAt(0));
function box(type, ...parts) {
  const n = parts.reduce((sum, p) => sum + p.length, 8), out = new Uint8Array(n);
  out.set(u32(n), 0); out.set(text(type), 4);
  let at = 8;
  for (const p of parts) { out.set(p, at); at += p.length; }
  return out;
}
const matrix = [...u32(65536), ...zeros(12), ...u32(65536), ...zeros(12), ...u32(1073741824)];
function init(avcc) {
  const entry = box('avc1', [...zeros(6), 0, 1, ...zeros(16), ...u16(320), ...u16(180), ...u32(4718592), ...u32(4718592),
                             ...zeros(4), 0, 1, ...zeros(32), ...u16(24), 255, 255], box('avcC', avcc));
  const stbl = box('stbl', box('stsd', [...zeros(7), 1], entry), box('stts', zeros(8)), box('stsc', zeros(8)),
                   box('stsz', zeros(12)), box('stco', zeros(8)));
  const minf = box('minf', box('vmhd', [0, 0, 0, 1, ...zeros(8)]),
                   box('dinf', box('dref', [...zeros(7), 1], box('url ', [0, 0, 0, 1]))), stbl);
  const mdia = box('mdia', box('mdhd', [...zeros(12), ...u32(1000), ...zeros(4), 0x55, 0xc4, 0, 0]),
                   box('hdlr', [...zeros(8), ...text('vide'), ...zeros(12), 0]), minf);
  const tkhd = box('tkhd', [0, 0, 0, 3, ...zeros(8), ...u32(1), ...zeros(24), ...matrix, ...u32(320 << 16), ...u32(180 << 16)]);
  const mvhd = box('mvhd', [...zeros(12), ...u32(1000), ...zeros(4), ...u32(65536), 1, 0, ...zeros(10), ...matrix,
                            ...zeros(24), ...u32(2)]);
  const trex = box('trex', [...zeros(4), ...u32(1), ...u32(1), ...zeros(12)]);
  const head = box('ftyp', [...text('isom'), ...u32(1), ...text('isomavc1')]);
  const moov = box('moov', mvhd, box('trak', tkhd, mdia), box('mvex', trex));
  return [head, moov];
}
let sequence = 0;
function fragment(f, duration) {
  const make = offset => box('moof', box('mfhd', [...zeros(4), ...u32(++sequence)]), box('traf',
    box('tfhd', [0, 2, 0, 0, ...u32(1)]), box('tfdt', [1, 0, 0, 0, ...u32(0), ...u32(f.ts)]),
    box('trun', [0, 0, 0x0f, 1, ...u32(1), ...u32(offset), ...u32(duration), ...u32(f.data.length),
                 ...u32(f.key ? 0x02000000 : 0x01010000), ...u32(f.cts)])));
  return [make(make(0).length + 8), box('mdat', f.data)];
}
async function play(url) {
  const video = document.querySelector('video'), source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise(done => source.addEventListener('sourceopen', done, {once: true}));
  let buffer = null, waiting = [], last = null, bytes = new Uint8Array(0), at = 13;
  const push = (...parts) => { waiting.push(...parts); feed(); };
  const feed = () => { if (buffer && !buffer.updating && waiting.length) buffer.appendBuffer(waiting.shift()); };
  const reader = (await fetch(url)).body.getReader();
  setInterval(() => {
    if (video.buffered.length && video.currentTime < video.buffered.start(0)) video.currentTime = video.buffered.start(0);
    if (video.paused && video.buffered.length) video.play();
  }, 50);
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    const all = new Uint8Array(bytes.length + value.length);
    all.set(bytes); all.set(value, bytes.length); bytes = all;
    while (bytes.length >= at + 11) {
      const size = bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
      if (bytes.length < at + 11 + size + 4) break;
      const ts = (bytes[at + 4] << 16 | bytes[at + 5] << 8 | bytes[at + 6]) + bytes[at + 7] * 16777216;
      const d = bytes.slice(at + 11, at + 11 + size);
      if (bytes[at] === 9 && (d[0] & 15) === 7 && d[1] === 0 && !buffer) {
        const avcc = d.slice(5), hex = n => n.toString(16).padStart(2, '0');
        buffer = source.addSourceBuffer(`video/mp4; codecs="avc1.${hex(avcc[1])}${hex(avcc[2])}${hex(avcc[3])}"`);
        buffer.addEventListener('updateend', feed);
        push(...init(avcc));
      } else if (bytes[at] === 9 && (d[0] & 15) === 7 && d[1] === 1 && buffer) {
        const next = {ts, key: d[0] >> 4 === 1, cts: d[2] << 16 | d[3] << 8 | d[4], data: d.slice(5)};
        if (last) push(...fragment(last, Math.max(1, next.ts - last.ts)));
        last = next;
      }
      at += 11 + size + 4;
    }
    bytes = bytes.slice(at); at = 0;
  }
}
play(location.hash.slice(1)).catch(e => { document.title = String(e); });
</script>"""


@browser
def test_a_page_over_https_plays_flv(t):
    """Chromium loads a page over HTTPS, fetches FLV over TLS and shows the picture by Media Source Extensions."""
    s = start(t)
    with open(os.path.join(s.folder, "objs", "nginx", "html", "mse.html"), "w") as f:
        f.write(PAGE)
    t.publish(s.url("live/x"), t.media(20))
    s.wait_live("x")
    page = t.browser(flags=["--ignore-certificate-errors"])
    page.open(https(s, "/mse.html") + "#/live/x.flv")
    assert page.run("return window.isSecureContext && location.protocol") == "https:"
    page.wait("const v = document.querySelector('video'); return v.currentTime > 1 && v.videoWidth > 0", 20, "the picture")
    first = page.run("return document.querySelector('video').currentTime")
    page.wait(f"return document.querySelector('video').currentTime > {first} + 1", 10, "the moving picture")
    assert page.run("return document.title") == "mse"
