import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

// here would need Node 20.11.
const here = fileURLToPath(new URL(".", import.meta.url));

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: here,
  poweredByHeader: false,
  // A folder above may hold lock files of its own; this one is the root.
  turbopack: { root: here },
};

export default config;
