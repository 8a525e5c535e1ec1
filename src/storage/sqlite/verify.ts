/**
 * Looks every session over after the database was opened: its record, whether its journal is complete, and whether
 * the parts of its newest checkpoint are there. Works in small steps, so that the event loop never waits for it.
 */
import type { IClock } from '../../types/ports.js';
import { isCorruption, isDamage, storageError } from '../store-errors.js';
import { nextTurn } from '../turns.js';
import { decodeJoined } from './catalogue.js';
import type { JoinedRow, Located } from './catalogue.js';
import type { DamageList } from './damage.js';
import type { PartFiles } from './parts.js';
import type { Tables } from './tables.js';

const rowsAtOnce = 500;
const eventsAtOnce = 20_000;

export class Verifier {
  /** Sessions whose journal and parts wait to be looked at. */
  private readonly waiting: string[] = [];

  constructor(
    private readonly tables: Tables,
    private readonly parts: PartFiles,
    private readonly damage: DamageList,
    private readonly clock: IClock,
  ) {}

  /** Reads all records. @throws SQLite's error when the catalogue itself cannot be read */
  async records(): Promise<void> {
    let last = 0;
    for (;;) {
      const rows = this.tables.catalogue.rowsAfter(last, rowsAtOnce);
      for (const row of rows) this.record(row);
      last = rows.at(-1)?.session_key ?? last;
      if (rows.length < rowsAtOnce) return;
      await nextTurn();
    }
  }

  /** Looks at journals and parts until all are done, `budgetMs` is over or the signal comes. */
  async contents(signal: AbortSignal, budgetMs = Number.POSITIVE_INFINITY): Promise<void> {
    const start = this.clock.monotonic();
    for (let id = this.waiting.pop(); id !== undefined; id = this.waiting.pop()) {
      await this.session(id, signal);
      if (signal.aborted || this.clock.monotonic() - start > budgetMs) return;
    }
  }

  private record(row: JoinedRow): void {
    try {
      const { failure, session_id } = decodeJoined(row);
      if (failure) this.damage.note(session_id, failure);
      else this.waiting.push(session_id);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.tables.catalogue.unreadable.add(row.session_key);
      this.damage.mark(row.session_id, messageOf(error));
    }
  }

  private async session(id: string, signal: AbortSignal): Promise<void> {
    try {
      const located = this.tables.catalogue.locate(id);
      if (!located) return;
      const detail = (await this.journal(located, signal)) ?? (await this.headParts(located, signal));
      // It may have been deleted, or written to, while we were counting.
      const now = signal.aborted ? undefined : this.tables.catalogue.locate(id);
      if (detail !== null && now?.uid === located.uid) this.damage.mark(id, detail);
    } catch (error) {
      if (signal.aborted) return;
      if (!isDamage(error) && !isCorruption(error)) throw error;
      this.damage.mark(id, messageOf(error));
    }
  }

  /** What is wrong with the journal, null when it is complete. */
  private async journal({ key, head }: Located, signal: AbortSignal): Promise<string | null> {
    const { journal } = this.tables;
    const last = journal.lastSeq(key);
    if (last < head.head_seq)
      return `The journal ends at event ${last}; events up to ${head.head_seq} are missing.`;
    for (let from = 0; from <= head.head_seq; from += eventsAtOnce) {
      const to = Math.min(from + eventsAtOnce - 1, head.head_seq);
      const missing = to - from + 1 - journal.count(key, from, to);
      if (missing > 0) return `${missing} of the events ${from} to ${to} are missing.`;
      await nextTurn();
      if (signal.aborted) return null;
    }
    return null;
  }

  /** What is wrong with the newest checkpoint, null when it can be restored. */
  private async headParts(located: Located, signal: AbortSignal): Promise<string | null> {
    const { head_checkpoint } = located.head;
    if (head_checkpoint === null) return null;
    const checkpoint = this.tables.checkpoints.get(located, head_checkpoint);
    if (!checkpoint) return `The checkpoint '${head_checkpoint}' is missing.`;
    for (const { name, hash, size } of checkpoint.parts) {
      const found = await this.parts.sizeLater(hash);
      if (signal.aborted) return null;
      if (found === null) return `The part '${name}' (${hash}) of the newest checkpoint is missing.`;
      if (found !== size)
        return `The part '${name}' (${hash}) of the newest checkpoint has ${found} bytes, not ${size}.`;
    }
    return null;
  }
}

const messageOf = (error: unknown): string => storageError('The database', error).detail;
