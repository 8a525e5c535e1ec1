/**
 * The embedded default store: one SQLite database for records, journals and checkpoints, and files for the parts.
 * A write that was committed survives a kill of the process, because SQLite handed it to the operating system; with
 * `fsync` it is on the disk before the answer. Nothing here waits for the disk on the event loop.
 */
import { SojournError, errors } from '../../types/errors.js';
import type { SessionEvent } from '../../types/events.js';
import type { SessionPatch, SessionRecord } from '../../types/session.js';
import type {
  Append,
  CheckpointNode,
  CheckpointNote,
  CheckpointRecord,
  IdempotentAnswer,
  ISessionStore,
  OpenReport,
  PartPin,
  PartRef,
  SessionFork,
  SessionPage,
  SessionQuery,
  StoreOptions,
} from '../../types/store.js';
import { assertFollows } from '../append-rules.js';
import { checkedNote, noCheckpoint } from '../checkpoint-tree.js';
import { encodeEvent } from '../journal-codec.js';
import { nextTurn, settle } from '../turns.js';
import { CheckpointRemoval } from './checkpoint-removal.js';
import { ForkCopy } from './fork-copy.js';
import { required } from './journal.js';
import { SqliteCore } from './sqlite-core.js';
import type { TableAccess, Tables } from './tables.js';
import { readNotes, readTree } from './tree-reading.js';

/** Events decoded in one go; more would hold up everybody else. */
const eventsAtOnce = 200;
/** What a row weighs in the log, roughly. */
const rowBytes = 200;

export class SqliteStore implements ISessionStore {
  readonly name = 'sqlite';
  private core: SqliteCore | undefined;
  private closing: Promise<void> | undefined;
  private readonly access: TableAccess = {
    read: (work) => this.read(null, work),
    write: (work) => this.write(null, work),
  };

  constructor(private readonly options: StoreOptions) {}

  async open(): Promise<OpenReport> {
    if (this.closing || this.core) throw errors.closed('The store, opened before,');
    const core = await SqliteCore.open(this.options);
    this.core = core;
    return core.report();
  }

  async createSession(record: SessionRecord, first: SessionEvent): Promise<void> {
    const { session_id, uid } = record;
    await this.write(null, ({ catalogue, journal }) => {
      const { wal } = this.opened();
      if (catalogue.keyOf(session_id) !== undefined) throw errors.sessionExists(session_id);
      assertFollows(session_id, -1, [first]);
      const encoded = encodeEvent(session_id, first);
      const stored_bytes = Buffer.byteLength(encoded.body);
      const key = catalogue.insert({ ...record, head_seq: 0, stored_bytes, checkpoint_count: 0 });
      wal.grew(journal.insert(key, uid, [encoded]));
    });
    if (record.durability === 'fsync') await this.opened().makeDurable();
  }

  async forkSession(fork: SessionFork): Promise<void> {
    const core = this.opened();
    // It takes a while, and the caller's record may change meanwhile.
    const own = { ...fork, record: structuredClone(fork.record) };
    await new ForkCopy(core, this.access, own).run();
    if (own.record.durability === 'fsync') await core.makeDurable();
  }

  async getSession(sessionId: string): Promise<SessionRecord | null> {
    return this.read(sessionId, ({ catalogue }) => {
      const record = catalogue.read(sessionId);
      return record ? this.opened().damage.overlay(record) : null;
    });
  }

  async updateSession(sessionId: string, patch: SessionPatch): Promise<SessionRecord> {
    return this.write(sessionId, ({ catalogue }) => {
      const located = required(catalogue.locate(sessionId), sessionId);
      catalogue.change(located, located.head, patch);
      if (patch.failure === null) this.opened().damage.forget(sessionId);
      const changed = catalogue.read(sessionId);
      if (!changed) throw errors.sessionNotFound(sessionId);
      return changed;
    });
  }

