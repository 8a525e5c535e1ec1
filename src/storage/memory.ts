/**
 * Sessions in memory: for tests, for throw-away servers, and as the shortest full example of a store.
 * Everything is copied on its way in and out, so that it behaves like a store on a disk.
 */
import { createHash } from 'node:crypto';
import { SojournError, errors } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import type { SessionPatch, SessionRecord } from '../types/session.js';
import { defineStore } from '../types/store.js';
import type {
  Append,
  CheckpointNode,
  CheckpointNote,
  CheckpointRecord,
  IdempotentAnswer,
  ISessionStore,
  OpenReport,
  PartPin,
  SessionFork,
  SessionPage,
  SessionQuery,
} from '../types/store.js';
import { assertFollows } from './append-rules.js';
import {
  assertRemovable,
  checkedNote,
  listNodes,
  noCheckpoint,
  withoutCheckpoints,
} from './checkpoint-tree.js';
import { assertWithin, forkHead, partSizes, sumOf } from './fork-rules.js';
import { decodeEvent, encodeEvent } from './journal-codec.js';
import type { EncodedEvent } from './journal-codec.js';
import { PartPins } from './part-pins.js';
import { compareForList, decodeCursor, encodeCursor, isHidden, matches } from './session-list.js';
import { checkedRecord, patchRecord } from './session-patch.js';
import { damaged } from './store-errors.js';
import { settle } from './turns.js';

interface Entry {
  record: SessionRecord;
  readonly journal: EncodedEvent[];
  checkpoints: CheckpointRecord[];
  /** Distinct parts of all checkpoints. */
  hashes: Set<string>;
}

class MemoryStore implements ISessionStore {
  readonly name = 'memory';
  private state: 'new' | 'open' | 'closed' = 'new';
  private readonly entries = new Map<string, Entry>();
  private readonly parts = new Map<string, Uint8Array>();
  private readonly answers = new Map<string, IdempotentAnswer>();
  private readonly pins = new PartPins((hashes) => this.collect(hashes));

  open(): Promise<OpenReport> {
    return settle(() => {
      if (this.state === 'closed') throw errors.closed('The memory store');
      this.state = 'open';
      const sessions = [...this.entries.keys()].filter((id) => !isHidden(id)).length;
      return { sessions, damaged: [], set_aside: [], lost: [] };
    });
  }

  createSession(record: SessionRecord, first: SessionEvent): Promise<void> {
    return settle(() => {
      this.ensureOpen();
      if (this.entries.has(record.session_id)) throw errors.sessionExists(record.session_id);
      assertFollows(record.session_id, -1, [first]);
      const encoded = encodeEvent(record.session_id, first);
      const counted = { head_seq: 0, stored_bytes: Buffer.byteLength(encoded.body), checkpoint_count: 0 };
      this.entries.set(record.session_id, {
        record: checkedRecord({ ...structuredClone(record), ...counted }),
        journal: [encoded],
        checkpoints: [],
        hashes: new Set(),
      });
    });
  }

  forkSession(fork: SessionFork): Promise<void> {
    return settle(() => {
      const { source_id, record, at_seq, event } = fork;
      const source = this.entry(source_id);
      const { session_id } = record;
      if (this.entries.has(session_id)) throw errors.sessionExists(session_id);
      assertWithin(source_id, source.record.head_seq, at_seq);
      assertFollows(session_id, at_seq, [event]);
      const history = source.journal.slice(0, at_seq + 1).map((row) => ({ ...row, idempotencyKey: null }));
      const journal = [...history, encodeEvent(session_id, event)];
      const checkpoints = source.checkpoints.filter((node) => node.seq <= at_seq);
      const head = forkHead(source_id, source.record, source.checkpoints, fork);
      const sizes = partSizes(checkpoints);
      const bytes = journal.reduce((sum, row) => sum + Buffer.byteLength(row.body), 0);
      const found = {
        head_seq: at_seq + 1,
        stored_bytes: bytes + sumOf(sizes),
        checkpoint_count: checkpoints.length,
        head_checkpoint: head?.checkpoint_id ?? null,
        branch: head?.branch ?? record.branch,
      };
      this.entries.set(session_id, {
        record: checkedRecord({ ...structuredClone(record), ...found }),
        journal,
        checkpoints: structuredClone(checkpoints),
        hashes: new Set(sizes.keys()),
      });
    });
  }

