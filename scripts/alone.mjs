/**
 * Lets one process at a time install or build in a checkout: `npm start` and `npm test` may be begun side by side.
 * The lock lies outside the checkout, because installing empties node_modules and building empties dist.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 200;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The process that holds the lock; null when it is free now. */
function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return null;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return 0;
  }
}

/** Runs `work` while no other process of this user runs one for the same folder. */
export async function alone(folder, work) {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `sojourn-setup-${userInfo().username}-${name}.lock`);
  for (let told = false, holder = take(path); holder !== null; holder = take(path)) {
    // A number that is still missing was written by a process that has just begun: it counts as alive.
    if (holder > 0 && !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) console.error(`Waiting for process ${holder || '?'}, which sets up this checkout …`);
    told = true;
    await pause(pollMs);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
