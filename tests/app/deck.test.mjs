import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../app/static/deck/conversation.mjs";
import { Course } from "../../app/static/deck/course.mjs";
import { Link } from "../../app/static/deck/link.mjs";
import { restored, turnTo } from "../../app/static/deck/tab.mjs";

globalThis.sessionStorage = { getItem: () => null };

/** A deck at the end of an empty queue, with these things kept and all questions it sends. */
function deckWith(kept) {
  const state = restored();
  Object.assign(state, { mode: "queue", queue: { id: "q", entries: [], at: 0, error: null } });
  const deck = {
    state,
    outbox: { waiting: () => kept },
    sayings: {
      today: 0,
      delivered: ({ client_id: id, delayed }) => {
        kept.find((one) => one.client_id === id).delayed = delayed;
        return null;
      },
    },
    course: new Course(),
    shelf: { has: () => false, put: () => {} },
    annotator: "ada",
    named: true,
    browsing: false,
    entry: null,
    drawSaving: () => {},
  };
  const conversation = new Conversation(deck);
  const asked = [];
  const send = (ask) => asked.push(ask);
  const answer = (parts) => conversation.receive({ tab: state.tab, seq: asked.at(-1)?.seq ?? 0, today: null, ...parts }, send);
  return { conversation, asked, answer };
}

test("what the server puts off is not sent again at once, and is sent with the next verdict", () => {
  const kept = [{ client_id: "one", action: "skip" }];
  const { conversation, asked, answer } = deckWith(kept);
  answer({});
  assert.equal(asked.length, 1);
  answer({ deliveries: [{ client_id: "one", delayed: "the database is locked" }], places: {} });
  assert.equal(asked.length, 1);
  kept.push({ client_id: "two", action: "skip" });
  conversation.talk();
  assert.deepEqual(asked[1].outbox.map((one) => one.client_id), ["one", "two"]);
  conversation.close();
});

test("each annotator of a tab finds again what was said under the own name", () => {
  const state = restored();
  turnTo(state, "ada");
  state.said.push("of ada");
  state.queue.at = 4;
  assert.equal(turnTo(state, "bob"), true);
  assert.deepEqual([state.said, state.queue.at], [[], 0]);
  turnTo(state, "ada");
  assert.deepEqual([state.said, state.queue.at], [["of ada"], 4]);
});

test("a server that takes longer than the first wait is given time to answer", (t) => {
  let now = 0;
  t.mock.timers.enable({ apis: ["setInterval"] });
  t.mock.method(performance, "now", () => now);
  const asked = [];
  const link = new Link({ tab: "t", make: () => ({}), onLook: () => {} });
  link.connect((ask) => asked.push(now));
  link.talk();
  for (; now < 45_000; now += 500) t.mock.timers.tick(500);
  link.close();
  const waits = asked.slice(1).map((at, i) => at - asked[i]);
  assert.deepEqual(waits.map((ms) => Math.round(ms / 1_000)), [6, 11, 21]);
});