  getSession(sessionId: string): Promise<SessionRecord | null> {
    return settle(() => {
      this.ensureOpen();
      return structuredClone(this.entries.get(sessionId)?.record ?? null);
    });
  }

  updateSession(sessionId: string, patch: SessionPatch): Promise<SessionRecord> {
    return settle(() => {
      const entry = this.entry(sessionId);
      entry.record = patchRecord(entry.record, structuredClone(patch));
      return structuredClone(entry.record);
    });
  }

  deleteSession(sessionId: string): Promise<boolean> {
    return settle(() => {
      this.ensureOpen();
      const entry = this.entries.get(sessionId);
      if (!entry) return false;
      this.entries.delete(sessionId);
      this.collect([...entry.hashes]);
      return true;
    });
  }

  listSessions(query: SessionQuery): Promise<SessionPage> {
    return settle(() => {
      this.ensureOpen();
      const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
      const matching = [...this.entries.values()]
        .map((entry) => entry.record)
        .filter((record) => matches(record, query));
      matching.sort(compareForList);
      const rest = after ? matching.filter((record) => compareForList(record, after) > 0) : matching;
      const page = rest.slice(0, query.limit);
      const last = rest.length > page.length ? page.at(-1) : undefined;
      return {
        sessions: structuredClone(page),
        total: matching.length,
        next_cursor: last ? encodeCursor(last) : null,
      };
    });
  }

  append(append: Append): Promise<void> {
    return settle(() => {
      const entry = this.entry(append.session_id);
      const { record } = entry;
      assertFollows(append.session_id, record.head_seq, append.events, {
        stored: record.epoch,
        given: append.epoch,
      });
      const encoded = append.events.map((event) => encodeEvent(append.session_id, event));
      const bytes = encoded.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
      const patched = patchRecord({ ...record, epoch: append.epoch }, structuredClone(append.patch ?? {}));
      entry.journal.push(...encoded);
      const head_seq = record.head_seq + encoded.length;
      entry.record = { ...patched, head_seq, stored_bytes: record.stored_bytes + bytes };
    });
  }

  sync(): Promise<void> {
    return settle(() => {
      this.ensureOpen();
    });
  }

  readJournal(sessionId: string, fromSeq: number, limit: number): Promise<SessionEvent[]> {
    return settle(() => {
      const { journal } = this.entry(sessionId);
      const from = Math.max(0, fromSeq);
      return journal.slice(from, from + limit).map((row) => decodeEvent(sessionId, row));
    });
  }

  findInput(sessionId: string, idempotencyKey: string): Promise<SessionEvent | null> {
    return settle(() => {
      this.ensureOpen();
      const row = this.entries
        .get(sessionId)
        ?.journal.findLast((event) => event.idempotencyKey === idempotencyKey);
      return row ? decodeEvent(sessionId, row) : null;
    });
  }

  async putPart(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    pin?: PartPin,
  ): Promise<{ hash: string; size: number }> {
    this.ensureOpen();
    const pieces: Uint8Array[] = [];
    if (bytes instanceof Uint8Array) pieces.push(bytes);
    else for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
    this.ensureOpen();
    const whole = new Uint8Array(Buffer.concat(pieces));
    const hash = createHash('sha256').update(whole).digest('hex');
    pin?.add(hash);
    this.parts.set(hash, whole);
    return { hash, size: whole.length };
  }

  getPart(hash: string): Promise<Uint8Array> {
    return settle(() => {
      this.ensureOpen();
      const part = this.parts.get(hash);
      if (!part) throw damaged(`The part ${hash} is missing.`, { hash });
      return part.slice();
    });
  }

  hasPart(hash: string): boolean {
    this.ensureOpen();
    return this.parts.has(hash);
  }

  pinParts(): PartPin {
    this.ensureOpen();
    return this.pins.create();
  }

