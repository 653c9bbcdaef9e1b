import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

// import.meta.dirname would need Node 20.11.
const here = fileURLToPath(new URL(".", import.meta.url));
const isDevelopment = process.env.NODE_ENV === "development";

/**
 * Everything from this host alone. Next.js starts its pages by inline scripts; to allow those by a nonce would have
 * every page made anew at each request, and their hashes are not known until after the build. So inline scripts are
 * allowed, and no text is ever set as markup. lightweight-charts brings a style element of its own.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  `script-src 'self' 'unsafe-inline'${isDevelopment ? " 'unsafe-eval'" : ""}`,
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  `connect-src 'self'${isDevelopment ? " ws:" : ""}`,
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const SECURITY_HEADERS = [
  { key: "Content-Security-Policy", value: CONTENT_SECURITY_POLICY },
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "X-Frame-Options", value: "DENY" },
  { key: "Referrer-Policy", value: "no-referrer" },
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Resource-Policy", value: "same-origin" },
];

const config: NextConfig = {
  output: "standalone",
  outputFileTracingRoot: here,
  poweredByHeader: false,
  // `npm run types` checks them, with the tests; whoever only starts the app need not wait for it.
  typescript: { ignoreBuildErrors: true },
  // A folder above may hold lock files of its own; this one is the root.
  turbopack: { root: here },
  // Beside a proxy.ts Next.js cuts bodies off here without a word, so it has to be above INFERENCE_MAX_BODY.
  experimental: { proxyClientMaxBodySize: "65mb" },
  headers: async () => [{ source: "/:path*", headers: SECURITY_HEADERS }],
};

export default config;
