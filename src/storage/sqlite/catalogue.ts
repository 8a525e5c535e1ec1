/**
 * The tables `sessions`, `heads` and `tags`: which sessions there are and where each one stands. Synchronous: every
 * method is part of a transaction of its caller.
 */
import type Database from 'better-sqlite3';
import { SojournError } from '../../types/errors.js';
import { sessionRecordSchema } from '../../types/session.js';
import type { SessionPatch, SessionRecord } from '../../types/session.js';
import type { SessionPage, SessionQuery } from '../../types/store.js';
import { hasShape } from '../journal-codec.js';
import { decodeCursor, encodeCursor, hiddenFrom } from '../session-list.js';
import { checkedRecord, effectivePatch, patchRecord } from '../session-patch.js';
import { damaged, isDamage } from '../store-errors.js';
import {
  decodeSession,
  encodeHead,
  encodeSession,
  headCrc,
  headFields,
  pickHead,
  searchable,
} from './rows.js';
import type { Head, HeadRow, SessionRow } from './rows.js';
import type { Db } from './schema.js';

/** A session's place in the tables and its checked head. */
export interface Located {
  readonly key: number;
  readonly sessionId: string;
  readonly uid: string;
  readonly head: Head;
}

type Statement = Database.Statement<(string | number)[], JoinedRow>;
type JoinedHead = HeadRow & { uid: string };
export type JoinedRow = Omit<SessionRow, 'crc'> & Omit<HeadRow, 'crc'> & { crc: number; head_crc: number };

const headColumns = headFields.map((field) => `h.${field}`).join(',');
const joinedColumns =
  's.session_key,s.session_id,s.uid,s.kind,s.owner,s.created_at,s.failed,s.cold,s.crc,' +
  `${headColumns},h.crc AS head_crc`;
// CROSS: the sessions come first, in the order of an index, and only those of the page are looked up.
const join = 'FROM sessions s CROSS JOIN heads h ON h.session_key=s.session_key';

const headPatchSchema = sessionRecordSchema
  .pick({
    epoch: true,
    last_activity: true,
    head_checkpoint: true,
    branch: true,
    total_executions: true,
    variable_count: true,
  })
  .partial();
const inHead = new Set<string>(headFields);

export class Catalogue {
  /** Rows that cannot be read; lists leave them out. Found anew at each open. */
  readonly unreadable = new Set<number>();
  /** Prepared once for each combination of filters. */
  private readonly listings = new Map<string, Statement>();
  private readonly counts = new Map<string, Database.Statement<(string | number)[], number>>();
  private readonly statements;

  constructor(private readonly db: Db) {
    this.statements = {
      locate: db.prepare<[string], JoinedHead>(
        `SELECT s.session_key,s.uid,${headColumns},h.crc ${join} WHERE s.session_id=?`,
      ),
      read: db.prepare<[string], JoinedRow>(`SELECT ${joinedColumns} ${join} WHERE s.session_id=?`),
      after: db.prepare<[number, number], JoinedRow>(
        `SELECT ${joinedColumns} FROM sessions s LEFT JOIN heads h ON h.session_key=s.session_key
WHERE s.session_key>? ORDER BY s.session_key LIMIT ?`,
      ),
      exists: db.prepare<[string], number>('SELECT session_key FROM sessions WHERE session_id=?').pluck(),
      insertSession: db.prepare<[Omit<SessionRow, 'session_key'> & { session_key: number | null }]>(
        `INSERT INTO sessions(session_key,session_id,uid,kind,owner,created_at,failed,cold,crc)
VALUES(@session_key,@session_id,@uid,@kind,@owner,@created_at,@failed,@cold,@crc)`,
      ),
      updateSession: db.prepare<[Pick<SessionRow, 'session_key' | 'failed' | 'cold' | 'crc'>]>(
        'UPDATE sessions SET failed=@failed,cold=@cold,crc=@crc WHERE session_key=@session_key',
      ),
      insertHead: db.prepare<[HeadRow]>(
        `INSERT INTO heads(session_key,${headFields.join(',')},crc)
VALUES(@session_key,${headFields.map((field) => `@${field}`).join(',')},@crc)`,
      ),
      updateHead: db.prepare<[HeadRow]>(
        `UPDATE heads SET ${headFields.map((field) => `${field}=@${field}`).join(',')},crc=@crc
WHERE session_key=@session_key`,
      ),
      clearTags: db.prepare<[number]>('DELETE FROM tags WHERE session_key=?'),
      insertTag: db.prepare<[string, number]>('INSERT OR IGNORE INTO tags(tag,session_key) VALUES(?,?)'),
      remove: db.prepare<[number]>('DELETE FROM sessions WHERE session_key=?'),
      doom: db.prepare<[number]>('INSERT OR IGNORE INTO doomed(session_key) VALUES(?)'),
      spare: db.prepare<[number]>('DELETE FROM doomed WHERE session_key=?'),
      doomed: db.prepare<[], number>('SELECT session_key FROM doomed').pluck(),
    };
  }

