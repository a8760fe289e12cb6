import { readFileSync } from 'node:fs';

import { defineConfig } from 'vitest/config';

// make web passes the version that it stamps into the programs; else the contract's own.
const contract = JSON.parse(readFileSync(new URL('../api/testdata/openapi.golden.json', import.meta.url), 'utf8')) as {
  info: { version: string };
};
const version = process.env.DREAM_VERSION || contract.info.version;

const api = { target: process.env.DREAM_API_URL ?? 'http://127.0.0.1:3002', changeOrigin: false };

export default defineConfig({
  define: { __VERSION__: JSON.stringify(version) },
  esbuild: { jsx: 'automatic' },
  build: {
    target: 'es2022',
    manifest: true,
    cssCodeSplit: false, // what pages add is small, and a page without its style would be worse than one that comes later
    // The page's policy is for files: nothing is inlined as a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000, // scripts/budget.mjs has the limit that counts
    rollupOptions: {
      onwarn(warning, warn) {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning); // "use client" is for servers that render
      },
    },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { '/api': api, '/docs': api, '/openapi.json': api, '/health': api, '/readyz': api },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    unstubGlobals: true,
    setupFiles: ['src/test-setup.ts'],
  },
});
