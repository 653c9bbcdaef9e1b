/** What a browser keeps of a review: verdicts until they are stored, and where this tab stands. */

import { cookie, setCookie } from "../cookies.mjs";

const OUTBOX = "candleloop.outbox.";
export const LONGEST_NAME = 60;
/** The other pages read and write it too, see `app/annotator.py`. */
const NAME = "candleloop_annotator";
const NAME_KEPT_S = 400 * 86_400;
const TAB = "candleloop.deck";

/** An id that no other tab makes; `crypto.randomUUID` exists on secure addresses alone. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Verdicts that the server has not acknowledged, one item of localStorage each, so that two tabs can write at
 * once and a closed tab's verdicts are sent by the next one.
 */
export class Outbox {
  /** Puts something said in, or says anew what became of it: an undo replaces its verdict. Whether there was room. */
  put(said) {
    return stored(localStorage, OUTBOX + said.client_id, { at: Date.now(), ...said });
  }

  /** Everything in it, oldest first. */
  all() {
    const found = [];
    for (let i = 0; i < localStorage.length; i += 1) {
      const name = localStorage.key(i);
      if (name.startsWith(OUTBOX)) found.push(JSON.parse(localStorage.getItem(name)));
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** What is still to be sent. */
  waiting() {
    return this.all().filter((one) => !one.refused);
  }

  /** What the server will not take, with its reason. */
  refused() {
    return this.all().filter((one) => one.refused);
  }

  get(clientId) {
    const found = localStorage.getItem(OUTBOX + clientId);
    return found === null ? null : JSON.parse(found);
  }

  remove(clientId) {
    localStorage.removeItem(OUTBOX + clientId);
  }

  refuse(clientId, reason) {
    const said = this.get(clientId);
    if (said) this.put({ ...said, refused: reason });
  }
}

/** The annotator's name: that of the address, else the one that this browser keeps for all pages. */
export const annotatorName = {
  get: () => (new URLSearchParams(location.search).get("annotator") || cookie(NAME)).slice(0, LONGEST_NAME),
  set(name) {
    setCookie(NAME, name, NAME_KEPT_S);
    toAddress({ annotator: name || null });
  },
};

/** Where this tab stands; a reload finds it again, a closed tab takes it along. */
export const tabState = {
  load() {
    const found = sessionStorage.getItem(TAB);
    return found === null ? null : JSON.parse(found);
  },
  /** Whether there was room for it. */
  save: (state) => stored(sessionStorage, TAB, state),
};

/** Keeps a value as JSON; false where the browser has no room left. */
function stored(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
    return true;
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error;
    return false;
  }
}

/** Writes into the address without a request; null takes out. */
export function toAddress(values) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}
