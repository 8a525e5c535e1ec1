/**
 * Reads what can still be read of a damaged database, row by row: a query that fails half way keeps the rows it gave,
 * and sessions are looked up one by one so that a bad page costs only the sessions on it.
 */
import type { SessionEvent } from '../../types/events.js';
import type { SessionRecord } from '../../types/session.js';
import type { CheckpointNote, CheckpointRecord } from '../../types/store.js';
import { decodeEvent } from '../journal-codec.js';
import type { EncodedEvent } from '../journal-codec.js';
import { decodeCheckpoint, decodeNote } from './checkpoint-rows.js';
import type { CheckpointRow, NoteRow } from './checkpoint-rows.js';
import { decodeSession, headCrc, journalCrc, pickHead } from './rows.js';
import type { AnswerRow, Head, HeadRow, JournalRow, SessionRow } from './rows.js';
import type { Db } from './schema.js';

/** Beyond it looking keys up one by one takes too long, and only what a scan gives is read. */
const probedKeysMax = 2_000_000;

export interface StoredAnswer extends AnswerRow {
  principal: string;
  key: string;
}
interface BodyRow {
  position: number;
  body: string;
  crc: number;
}
type KeyedEvent = JournalRow & { idempotency_key: string | null };

export class SalvageSource {
  constructor(private readonly db: Db) {}

  /** Every key that may belong to a session, ascending. */
  keys(): number[] {
    const seen = new Set(this.column('SELECT session_key FROM sessions ORDER BY session_key'));
    for (const key of this.column('SELECT session_key FROM sessions ORDER BY session_key DESC'))
      seen.add(key);
    const bounds = [
      ...this.column("SELECT seq FROM sqlite_sequence WHERE name='sessions'"),
      ...this.column('SELECT max(session_key) FROM heads'),
      ...this.column('SELECT max(session_key) FROM journal'),
    ].filter((bound) => bound <= probedKeysMax);
    const highest = Math.max(0, ...bounds);
    for (let key = 1; key <= highest; key += 1) seen.add(key);
    return [...seen].sort((a, b) => a - b);
  }

  /** 'none': there is no such session. 'unreadable': there is or was one, and its record cannot be read. */
  session(key: number): SessionRow | 'none' | 'unreadable' {
    try {
      const row = this.db
        .prepare<[number], SessionRow>('SELECT * FROM sessions WHERE session_key=?')
        .get(key);
      if (row) return row;
      return this.headRow(key) && !this.isDoomed(key) ? 'unreadable' : 'none';
    } catch {
      return 'unreadable';
    }
  }

  /** Where the session stood; undefined when the row is gone or not what was written. */
  head({ session_key, uid }: SessionRow): Head | undefined {
    const row = this.headRow(session_key);
    return row && row.crc === headCrc(uid, row) ? pickHead(row) : undefined;
  }

  /** Undefined when the row is not what was written. */
  record(row: SessionRow, head: Head): SessionRecord | undefined {
    try {
      return decodeSession(row, head, headCrc(row.uid, head));
    } catch {
      return undefined;
    }
  }

  /** The journal from seq 0 as far as it is unbroken. */
  *events(
    key: number,
    sessionId: string,
    uid: string,
  ): Generator<{ row: EncodedEvent; event: SessionEvent }> {
    let due = 0;
    const sql = 'SELECT seq,at,type,body,crc,idempotency_key FROM journal WHERE session_key=? ORDER BY seq';
    for (const stored of this.rows<KeyedEvent>(sql, key)) {
      if (stored.seq !== due || stored.crc !== journalCrc(uid, stored)) return;
      let event: SessionEvent;
      try {
        event = decodeEvent(sessionId, stored);
      } catch {
        return;
      }
      const { seq, at, type, body } = stored;
      const key = event.type === 'input' ? (event.idempotency_key ?? null) : null;
      // An input that came with a fork has a key and is not to be found by it.
      const idempotencyKey = stored.idempotency_key === null ? null : key;
      yield { row: { seq, at, type, body, idempotencyKey }, event };
      due += 1;
    }
  }

  /** Oldest first; those that are not what was written are left out. */
  checkpoints(key: number, sessionId: string, uid: string): CheckpointRecord[] {
    const columns = 'position,checkpoint_id,node,crc,NULL AS body,NULL AS body_crc';
    const nodes = [
      ...this.rows<CheckpointRow>(`SELECT ${columns} FROM checkpoints WHERE session_key=?`, key),
    ];
    const bodies = this.bodies(key);
    const notes = this.notes(key, sessionId, uid);
    nodes.sort((a, b) => a.position - b.position);
    return nodes.flatMap((row) => {
      const { body = null, crc: body_crc = null } = bodies.get(row.position) ?? {};
      try {
        return [decodeCheckpoint(sessionId, uid, { ...row, body, body_crc }, notes.get(row.checkpoint_id))];
      } catch {
        return [];
      }
    });
  }

  private bodies(key: number): Map<number, BodyRow> {
    const sql = 'SELECT position,body,crc FROM bodies WHERE session_key=?';
    return new Map([...this.rows<BodyRow>(sql, key)].map((row) => [row.position, row]));
  }

  private notes(key: number, sessionId: string, uid: string): Map<string, CheckpointNote> {
    const found = new Map<string, CheckpointNote>();
    const sql = 'SELECT checkpoint_id,note,crc FROM notes WHERE session_key=?';
    for (const row of this.rows<NoteRow>(sql, key)) {
      try {
        found.set(row.checkpoint_id, decodeNote(sessionId, uid, row));
      } catch {
        // The checkpoint comes back without it.
      }
    }
    return found;
  }

  answers(): Generator<StoredAnswer> {
    return this.rows<StoredAnswer>('SELECT principal,key,created_at,body,crc FROM answers');
  }

  private headRow(key: number): HeadRow | undefined {
    try {
      return this.db.prepare<[number], HeadRow>('SELECT * FROM heads WHERE session_key=?').get(key);
    } catch {
      return undefined;
    }
  }

  private isDoomed(key: number): boolean {
    return [...this.rows('SELECT 1 FROM doomed WHERE session_key=?', key)].length > 0;
  }

  /** Rows until the first that cannot be read: what comes after it on a damaged page is missing, not an error. */
  private *rows<Row>(sql: string, ...values: number[]): Generator<Row> {
    try {
      yield* this.db.prepare<number[], Row>(sql).iterate(...values);
    } catch {
      return;
    }
  }

  private column(sql: string): number[] {
    const values: number[] = [];
    for (const row of this.rows<Record<string, unknown>>(sql)) {
      const [value] = Object.values(row);
      if (typeof value === 'number') values.push(value);
    }
    return values;
  }
}
