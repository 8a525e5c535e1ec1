/**
 * The table `journal`. Reading checks every row's checksum and that no seq is left out; writing is the hot path and
 * does as little as it can.
 */
import { errors } from '../../types/errors.js';
import type { SessionEvent } from '../../types/events.js';
import { decodeEvent } from '../journal-codec.js';
import type { EncodedEvent } from '../journal-codec.js';
import { damaged } from '../store-errors.js';
import type { Located } from './catalogue.js';
import { journalCrc, searchable } from './rows.js';
import type { JournalRow } from './rows.js';
import type { Db } from './schema.js';

type NewRow = [
  key: number,
  seq: number,
  at: string,
  type: string,
  body: string,
  crc: number,
  idempotency: string | null,
];

const columns = 'seq,at,type,body,crc';

export class Journal {
  private readonly statements;

  constructor(db: Db) {
    this.statements = {
      insert: db.prepare<NewRow>(
        'INSERT INTO journal(session_key,seq,at,type,body,crc,idempotency_key) VALUES(?,?,?,?,?,?,?)',
      ),
      read: db.prepare<[number, number, number], JournalRow>(
        `SELECT ${columns} FROM journal WHERE session_key=? AND seq>=? ORDER BY seq LIMIT ?`,
      ),
      byKey: db.prepare<[number, string], JournalRow>(
        `SELECT ${columns} FROM journal WHERE session_key=? AND idempotency_key=? ORDER BY seq DESC LIMIT 1`,
      ),
      last: db.prepare<[number], number | null>('SELECT max(seq) FROM journal WHERE session_key=?').pluck(),
      countRange: db
        .prepare<[number, number, number], number>(
          'SELECT count(*) FROM journal WHERE session_key=? AND seq BETWEEN ? AND ?',
        )
        .pluck(),
      prune: db.prepare<[number, number]>('DELETE FROM journal WHERE session_key=? AND seq<?'),
    };
  }

  /** @returns the bytes written, as they count against the session */
  insert(key: number, uid: string, events: readonly EncodedEvent[]): number {
    let bytes = 0;
    for (const event of events) {
      const { seq, at, type, body, idempotencyKey } = event;
      const searched = idempotencyKey === null ? null : searchable(idempotencyKey);
      this.statements.insert.run(key, seq, at, type, body, journalCrc(uid, event), searched);
      bytes += Buffer.byteLength(body);
    }
    return bytes;
  }

  /** Checked events in order. @throws storage_error, damaged */
  read(located: Located, fromSeq: number, limit: number): SessionEvent[] {
    const { sessionId, head } = located;
    if (fromSeq > head.head_seq) return [];
    const rows = this.statements.read.all(located.key, fromSeq, limit);
    const events = rows.map((row, index) => {
      if (row.seq !== fromSeq + index) throw gap(sessionId, fromSeq + index);
      return this.decode(located, row);
    });
    const next = fromSeq + rows.length;
    if (rows.length < limit && next <= head.head_seq) throw gap(sessionId, next);
    return events;
  }

  findInput(located: Located, idempotencyKey: string): SessionEvent | null {
    const row = this.statements.byKey.get(located.key, searchable(idempotencyKey));
    return row ? this.decode(located, row) : null;
  }

  /** The last stored seq, -1 when there is nothing. */
  lastSeq(key: number): number {
    return this.statements.last.get(key) ?? -1;
  }

  count(key: number, fromSeq: number, toSeq: number): number {
    return this.statements.countRange.get(key, fromSeq, toSeq) ?? 0;
  }

  /** Removes the beginning of a journal whose session is gone. */
  prune(key: number, belowSeq: number): void {
    this.statements.prune.run(key, belowSeq);
  }

  private decode({ sessionId, uid }: Located, row: JournalRow): SessionEvent {
    if (row.crc === journalCrc(uid, row)) return decodeEvent(sessionId, row);
    throw damaged(`Event ${row.seq} of session '${sessionId}' is not what was written.`, {
      session_id: sessionId,
      seq: row.seq,
    });
  }
}

const gap = (sessionId: string, seq: number) =>
  damaged(`Event ${seq} of session '${sessionId}' is missing.`, { session_id: sessionId, seq });

/** @throws session_not_found */
export function required(located: Located | undefined, sessionId: string): Located {
  if (!located) throw errors.sessionNotFound(sessionId);
  return located;
}
