/**
 * `npm start [-- ARGS]`: installs and builds where needed, then is `sojourn serve ARGS`.
 * The server runs in this very process: signals, exit status and a kill reach it without a go-between.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root, run } from './setup.mjs';

const parentCheckMs = 250;

/** npm may be killed without a chance to pass the signal on; the server it was to run must not stay behind. */
function stopWithNpm() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, parentCheckMs);
  timer.unref();
}

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  if (process.env.npm_lifecycle_event === 'start') stopWithNpm();
  const main = join(root, 'dist', 'cli', 'main.js');
  process.argv = [process.argv[0], main, 'serve', ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
});
