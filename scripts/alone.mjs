/**
 * Lets one process at a time install or build in a checkout: `npm start` and `npm test` may be begun side by side.
 * The lock lies outside the checkout, because installing empties node_modules and building empties dist.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 200;
/** Looking again takes no time: a guard of this age was left by a process that was killed over it. */
const guardTimeoutMs = 10_000;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The process that holds the lock; 0 when that cannot be told just now. */
function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return 0;
  }
}

/** Null when the lock is ours now, else its holder. */
function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return null;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  return holderOf(path);
}

/**
 * Removes what a dead process left. Two that find it at once must not both remove it: the second would remove the
 * lock that the first has taken meanwhile. So one at a time looks again and removes.
 */
function breakLock(path, dead) {
  const guard = `${path}.break`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > guardTimeoutMs) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (holderOf(path) === dead) rmSync(path, { force: true });
  } finally {
    rmdirSync(guard);
  }
}

/** Runs `work` while no other process of this user runs one for the same folder. */
export async function alone(folder, work) {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `sojourn-setup-${userInfo().username}-${name}.lock`);
  for (let told = false, holder = take(path); holder !== null; holder = take(path)) {
    // A number that is still missing was written by a process that has just begun: it counts as alive.
    if (holder > 0 && !isAlive(holder)) {
      breakLock(path, holder);
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