  /** @throws storage_error, damaged, when the head is not what was written */
  locate(sessionId: string): Located | undefined {
    const row = this.statements.locate.get(sessionId);
    if (!row) {
      this.assertUnknown(sessionId);
      return undefined;
    }
    if (row.crc !== headCrc(row.uid, row)) {
      throw damaged(`The head of session '${sessionId}' is not what was written.`, { session_id: sessionId });
    }
    return { key: row.session_key, sessionId, uid: row.uid, head: pickHead(row) };
  }

  /** @throws storage_error, damaged */
  read(sessionId: string): SessionRecord | undefined {
    const row = this.statements.read.get(sessionId);
    if (row) return decodeJoined(row);
    this.assertUnknown(sessionId);
    return undefined;
  }

  /** The key, whatever state the rows are in. */
  keyOf(sessionId: string): number | undefined {
    return this.statements.exists.get(sessionId);
  }

  /** Rows in the order of their keys, unchecked. */
  rowsAfter(key: number, limit: number): JoinedRow[] {
    return this.statements.after.all(key, limit);
  }

  /** How many sessions there are, without those of the house. */
  visible(): number {
    return this.count('SELECT count(*) FROM sessions WHERE session_id<?', [hiddenFrom]);
  }

  private count(sql: string, values: readonly (string | number)[]): number {
    let statement = this.counts.get(sql);
    if (!statement) {
      statement = this.db.prepare<(string | number)[], number>(sql).pluck();
      if (this.unreadable.size === 0) this.counts.set(sql, statement);
    }
    return statement.get(...values) ?? 0;
  }

  /**
   * @param reserved a key from `reserve`; a new one when left out.
   * @returns the new session's key
   */
  insert(record: SessionRecord, reserved: number | null = null): number {
    const checked = checkedRecord(record);
    const row = { session_key: reserved, ...encodeSession(checked) };
    const { lastInsertRowid } = this.statements.insertSession.run(row);
    const key = Number(lastInsertRowid);
    this.statements.insertHead.run({ session_key: key, ...encodeHead(checked.uid, checked) });
    this.writeTags(key, checked.tags);
    return key;
  }

  /** Applies a patch on top of a head that may have moved. */
  change(located: Located, head: Head, patch: SessionPatch): void {
    const given = effectivePatch(patch, head.epoch);
    if (Object.keys(given).every((field) => inHead.has(field))) {
      if (!hasShape(headPatchSchema, given)) throw malformed(located.sessionId);
      this.saveHead(located, { ...head, ...given });
      return;
    }
    const stored = this.read(located.sessionId);
    if (!stored) throw damaged(`Session '${located.sessionId}' is gone.`, { session_id: located.sessionId });
    this.save(located.key, patchRecord({ ...stored, ...head }, patch), patch.tags !== undefined);
  }

  save(key: number, record: SessionRecord, withTags: boolean): void {
    const { failed, cold, crc } = encodeSession(record);
    this.statements.updateSession.run({ session_key: key, failed, cold, crc });
    this.statements.updateHead.run({ session_key: key, ...encodeHead(record.uid, record) });
    if (!withTags) return;
    this.statements.clearTags.run(key);
    this.writeTags(key, record.tags);
  }

  /**
   * A key whose journal may be filled before there is a session. Until `spare` it counts as one of a removed session:
   * what a crash leaves of it goes after the next start.
   */
  reserve(record: SessionRecord): number {
    const key = this.insert(record);
    this.remove(key);
    return key;
  }

