/**
 * `npm start [-- ARGS]`: installs and builds where needed, then is `sojourn serve ARGS`.
 * The server runs in this very process: signals, exit status and a kill reach it without a go-between.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const main = join(root, 'dist', 'cli', 'main.js');
  process.argv = [process.argv[0], main, 'serve', ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
});
