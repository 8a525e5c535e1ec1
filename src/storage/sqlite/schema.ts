/**
 * The database's tables and how a connection to it is set up. The statements stay short and their order fixed: all of
 * the catalogue then fits on the first page and every table has the same root page in every database, which is what
 * lets a repair put a good first page in front of the rest of a damaged file.
 */
import Database from 'better-sqlite3';
import { SojournError } from '../../types/errors.js';

export type Db = Database.Database;

export const pageBytes = 2048;
export const schemaVersion = 1;
/** "Sojo": tells our files from other SQLite databases. */
export const applicationId = 0x536f6a6f;
/** Versions above are taken for damage instead of for a newer program. */
const plausibleVersionMax = 10_000;

/**
 * - `sessions`: what rarely changes. `cold` is JSON; `crc` covers the row.
 * - `heads`: what changes with every write, apart, so that an append rewrites one short row.
 * - `journal`: one event a row; no foreign key, because it would cost each append a look-up, and long journals of
 *   deleted sessions are removed step by step (`doomed`), as are those of forks that were not finished.
 * - `checkpoints`: the nodes of the trees, small, because all of a session's are read at once; `position` counts them
 *   within their session. What they hold is in `bodies`, what somebody wrote on them in `notes`.
 * - `session_parts`: each distinct part of a session's checkpoints; says what may be collected. `uses` counts the
 *   checkpoints that have it and whose parents have not, so that a checkpoint touches the rows of what changed only.
 * AUTOINCREMENT: a key is never used again, so rows that wait for removal never join a new session.
 */
const tables = [
  `CREATE TABLE sessions(session_key INTEGER PRIMARY KEY AUTOINCREMENT,session_id TEXT NOT NULL UNIQUE,
uid TEXT NOT NULL,kind TEXT NOT NULL,owner TEXT NOT NULL,created_at TEXT NOT NULL,failed INTEGER NOT NULL,
cold TEXT NOT NULL,crc INTEGER NOT NULL)STRICT`,
  'CREATE INDEX by_time ON sessions(created_at DESC,session_id,kind,failed)',
  'CREATE INDEX by_owner ON sessions(owner,created_at DESC,session_id,kind,failed)',
  `CREATE TABLE heads(session_key INTEGER PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,head_seq INTEGER NOT NULL,
epoch INTEGER NOT NULL,last_activity TEXT NOT NULL,stored_bytes INTEGER NOT NULL,checkpoint_count INTEGER NOT NULL,
head_checkpoint TEXT,branch TEXT NOT NULL,total_executions INTEGER NOT NULL,variable_count INTEGER,
crc INTEGER NOT NULL)STRICT`,
  `CREATE TABLE journal(session_key INTEGER NOT NULL,seq INTEGER NOT NULL,at TEXT NOT NULL,type TEXT NOT NULL,
body TEXT NOT NULL,crc INTEGER NOT NULL,idempotency_key TEXT,PRIMARY KEY(session_key,seq))STRICT,WITHOUT ROWID`,
  'CREATE INDEX by_key ON journal(session_key,idempotency_key)WHERE idempotency_key IS NOT NULL',
  `CREATE TABLE tags(tag TEXT NOT NULL,session_key INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
PRIMARY KEY(tag,session_key))STRICT,WITHOUT ROWID`,
  'CREATE INDEX tags_of ON tags(session_key)',
  `CREATE TABLE checkpoints(session_key INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
position INTEGER NOT NULL,checkpoint_id TEXT NOT NULL,seq INTEGER NOT NULL,node TEXT NOT NULL,crc INTEGER NOT NULL,
PRIMARY KEY(session_key,position))STRICT,WITHOUT ROWID`,
  'CREATE UNIQUE INDEX by_id ON checkpoints(session_key,checkpoint_id)',
  `CREATE TABLE bodies(session_key INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,position INTEGER NOT NULL,
body TEXT NOT NULL,crc INTEGER NOT NULL,PRIMARY KEY(session_key,position))STRICT,WITHOUT ROWID`,
  `CREATE TABLE notes(session_key INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,checkpoint_id TEXT NOT NULL,
note TEXT NOT NULL,crc INTEGER NOT NULL,PRIMARY KEY(session_key,checkpoint_id))STRICT,WITHOUT ROWID`,
  `CREATE TABLE session_parts(session_key INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,hash TEXT NOT NULL,
size INTEGER NOT NULL,uses INTEGER NOT NULL,PRIMARY KEY(session_key,hash))STRICT,WITHOUT ROWID`,
  'CREATE INDEX holders ON session_parts(hash,size)',
  `CREATE TABLE answers(principal TEXT NOT NULL,key TEXT NOT NULL,created_at TEXT NOT NULL,body TEXT NOT NULL,
crc INTEGER NOT NULL,PRIMARY KEY(principal,key))STRICT,WITHOUT ROWID`,
  'CREATE INDEX answers_age ON answers(created_at)',
  'CREATE TABLE doomed(session_key INTEGER PRIMARY KEY)STRICT',
];

