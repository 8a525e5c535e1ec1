/** A control group that lets its processes take only so much memory, beyond which the machine kills one of them. */
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { skip } from './needs.js';

/** Where groups for memory are made, and the name of their limit: version 1 and 2 of Linux's control groups. */
const places = [
  ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
  ['/sys/fs/cgroup', 'memory.max'],
] as const;

export interface MemoryGroup {
  add(pid: number): Promise<void>;
  /** To be called when its processes are gone. */
  remove(): Promise<void>;
}

/** Skips the test where no such group can be made. */
export async function memoryGroup(context: Mocha.Context, bytes: number): Promise<MemoryGroup> {
  for (const [place, limit] of places) {
    const folder = join(place, `sojourn-test-${process.pid}`);
    try {
      await mkdir(folder);
    } catch {
      // Not this version, or not allowed.
      continue;
    }
    try {
      await writeFile(join(folder, limit), String(bytes));
      return {
        add: (pid) => writeFile(join(folder, 'cgroup.procs'), String(pid)),
        remove: () => rmdir(folder),
      };
    } catch {
      await rmdir(folder);
    }
  }
  return skip(context, 'no control group for memory can be made here');
}
