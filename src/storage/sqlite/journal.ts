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
type StoredEvent = [seq: number, at: string, type: string, body: string, crc: number];

/** Some of the events that are copied from one session to another. */
export interface CopiedPiece {
  events: number;
  /** As they count against the session. */
  bytes: number;
}
/** How much is copied in one go. */
const pieceEvents = 500;
const pieceBytes = 2 ** 18;

export class Journal {
  private readonly statements;

  constructor(db: Db) {
    db.function('resealed', { directOnly: true, varargs: true }, resealed);
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
      sizes: db
        .prepare<[number, number, number], number>(
          'SELECT octet_length(body) FROM journal WHERE session_key=? AND seq BETWEEN ? AND ? ORDER BY seq',
        )
        .pluck(),
      // Without the keys: an input that was made in another session answers no call to this one.
      copy: db.prepare<[number, string, string, string, number, number, number]>(
        `INSERT INTO journal(session_key,seq,at,type,body,crc)
SELECT ?,seq,at,type,body,resealed(?,?,?,seq,at,type,body,crc)
FROM journal WHERE session_key=? AND seq BETWEEN ? AND ?`,
      ),
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

  /**
   * Copies checked events from `fromSeq` on, not all up to `toSeq` when they are many or large.
   * @throws storage_error, damaged, with the source's id
   */
  copy(source: Located, target: { key: number; uid: string }, fromSeq: number, toSeq: number): CopiedPiece {
    const { key, uid, sessionId } = source;
    const sizes = this.statements.sizes.all(key, fromSeq, Math.min(toSeq, fromSeq + pieceEvents - 1));
    if (sizes.length === 0) throw gap(sessionId, fromSeq);
    const piece = firstPiece(sizes);
    const last = fromSeq + piece.events - 1;
    const copied = this.statements.copy.run(target.key, sessionId, uid, target.uid, key, fromSeq, last);
    if (copied.changes < piece.events) {
      const detail = `Some of the events ${fromSeq} to ${last} of session '${sessionId}' are missing.`;
      throw damaged(detail, { session_id: sessionId, seq: fromSeq });
    }
    return piece;
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
    throw changed(sessionId, row.seq);
  }
}

/** As many as may be copied in one go, at least one. */
function firstPiece(sizes: readonly number[]): CopiedPiece {
  const piece = { events: 0, bytes: 0 };
  for (const size of sizes) {
    piece.events += 1;
    piece.bytes += size;
    if (piece.bytes > pieceBytes) break;
  }
  return piece;
}

/**
 * In SQL: the checksum that an event of one session has in another, which has another uid; damage gets none.
 * @throws storage_error, damaged
 */
function resealed(sessionId: string, uid: string, newUid: string, ...stored: StoredEvent): number {
  const [seq, at, type, body, crc] = stored;
  const row = { seq, at, type, body };
  if (crc !== journalCrc(uid, row)) throw changed(sessionId, seq);
  return journalCrc(newUid, row);
}

const changed = (sessionId: string, seq: number) =>
  damaged(`Event ${seq} of session '${sessionId}' is not what was written.`, { session_id: sessionId, seq });

const gap = (sessionId: string, seq: number) =>
  damaged(`Event ${seq} of session '${sessionId}' is missing.`, { session_id: sessionId, seq });

/** @throws session_not_found */
export function required(located: Located | undefined, sessionId: string): Located {
  if (!located) throw errors.sessionNotFound(sessionId);
  return located;
}
