/**
 * Repairs a database that cannot be opened or whose catalogue cannot be read: everything that can still be read is
 * copied into a new one, and the damaged files are set aside untouched. Each step leaves the data folder in a state
 * from which the next start goes on: the new database takes its place only when it is complete.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IClock, IFiles, ILog } from '../../types/ports.js';
import { openDamaged } from './mend.js';
import { copyAll } from './salvage-copy.js';
import { SalvageSource } from './salvage-source.js';
import { connect, createTables } from './schema.js';
import { prepareTables } from './tables.js';

export interface SalvageOptions {
  readonly file: string;
  readonly dataDir: string;
  readonly files: IFiles;
  readonly clock: IClock;
  readonly log: ILog;
}
export interface SalvageReport {
  setAside: string[];
  lost: string[];
}

const suffixes = ['', '-wal', '-shm'];

export const setAsideFolder = (dataDir: string): string => join(dataDir, 'set-aside');

/** Builds a new database from what can be read and puts it in the place of `file`. */
export async function salvage(options: SalvageOptions): Promise<SalvageReport> {
  const { file, dataDir, files, log } = options;
  log.error({ file }, 'the database is damaged; copying what can be read into a new one');
  const work = workFolder(dataDir);
  await files.makeDirectory(work, 0o700);
  const built = join(work, 'built.db');
  const lost = await build(options, work, built);
  await files.sync(built);
  await files.rename(built, repairedFile(file));
  await files.sync(dataDir);
  const setAside = await finishRepair(options);
  await files.remove(work);
  return { setAside, lost };
}

/** Puts a repaired database, if there is one, in the place of the damaged one. @returns the files set aside */
export async function finishRepair(options: SalvageOptions): Promise<string[]> {
  const { file, dataDir, files, clock } = options;
  // Half of a repair is of no use: it is made anew from the damaged files.
  await files.remove(workFolder(dataDir));
  if ((await files.stat(repairedFile(file))) === null) return [];
  const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-');
  const folder = join(setAsideFolder(dataDir), stamp);
  await files.makeDirectory(folder, 0o700);
  const moved: string[] = [];
  for (const suffix of suffixes) {
    if ((await files.stat(file + suffix)) === null) continue;
    const target = join(folder, `sojourn.db${suffix}`);
    await files.rename(file + suffix, target);
    moved.push(target);
  }
  await files.rename(repairedFile(file), file);
  await files.sync(dataDir);
  return moved;
}

const workFolder = (dataDir: string): string => join(dataDir, 'repair');
const repairedFile = (file: string): string => `${file}-repaired`;

async function build(options: SalvageOptions, work: string, target: string): Promise<string[]> {
  const { file, files } = options;
  const copy = join(work, 'damaged.db');
  await files.makeDirectory(work);
  if ((await files.stat(file)) === null) await files.writeAtomic(copy, '');
  else await copyFile(file, copy);
  if ((await files.stat(`${file}-wal`)) !== null) await copyFile(`${file}-wal`, `${copy}-wal`);
  const source = await openDamaged(copy, join(work, 'empty.db'));
  const db = connect(target);
  try {
    createTables(db);
    if (source === null)
      return ['Nothing in the damaged database can be read; all of its sessions are lost.'];
    const at = new Date(options.clock.now()).toISOString();
    return await copyAll(new SalvageSource(source), prepareTables(db), at);
  } finally {
    db.close();
    source?.close();
  }
}