  async deleteSession(sessionId: string): Promise<boolean> {
    const core = this.opened();
    const removed = await this.write(null, ({ catalogue, held }) => {
      const key = catalogue.keyOf(sessionId);
      if (key === undefined) return null;
      const hashes = held.of(key);
      catalogue.remove(key);
      core.damage.forget(sessionId);
      return { key, hashes };
    });
    if (!removed) return false;
    await core.prune(removed.key);
    await core.letGo(removed.hashes);
    return true;
  }

  async listSessions(query: SessionQuery): Promise<SessionPage> {
    return this.read(null, ({ catalogue }) =>
      catalogue.list(query, (row) => {
        catalogue.unreadable.add(row.session_key);
        this.opened().damage.mark(row.session_id, 'Its record is not what was written.');
      }),
    );
  }

  async append(append: Append): Promise<void> {
    const { session_id, events, epoch, patch } = append;
    await this.write(session_id, ({ catalogue, journal }) => {
      const located = required(catalogue.locate(session_id), session_id);
      const { head } = located;
      assertFollows(session_id, head.head_seq, events, { stored: head.epoch, given: epoch });
      const encoded = events.map((event) => encodeEvent(session_id, event));
      const bytes = journal.insert(located.key, located.uid, encoded);
      const moved = { head_seq: head.head_seq + events.length, stored_bytes: head.stored_bytes + bytes };
      catalogue.change(located, { ...head, ...moved, epoch }, patch ?? {});
      this.opened().wal.grew(bytes);
    });
    if (append.durability === 'fsync') await this.opened().makeDurable();
  }

  async sync(): Promise<void> {
    const core = this.opened();
    await core.parts.sync();
    await core.makeDurable();
  }

  async readJournal(sessionId: string, fromSeq: number, limit: number): Promise<SessionEvent[]> {
    const events: SessionEvent[] = [];
    let from = Math.max(0, fromSeq);
    for (;;) {
      const wanted = Math.min(eventsAtOnce, limit - events.length);
      const slice = await this.read(sessionId, ({ catalogue, journal }) =>
        journal.read(required(catalogue.locate(sessionId), sessionId), from, wanted),
      );
      events.push(...slice);
      from += slice.length;
      if (slice.length < wanted || events.length >= limit) return events;
      await nextTurn();
    }
  }

  async findInput(sessionId: string, idempotencyKey: string): Promise<SessionEvent | null> {
    return this.read(sessionId, ({ catalogue, journal }) => {
      const located = catalogue.locate(sessionId);
      return located ? journal.findInput(located, idempotencyKey) : null;
    });
  }

  async putPart(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    pin?: PartPin,
  ): Promise<{ hash: string; size: number }> {
    return this.opened().parts.put(bytes, pin);
  }

  async getPart(hash: string): Promise<Uint8Array> {
    return this.opened().parts.get(hash);
  }

  hasPart(hash: string): boolean {
    const { parts, tables } = this.opened();
    const size = parts.sizeOf(hash);
    if (size === null) return false;
    const expected = tables.held.heldSize(hash);
    return expected === undefined || expected === size;
  }

  pinParts(): PartPin {
    return this.opened().collector.createPin();
  }

  async addCheckpoint(sessionId: string, checkpoint: CheckpointRecord, patch: SessionPatch): Promise<void> {
    const core = this.opened();
    const record = await this.getSession(sessionId);
    if (!record) throw errors.sessionNotFound(sessionId);
    const durable = record.durability === 'fsync';
    // Before the row that names them: a checkpoint must never be on the disk without its parts.
    if (durable) await core.parts.sync(checkpoint.parts.map((part) => part.hash));
    await this.write(sessionId, ({ catalogue, checkpoints }) => {
      const located = required(catalogue.locate(sessionId), sessionId);
      const missing = checkpoint.parts.find(({ hash, size }) => core.parts.sizeOf(hash) !== size);
      if (missing) throw partMissing(missing);
      const { bytes, added } = checkpoints.insert(located, checkpoint);
      core.wal.grew(bytes);
      const { head } = located;
      const moved = { checkpoint_count: head.checkpoint_count + 1, stored_bytes: head.stored_bytes + added };
      const change = { head_checkpoint: checkpoint.checkpoint_id, branch: checkpoint.branch, ...patch };
      catalogue.change(located, { ...head, ...moved }, change);
    });
    if (durable) await core.makeDurable();
  }