export const tableNames = [
  'sessions',
  'heads',
  'journal',
  'tags',
  'checkpoints',
  'bodies',
  'notes',
  'session_parts',
  'answers',
  'doomed',
] as const;

/** Opens a connection with the settings that every one of ours has. The file is made when there is none. */
export function connect(file: string): Db {
  const db = new Database(file, { timeout: 1000 });
  try {
    // A commit writes whole pages to the log: small ones halve the cost of a small append. Only new files take it
    // over.
    db.pragma(`page_size = ${pageBytes}`);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    // Checkpoints of the write-ahead log wait for the disk; the WAL keeper runs them on another thread.
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('journal_size_limit = 67108864');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function createTables(db: Db): void {
  db.transaction(() => {
    for (const statement of tables) db.exec(statement);
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${schemaVersion}`);
  }).immediate();
}

/**
 * - `moved`: the right tables on other pages than we make them on, as after a VACUUM by hand, or because of damage.
 * - `unreadable`: not the tables of this version.
 */
export type SchemaState = 'empty' | 'current' | 'moved' | 'unreadable';

interface SchemaRow {
  name: string;
  tbl_name: string;
  rootpage: number;
  sql: string | null;
}

/** @throws storage_error for a database of a newer version or of another program; SQLite's errors for damage */
export function inspectSchema(db: Db, file: string): SchemaState {
  const rows = readSchema(db);
  const version = Number(db.pragma('user_version', { simple: true }));
  const application = Number(db.pragma('application_id', { simple: true }));
  if (rows.length === 0 && version === 0) return 'empty';
  const names = new Set(rows.map((row) => row.name));
  const ours = application === applicationId || tableNames.every((name) => names.has(name));
  if (!ours && rows.length > 0) {
    throw new SojournError(
      'storage_error',
      `${file} belongs to another program; choose another data folder.`,
      {
        path: file,
      },
    );
  }
  if (version > schemaVersion && version < plausibleVersionMax) {
    const detail = `${file} was written by a newer version (format ${version}, this one knows ${schemaVersion}); upgrade.`;
    throw new SojournError('storage_error', detail, { path: file, version });
  }
  if (version !== schemaVersion) return 'unreadable';
  const wanted = expectedSchema();
  const same = (withPage: boolean) =>
    rows.map((row) => keyOf(row, withPage)).join() === wanted[withPage ? 0 : 1];
  if (same(true)) return 'current';
  return same(false) ? 'moved' : 'unreadable';
}

const readSchema = (db: Db): SchemaRow[] =>
  db.prepare<[], SchemaRow>('SELECT name,tbl_name,rootpage,sql FROM sqlite_schema ORDER BY name').all();

const keyOf = ({ name, tbl_name, rootpage, sql }: SchemaRow, withPage: boolean): string =>
  JSON.stringify([name, tbl_name, withPage ? rootpage : 0, sql]);

/** What the schema of a new database looks like, with the pages of its tables and without. */
function expectedSchema(): [string, string] {
  const db = new Database(':memory:');
  try {
    db.pragma(`page_size = ${pageBytes}`);
    createTables(db);
    const rows = readSchema(db);
    return [rows.map((row) => keyOf(row, true)).join(), rows.map((row) => keyOf(row, false)).join()];
  } finally {
    db.close();
  }
}
