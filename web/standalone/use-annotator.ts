"use client";

import { useState } from "react";

const KEPT_AS = "candleloop.annotator";

/** The name that annotations carry, remembered by this browser. */
export function useAnnotator(): [string, (name: string) => void] {
  const [name, setName] = useState(() => (typeof localStorage === "undefined" ? "" : remembered()));
  const change = (changed: string) => {
    setName(changed);
    try {
      localStorage.setItem(KEPT_AS, changed);
    } catch {
      // A browser that keeps nothing asks again next time.
    }
  };
  return [name, change];
}

function remembered(): string {
  try {
    return localStorage.getItem(KEPT_AS) ?? "";
  } catch {
    return "";
  }
}