  /** Removes the session; its journal stays behind, marked, until `spare` says that it is gone too. */
  remove(key: number): void {
    this.statements.doom.run(key);
    this.statements.remove.run(key);
    this.unreadable.delete(key);
  }

  spare(key: number): void {
    this.statements.spare.run(key);
  }

  doomed(): number[] {
    return this.statements.doomed.all();
  }

  /** One page; rows that cannot be read are handed to `onDamage` and left out. */
  list(query: SessionQuery, onDamage: (row: JoinedRow) => void): SessionPage {
    const { where, values } = this.conditions(query);
    const total = this.count(`SELECT count(*) FROM sessions s${whereOf(where)}`, values);
    if (query.cursor !== undefined) {
      const { created_at, session_id } = decodeCursor(query.cursor);
      where.push('s.created_at<=? AND (s.created_at<? OR s.session_id>?)');
      values.push(created_at, created_at, session_id);
    }
    const sql = `SELECT ${joinedColumns} ${join}${whereOf(where)} ORDER BY s.created_at DESC,s.session_id LIMIT ?`;
    const rows = this.listing(sql).all(...values, query.limit + 1);
    const page = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? page.at(-1) : undefined;
    const sessions = page.flatMap((row) => {
      try {
        return [decodeJoined(row)];
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamage(row);
        return [];
      }
    });
    return { sessions, total, next_cursor: last ? encodeCursor(last) : null };
  }

  private conditions(query: SessionQuery): { where: string[]; values: (string | number)[] } {
    const where: string[] = [];
    const values: (string | number)[] = [];
    const add = (condition: string, value: string | number) => {
      where.push(condition);
      values.push(value);
    };
    add(query.hidden ? 's.session_id>=?' : 's.session_id<?', hiddenFrom);
    if (query.owner !== undefined) add('s.owner=?', searchable(query.owner));
    if (query.kind !== undefined) add('s.kind=?', searchable(query.kind));
    if (query.failed !== undefined) add('s.failed=?', query.failed ? 1 : 0);
    if (query.tag !== undefined) {
      add('s.session_key IN (SELECT session_key FROM tags WHERE tag=?)', searchable(query.tag));
    }
    if (query.session_ids !== undefined) {
      add('s.session_id IN (SELECT value FROM json_each(?))', JSON.stringify(query.session_ids));
    }
    if (query.except_ids !== undefined) {
      add('s.session_id NOT IN (SELECT value FROM json_each(?))', JSON.stringify(query.except_ids));
    }
    if (query.active !== undefined) {
      const { since, or_ids } = query.active;
      where.push(
        '(SELECT last_activity FROM heads WHERE session_key=s.session_key)>=?' +
          ' OR s.session_id IN (SELECT value FROM json_each(?))',
      );
      values.push(since, JSON.stringify(or_ids));
    }
    if (this.unreadable.size > 0) where.push(`s.session_key NOT IN (${[...this.unreadable].join(',')})`);
    return { where, values };
  }

  private listing(sql: string): Statement {
    let statement = this.listings.get(sql);
    if (!statement) {
      statement = this.db.prepare<(string | number)[], JoinedRow>(sql);
      if (this.unreadable.size === 0) this.listings.set(sql, statement);
    }
    return statement;
  }

  private saveHead({ key, uid }: Located, head: Head): void {
    this.statements.updateHead.run({ session_key: key, ...encodeHead(uid, head) });
  }

  private writeTags(key: number, tags: readonly string[]): void {
    for (const tag of tags) this.statements.insertTag.run(searchable(tag), key);
  }

  /** The look-up joins both tables: a session without a head is damage and not a session that is not there. */
  private assertUnknown(sessionId: string): void {
    if (this.keyOf(sessionId) === undefined) return;
    throw damaged(`The head of session '${sessionId}' is missing.`, { session_id: sessionId });
  }
}

/** @throws storage_error, damaged */
export const decodeJoined = (row: JoinedRow): SessionRecord => decodeSession(row, row, row.head_crc);

const whereOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : ` WHERE ${conditions.map((condition) => `(${condition})`).join(' AND ')}`;

const malformed = (sessionId: string): SojournError =>
  new SojournError('internal', `The patch of session '${sessionId}' is malformed; it was not stored.`, {
    session_id: sessionId,
  });
