/**
 * Makes a copy of a damaged database readable enough to copy rows out of it. Only ever works on copies: the damaged
 * files themselves are kept as they are.
 */
import { open, readFile } from 'node:fs/promises';
import { connect, createTables, inspectSchema, pageBytes } from './schema.js';
import type { Db } from './schema.js';

/** In SQLite's file header (https://www.sqlite.org/fileformat.html, part 1.3). */
const changeCounterAt = 24;
const versionValidForAt = 92;

/**
 * Opens the copy, repairing its first page when need be.
 * @param template where an empty database may be made.
 * @returns null when nothing of it can be read.
 */
export async function openDamaged(copy: string, template: string): Promise<Db | null> {
  const empty = await emptyDatabase(template);
  await completeFile(copy, empty);
  return tryOpen(copy) ?? (await withFirstPage(copy, empty));
}

/** The bytes of a database with our tables and no rows: its pages are the same everywhere. */
async function emptyDatabase(path: string): Promise<Buffer> {
  const db = connect(path);
  createTables(db);
  db.close();
  return readFile(path);
}

/**
 * A file that was cut off: gives it at least the root page of every table, and lets SQLite take the number of pages
 * from the file's size instead of from the header.
 */
async function completeFile(copy: string, empty: Buffer): Promise<void> {
  const handle = await open(copy, 'r+');
  try {
    const { size } = await handle.stat();
    const whole = size - (size % pageBytes);
    if (whole < empty.length) await handle.write(empty, whole, empty.length - whole, whole);
    const different = Buffer.alloc(4);
    await handle.write(different, 0, 4, versionValidForAt);
    different.writeUInt32BE(1);
    await handle.write(different, 0, 4, changeCounterAt);
  } finally {
    await handle.close();
  }
}

/** Puts a good first page in front: it holds the header and the catalogue, which are the same in all our databases. */
async function withFirstPage(copy: string, empty: Buffer): Promise<Db | null> {
  const page = Buffer.from(empty.subarray(0, pageBytes));
  page.writeUInt32BE(1, changeCounterAt);
  page.writeUInt32BE(0, versionValidForAt);
  const handle = await open(copy, 'r+');
  try {
    await handle.write(page, 0, pageBytes, 0);
  } finally {
    await handle.close();
  }
  return tryOpen(copy);
}

function tryOpen(copy: string): Db | null {
  let db: Db | undefined;
  try {
    db = connect(copy);
    if (inspectSchema(db, copy) === 'current') return db;
  } catch {
    // Not readable this way; the caller tries another, and at last reports the file as lost.
  }
  db?.close();
  return null;
}
