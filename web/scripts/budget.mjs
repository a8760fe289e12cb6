// Fails when a first visit loads more script than we promise. It counts what index.html names, all that this imports,
// and the page that opens first; other pages come when they are asked for.
import { readFileSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 250;
const FIRST_PAGE = 'src/pages/overview/OverviewPage.tsx';

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
rmSync(new URL('.vite/', dist), { recursive: true }); // it is for us, and would be served
const files = new Set(['scheme.js']);

function take(key) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`the build has no ${key}`);
  if (files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const next of chunk.imports ?? []) take(next);
}

take('index.html');
take(FIRST_PAGE);

let bytes = 0;
for (const file of files) bytes += gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const kb = bytes / 1000;
console.log(`first load: ${kb.toFixed(1)} kB of script, gzipped, in ${files.size} files (limit ${LIMIT_KB} kB)`);
if (kb > LIMIT_KB) {
  console.error('That is too much. Load what is not needed at once with import(), or do without it.');
  process.exit(1);
}