  async listCheckpoints(sessionId: string): Promise<CheckpointRecord[]> {
    const notes = await readNotes(this.access, sessionId);
    const found = await readTree(this.access, sessionId, ({ checkpoints }, located, after) =>
      checkpoints.records(located, after),
    );
    return found.map(({ item }) => {
      const note = notes.get(item.checkpoint_id);
      return note ? { ...item, note } : item;
    });
  }

  async listCheckpointNodes(sessionId: string): Promise<CheckpointNode[]> {
    const notes = await readNotes(this.access, sessionId);
    const found = await readTree(this.access, sessionId, ({ checkpoints }, located, after) =>
      checkpoints.nodes(located, after),
    );
    return found.map(({ item }) => {
      item.note = notes.get(item.checkpoint_id) ?? null;
      return item;
    });
  }

  async getCheckpoint(sessionId: string, checkpointId: string): Promise<CheckpointRecord | null> {
    return this.read(null, ({ catalogue, checkpoints }) => {
      const located = catalogue.locate(sessionId);
      return located ? checkpoints.get(located, checkpointId) : null;
    });
  }

  async noteCheckpoint(sessionId: string, checkpointId: string, note: CheckpointNote | null): Promise<void> {
    const durability = await this.write(sessionId, ({ catalogue, checkpoints, notes }) => {
      const located = required(catalogue.locate(sessionId), sessionId);
      if (!checkpoints.has(located, checkpointId)) throw noCheckpoint(sessionId, checkpointId);
      if (note === null) notes.remove(located.key, checkpointId);
      else this.opened().wal.grew(notes.put(located, checkpointId, checkedNote(note)));
      return catalogue.read(sessionId)?.durability;
    });
    if (durability === 'fsync') await this.opened().makeDurable();
  }

  async removeCheckpoints(sessionId: string, checkpointIds: readonly string[]): Promise<void> {
    const core = this.opened();
    const { hashes, rows } = await new CheckpointRemoval(
      this.access,
      sessionId,
      new Set(checkpointIds),
    ).run();
    core.wal.grew(rows * rowBytes);
    await core.letGo(hashes);
  }

  async getAnswer(principal: string, key: string): Promise<IdempotentAnswer | null> {
    return this.read(null, ({ answers }) => answers.get(principal, key));
  }

  async putAnswer(principal: string, key: string, answer: IdempotentAnswer): Promise<void> {
    await this.write(null, ({ answers }) => this.opened().wal.grew(answers.put(principal, key, answer)));
  }

  async pruneAnswers(before: string): Promise<void> {
    await this.write(null, ({ answers }) => answers.prune(before));
  }

  dispose(): Promise<void> {
    return (this.closing ??= this.core?.dispose() ?? Promise.resolve());
  }

  private opened(): SqliteCore {
    if (!this.core || this.closing) throw errors.closed('The sqlite store');
    return this.core;
  }

  /** @param sessionId whom damage that is met belongs to; null when it says nothing of a whole session. */
  private read<T>(sessionId: string | null, work: (tables: Tables) => T): Promise<T> {
    return settle(() => {
      const core = this.opened();
      try {
        return work(core.tables);
      } catch (error) {
        throw core.told(sessionId, error);
      }
    });
  }

  private async write<T>(sessionId: string | null, work: (tables: Tables) => T): Promise<T> {
    const { wal } = this.opened();
    while (wal.gate) await wal.gate;
    // It may have been closed meanwhile.
    const core = this.opened();
    try {
      const result = core.tables.transact(() => work(core.tables));
      wal.grew();
      return result;
    } catch (error) {
      throw core.told(sessionId, error);
    }
  }
}

const partMissing = ({ name, hash }: PartRef): SojournError =>
  new SojournError(
    'storage_error',
    `The part '${name}' (${hash}) is not in the store; the checkpoint was not kept.`,
    {
      hash,
    },
  );
