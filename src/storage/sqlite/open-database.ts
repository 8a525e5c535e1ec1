/**
 * Opens the database, makes it when there is none, and has it repaired when it cannot be opened or its catalogue
 * cannot be read.
 */
import { isCorruption, storageError } from '../store-errors.js';
import { finishRepair, salvage } from './salvage.js';
import type { SalvageOptions } from './salvage.js';
import { connect, createTables, inspectSchema } from './schema.js';
import type { Db, SchemaState } from './schema.js';

export interface OpenedDatabase {
  readonly db: Db;
  /** True when there was none before. */
  readonly fresh: boolean;
  readonly setAside: string[];
  readonly lost: string[];
}

/** @param hasParts whether part files exist: a database that is empty beside them did not begin empty. */
export async function openDatabase(options: SalvageOptions, hasParts: boolean): Promise<OpenedDatabase> {
  const { file } = options;
  try {
    // A repair that was cut off by a crash in its last steps.
    const setAside = await finishRepair(options);
    if (await looksCutOff(options, hasParts)) return await repaired(options);
    const opened = tryOpen(file);
    if (opened === null) return await repaired(options);
    return { ...opened, setAside, lost: [] };
  } catch (error) {
    throw storageError(file, error);
  }
}

async function repaired(options: SalvageOptions): Promise<OpenedDatabase> {
  const report = await salvage(options);
  return { db: connect(options.file), fresh: false, ...report };
}

/** SQLite takes an empty file for a new database and throws its log away: that must not happen to ours. */
async function looksCutOff({ file, files }: SalvageOptions, hasParts: boolean): Promise<boolean> {
  const main = await files.stat(file);
  const log = await files.stat(`${file}-wal`);
  if (main !== null && main.size > 0) return false;
  return (log?.size ?? 0) > 0 || (main !== null && hasParts);
}

/** Null when it is damaged. @throws storage_error and SQLite's errors for everything else */
function tryOpen(file: string): { db: Db; fresh: boolean } | null {
  let db: Db | undefined;
  try {
    db = connect(file);
    const state = inspectSchema(db, file);
    if (state === 'empty') {
      createTables(db);
      // Into the file itself, so that what a lost log leaves is still a database of ours.
      db.pragma('wal_checkpoint(TRUNCATE)');
    }
    if (state !== 'unreadable' && isSound(db, state)) return { db, fresh: state === 'empty' };
    db.close();
    return null;
  } catch (error) {
    db?.close();
    if (isCorruption(error)) return null;
    throw error;
  }
}

/**
 * Looks at the tables that every session depends on; a journal's bad page is found, and told, session by session.
 * Only when tables are not where we put them is everything looked at, to tell a tidied database from a damaged one.
 */
function isSound(db: Db, state: SchemaState): boolean {
  if (state === 'moved') return db.pragma('quick_check', { simple: true }) === 'ok';
  return ['sessions', 'heads', 'tags'].every(
    (table) => db.pragma(`integrity_check(${table})`, { simple: true }) === 'ok',
  );
}
