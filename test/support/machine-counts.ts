/** What a server and its zygote hold of the machine, as counts to compare before and after. Linux only. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Names so many things of each sort. */
export type Counts = Record<string, number>;

export interface Machine {
  readonly zygote: number;
  readonly dataDir: string;
}

/** Everything that is countable, of this process as the server. */
export async function countAll({ zygote, dataDir }: Machine): Promise<Counts> {
  // SQLite keeps files open for as long as a connection of the process locks them: told apart.
  const server = (await descriptors(process.pid)).filter((target) => !target.includes('/sojourn.db'));
  const ofZygote = await descriptors(zygote);
  const family = await descendants(process.pid);
  return {
    'descriptors of the server': server.length,
    'sockets of the server': server.filter((target) => target.startsWith('socket:')).length,
    'descriptors of the zygote': ofZygote.length,
    'sockets of the zygote': ofZygote.filter((target) => target.startsWith('socket:')).length,
    'mappings of the zygote': (await readFile(`/proc/${zygote}/maps`, 'utf8')).split('\n').length,
    processes: family.length,
    zombies: family.filter(({ state }) => state === 'Z').length,
    'temporary folders': (await readdir(join(dataDir, 'run', 'tmp'))).length,
    'entries of the run folder': (await readdir(join(dataDir, 'run'))).length,
    workspaces: (await readdir(join(dataDir, 'workspaces'))).length,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
  };
}

/** Bytes of live objects in this process, after everything that is garbage was collected. */
export function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

/** Private memory of a process in bytes. */
export async function privateBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const sizes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)];
  return sizes.reduce((sum, match) => sum + Number(match[1]) * 1024, 0);
}

async function descriptors(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const targets = (await readdir(folder)).map((name) => readlink(join(folder, name)).catch(() => ''));
  // What was open only to list the folder is gone by now.
  return (await Promise.all(targets)).filter((target) => target !== '');
}

async function descendants(root: number): Promise<{ pid: number; state: string }[]> {
  const table: { pid: number; parent: number; state: string }[] = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (stat !== '') table.push({ pid: Number(name), parent: Number(parent), state });
  }
  const found = new Set([root]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of table) if (found.has(parent)) found.add(pid);
  }
  return table.filter(({ pid }) => pid !== root && found.has(pid));
}
