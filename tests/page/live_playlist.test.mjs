import assert from "node:assert/strict";
import { test } from "node:test";

import { edgeOf, isAtEdge, stretchAtEdge, behindWords } from "../../app/page/static/live/edge.js";
import { besideHole, holeAt, nextWanted, readPlaylist } from "../../app/page/static/live/playlist.js";

const BEGAN = Date.parse("2026-05-31T15:00:00.000+00:00");

/** A playlist as the service writes it, with a hole from 8 s to 18 s. */
const TEXT = `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MAP:URI="seg0.mp4",BYTERANGE="900@0"
#EXT-X-PROGRAM-DATE-TIME:2026-05-31T15:00:00.000+00:00
#EXTINF:4.000,
#EXT-X-BYTERANGE:5000@900
seg0.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-05-31T15:00:04.030+00:00
#EXTINF:3.970,
#EXT-X-BYTERANGE:5000@900
seg1.mp4
#EXT-X-GAP
#EXTINF:5.000,
seg2.mp4
#EXT-X-GAP
#EXTINF:5.000,
seg2.mp4
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-05-31T15:00:18.000+00:00
#EXTINF:4.000,
#EXT-X-BYTERANGE:5000@900
seg2.mp4
`;

test("a playlist tells when each segment is, and where nothing was recorded", () => {
  const { segments, holes, end, longest, isOver } = readPlaylist(TEXT, BEGAN);

  assert.deepEqual(segments, [
    { url: "seg0.mp4", from: 0, to: 4 }, { url: "seg1.mp4", from: 4.03, to: 8 }, { url: "seg2.mp4", from: 18, to: 22 }]);
  assert.deepEqual(holes, [{ from: 8, to: 18 }]);
  assert.deepEqual([end, longest, isOver], [22, 4, false]);
  assert.equal(readPlaylist(`${TEXT}#EXT-X-ENDLIST\n`, BEGAN).isOver, true);
});

test("without the stream's wall clock the lengths tell", () => {
  const { segments, holes } = readPlaylist(TEXT, null);

  assert.deepEqual(segments.map(({ from }) => from), [0, 4, 17.97]);
  assert.equal(holes.length, 1);
});

test("segments are loaded from the playhead on, over a hole, and none twice", () => {
  const playlist = readPlaylist(TEXT, BEGAN);
  const urls = (loaded, time, ahead) => nextWanted(playlist, new Set(loaded), time, ahead)?.url;

  assert.equal(urls([], 0, 30), "seg0.mp4");
  assert.equal(urls([], 5, 30), "seg1.mp4");
  assert.equal(urls(["seg1.mp4"], 5, 30), "seg2.mp4");
  assert.equal(urls(["seg1.mp4"], 5, 3), undefined);
  assert.equal(urls(["seg2.mp4"], 18, 30), undefined);
});

test("the playhead goes beside a hole, on the side that it is sent to", () => {
  const holes = [{ from: 8, to: 18 }];
  const go = (time, isBack) => besideHole(holes, time, { isBack, frame: 0.04 });

  assert.equal(go(7.9, false), 7.9);
  assert.equal(go(8.02, false), 18.02);
  assert.equal(go(17.9, true), 7.96);
  assert.equal(besideHole([{ from: 0, to: 3 }], 1, { isBack: true, frame: 0.04 }), 3.02);
  assert.equal(holeAt(holes, 18), undefined);
});

test("the edge is a segment behind the end, and what plays on from there stays live", () => {
  const at = edgeOf(100, 4);

  assert.equal(at, 95);
  assert.equal(edgeOf(3, 4), 0);
  for (const later of [0, 2, 4]) assert.ok(isAtEdge(at + later, 100 + later + 4, 4));
  assert.ok(!isAtEdge(80, 100, 4));
});

test("the lanes follow the edge without another zoom", () => {
  assert.equal(stretchAtEdge(null, 40), null);
  const first = stretchAtEdge(null, 300);
  assert.equal(Math.round(first.to - first.from), 60);
  assert.ok(first.to > 300 && first.to < 305);
  const next = stretchAtEdge({ from: 100, to: 110 }, 400);
  assert.deepEqual([Math.round(next.to - next.from), next.to > 400], [10, true]);
  assert.deepEqual(stretchAtEdge({ from: 0, to: 30 }, 5), { from: 0, to: 30 });
});

test("how far behind is told in words", () => {
  assert.deepEqual([-1, 7.6, 75, 3723].map(behindWords), ["0 s", "8 s", "1 min 15 s", "1 h 2 min"]);
});