  addCheckpoint(sessionId: string, checkpoint: CheckpointRecord, patch: SessionPatch): Promise<void> {
    return settle(() => {
      const entry = this.entry(sessionId);
      const { checkpoint_id, branch, parts } = checkpoint;
      if (entry.checkpoints.some((known) => known.checkpoint_id === checkpoint_id)) {
        throw new SojournError('conflict', `There is a checkpoint '${checkpoint_id}' already.`, {
          checkpoint_id,
        });
      }
      const missing = parts.find((part) => !this.parts.has(part.hash));
      if (missing)
        throw damaged(`The part '${missing.name}' (${missing.hash}) is missing.`, { hash: missing.hash });
      const moved = { head_checkpoint: checkpoint_id, branch, ...structuredClone(patch) };
      const record = patchRecord(entry.record, moved);
      const added = new Map(
        parts.filter((part) => !entry.hashes.has(part.hash)).map((part) => [part.hash, part.size]),
      );
      entry.checkpoints.push(structuredClone(checkpoint));
      for (const hash of added.keys()) entry.hashes.add(hash);
      const bytes = [...added.values()].reduce((sum, size) => sum + size, 0);
      const checkpoint_count = entry.checkpoints.length;
      entry.record = { ...record, checkpoint_count, stored_bytes: entry.record.stored_bytes + bytes };
    });
  }

  listCheckpoints(sessionId: string): Promise<CheckpointRecord[]> {
    return settle(() => structuredClone(this.entry(sessionId).checkpoints));
  }

  getCheckpoint(sessionId: string, checkpointId: string): Promise<CheckpointRecord | null> {
    return settle(() => {
      this.ensureOpen();
      const checkpoints = this.entries.get(sessionId)?.checkpoints;
      return structuredClone(checkpoints?.find((known) => known.checkpoint_id === checkpointId) ?? null);
    });
  }

  listCheckpointNodes(sessionId: string): Promise<CheckpointNode[]> {
    return settle(() => structuredClone(listNodes(this.entry(sessionId).checkpoints)));
  }

  noteCheckpoint(sessionId: string, checkpointId: string, note: CheckpointNote | null): Promise<void> {
    return settle(() => {
      const { checkpoints } = this.entry(sessionId);
      const index = checkpoints.findIndex((known) => known.checkpoint_id === checkpointId);
      const found = checkpoints[index];
      if (!found) throw noCheckpoint(sessionId, checkpointId);
      const { note: _, ...rest } = found;
      checkpoints[index] = note === null ? rest : { ...rest, note: checkedNote(note) };
    });
  }

  removeCheckpoints(sessionId: string, checkpointIds: readonly string[]): Promise<void> {
    return settle(() => {
      const entry = this.entry(sessionId);
      const ids = new Set(checkpointIds);
      assertRemovable(sessionId, entry.record, ids);
      const held = partSizes(entry.checkpoints);
      entry.checkpoints = withoutCheckpoints(entry.checkpoints, ids);
      const left = partSizes(entry.checkpoints);
      const stored_bytes = entry.record.stored_bytes - sumOf(held) + sumOf(left);
      entry.record = { ...entry.record, stored_bytes, checkpoint_count: entry.checkpoints.length };
      entry.hashes = new Set(left.keys());
      this.collect([...held.keys()].filter((hash) => !left.has(hash)));
    });
  }

  getAnswer(principal: string, key: string): Promise<IdempotentAnswer | null> {
    return settle(() => {
      this.ensureOpen();
      return structuredClone(this.answers.get(JSON.stringify([principal, key])) ?? null);
    });
  }

  putAnswer(principal: string, key: string, answer: IdempotentAnswer): Promise<void> {
    return settle(() => {
      this.ensureOpen();
      this.answers.set(JSON.stringify([principal, key]), structuredClone(answer));
    });
  }

  pruneAnswers(before: string): Promise<void> {
    return settle(() => {
      this.ensureOpen();
      for (const [name, answer] of this.answers) if (answer.created_at < before) this.answers.delete(name);
    });
  }

  dispose(): void {
    this.state = 'closed';
    this.entries.clear();
    this.parts.clear();
    this.answers.clear();
  }

  private ensureOpen(): void {
    if (this.state !== 'open') throw errors.closed('The memory store');
  }

  private entry(sessionId: string): Entry {
    this.ensureOpen();
    const entry = this.entries.get(sessionId);
    if (!entry) throw errors.sessionNotFound(sessionId);
    return entry;
  }

  /** Forgets those of these parts that neither a checkpoint nor a pin refers to. */
  private collect(hashes: readonly string[]): void {
    const entries = [...this.entries.values()];
    for (const hash of hashes) {
      const used = this.pins.isHeld(hash) || entries.some((entry) => entry.hashes.has(hash));
      if (!used) this.parts.delete(hash);
    }
  }
}

export const memoryStore = defineStore({
  name: 'memory',
  apiVersion: 1,
  persistent: false,
  create: () => new MemoryStore(),
});
