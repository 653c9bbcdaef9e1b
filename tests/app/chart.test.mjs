import assert from "node:assert/strict";
import { test } from "node:test";

import { CandleData, unpacked } from "../../app/static/chart/candle_data.mjs";
import { endOnceGone } from "../../app/static/chart/gone.mjs";
import { placedTags } from "../../app/static/chart/tags.mjs";
import { faded, readableOn } from "../../app/static/chart/theme.mjs";
import { candleTime, count, volumeWords } from "../../app/static/chart/words.mjs";

const HOUR = 3600;
const WEEKEND = 48 * HOUR;

/** Ten candles with a weekend after the fifth. */
function data(place) {
  const time = Array.from({ length: 10 }, (_, i) => i * HOUR + (i > 4 ? WEEKEND : 0));
  const close = time.map((_, i) => 100 + i);
  const high = close.map((price) => price + 2);
  const low = close.map((price) => price - 1);
  return new CandleData({ time, open: close, high, low, close }, place);
}

function box(first, last, side = "above", selected = false) {
  const span = { key: `${first}`, tag: "bull flag", color: "#2e9e5b", selected };
  return { left: first * 10, right: last * 10, top: 100, bottom: 200, side, span };
}

test("numbers come as they are or packed in base64", () => {
  const packed = Buffer.from(new Float64Array([1.5, -2]).buffer).toString("base64");
  assert.deepEqual([...unpacked(packed)], [1.5, -2]);
  assert.deepEqual(unpacked([1, 2]), [1, 2]);
  assert.equal(unpacked(null), null);
});

test("a span over a weekend lies on its candles alone", () => {
  assert.deepEqual(data().extent(3 * HOUR, 6 * HOUR + WEEKEND), [3, 6]);
  assert.deepEqual(data().extent(3 * HOUR + 60, 5 * HOUR), [4, 4]);
  assert.equal(data().extent(5 * HOUR, 5 * HOUR + 60), null);
  assert.equal(data().extent(-9 * HOUR, -HOUR), null);
  assert.deepEqual(data().extent(-9 * HOUR, HOUR), [0, 1]);
  assert.equal(data().extent(90 * HOUR, 91 * HOUR), null);
});

test("in an overview a span covers each candle that has one of its bars", () => {
  const overview = data({ barsPerCandle: 4, firstBar: 40 });
  assert.deepEqual(overview.extent(HOUR / 2, HOUR + 60), [0, 1]);
  assert.equal(overview.barAt(0), 41.5);
  assert.equal(overview.logicalOf(45.5), 1);
});

test("lows and highs are those of the candles of a span", () => {
  assert.deepEqual(data().lowHigh(2, 4), [101, 106]);
});

test("tags on one place do not lie on each other, and the selected one is nearest to its span", () => {
  const placed = placedTags([box(1, 9), box(1, 9), box(2, 8, "above", true)], () => 50);
  assert.deepEqual(placed.map((tag) => tag.box.span.key), ["2", "1", "1"]);
  assert.equal(new Set(placed.map((tag) => tag.top)).size, 3);
  assert.ok(placed[0].top > placed[1].top);
});

test("tags stand on their layer's side, and none where a layer has none", () => {
  const [above, below] = placedTags([box(1, 9), box(1, 9, "below"), box(1, 9, "none")], () => 50);
  assert.ok(above.top < 100 && below.top >= 200);
});

test("a tag that would stand above the chart stands inside its span", () => {
  const high = { ...box(1, 9), top: 10 };
  const [tag] = placedTags([high], () => 50);
  assert.ok(tag.top >= 22);
});

test("of very many narrow spans only the selected one has a tag", () => {
  const many = Array.from({ length: 40 }, (_, i) => box(i * 20, i * 20 + 1, "above", i === 7));
  assert.deepEqual(placedTags(many, () => 60).map((tag) => tag.box.span.key), ["140"]);
});

test("times are UTC and numbers short", () => {
  assert.equal(candleTime(1483308000, "1h"), "1 Jan 2017 22:00");
  assert.equal(candleTime(1483308000, "1d"), "1 Jan 2017");
  assert.equal(volumeWords(1234567), "1.235M");
  assert.equal(volumeWords(0.5), "0.5");
  assert.equal(count(1, "candle"), "1 candle");
  assert.equal(count(1200, "candle"), "1,200 candles");
});

test("letters are readable on every colour", () => {
  assert.equal(readableOn("#ccbb44"), "#14181d");
  assert.equal(readableOn("#aa3377"), "#ffffff");
  assert.equal(faded("#2e9e5b", 0.5), "rgba(46,158,91,0.5)");
  assert.equal(faded("rgb(1, 2, 3)", 0.5), "rgba(1,2,3,0.5)");
});

test("a component ends once its element has gone, and not because the next call comes late", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const element = { isConnected: true };
  const ended = [];
  let turn = 1;
  endOnceGone(element, () => turn !== 1, () => ended.push("overtaken"));
  context.mock.timers.tick(5_000);
  turn = 2;
  endOnceGone(element, () => turn !== 2, () => ended.push("gone"));
  context.mock.timers.tick(5_000);
  assert.deepEqual(ended, []);
  element.isConnected = false;
  context.mock.timers.tick(200);
  assert.deepEqual(ended, ["gone"]);
});
