/**
 * Where sessions are kept: a catalogue of records, one append-only journal each, a tree of checkpoints, and
 * content-addressed parts that checkpoints share.
 */
import { z } from 'zod';
import { notKeptSchema } from './events.js';
import type { SessionEvent } from './events.js';
import type { Disposable, IClock, IFiles, ILog } from './ports.js';
import type { Durability, SessionPatch, SessionRecord } from './session.js';

export const partRefSchema = z.object({
  name: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().nonnegative(),
});
/** A named piece of a checkpoint; `hash` is the SHA-256 of its bytes. */
export type PartRef = z.infer<typeof partRefSchema>;

export const checkpointNoteSchema = z.object({
  label: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  /** ISO 8601 UTC. */
  created_at: z.string(),
  updated_at: z.string(),
});
/** What somebody wrote on a checkpoint. */
export type CheckpointNote = z.infer<typeof checkpointNoteSchema>;

const placeInTreeSchema = z.object({
  checkpoint_id: z.string(),
  /** The state after this journal seq. */
  seq: z.number().int(),
  parent: z.string().nullable(),
  branch: z.string(),
  epoch: z.number().int(),
  reason: z.string(),
  created_at: z.string(),
});

/** A checkpoint with all that is needed to restore it. `note` is there where there is one. */
export const checkpointRecordSchema = placeInTreeSchema.extend({
  manifest: z.record(z.string(), z.unknown()),
  parts: z.array(partRefSchema),
  not_kept: z.array(notKeptSchema),
  note: checkpointNoteSchema.optional(),
});
export type CheckpointRecord = z.infer<typeof checkpointRecordSchema>;

export const checkpointNodeSchema = placeInTreeSchema.extend({
  /** Of its distinct parts. */
  bytes: z.number().int(),
  /** Of those of them that its parent does not have. */
  new_bytes: z.number().int(),
  note: checkpointNoteSchema.nullable(),
});
/** A checkpoint as a node of the tree, without what it holds. */
export type CheckpointNode = z.infer<typeof checkpointNodeSchema>;

export interface SessionQuery {
  owner?: string;
  kind?: string;
  tag?: string;
  /** Only these; an unknown id is left out. */
  session_ids?: readonly string[];
  /** All but these. */
  except_ids?: readonly string[];
  failed?: boolean;
  /** Only those with a `last_activity` from this ISO time on, and these. */
  active?: { since: string; or_ids: readonly string[] };
  /** Only the house's own sessions, whose ids begin with `~`; without it they are left out. */
  hidden?: boolean;
  /** Sessions of a page; 0 only counts. */
  limit: number;
  /** From the page before; newest `created_at` first, then by id. */
  cursor?: string;
}
export interface SessionPage {
  sessions: SessionRecord[];
  /** All that match, on this page or not. */
  total: number;
  next_cursor: string | null;
}

/** One step of a journal, applied wholly or not at all. */
export interface Append {
  session_id: string;
  /** Who writes: one below the stored epoch is refused (the fencing token), one above it becomes the stored one. */
  epoch: number;
  /** Consecutive, starting one after the stored head. */
  events: readonly SessionEvent[];
  /**
   * Changes to the record that belong to these events. What follows from the stored rows is not patched but counted:
   * `head_seq`, `stored_bytes` and `checkpoint_count`. The epoch never goes down.
   */
  patch?: SessionPatch;
  durability: Durability;
}

/** A new session that begins with the history of another one. */
export interface SessionFork {
  source_id: string;
  /**
   * The new session. What follows from the history is not taken from it but found by the store: `head_seq`,
   * `stored_bytes`, `checkpoint_count` and `head_checkpoint`, and `branch` where there is a head checkpoint.
   */
  record: SessionRecord;
  /** The last event of the source that the new session has. */
  at_seq: number;
  /**
   * The checkpoint that the new session starts from, which is none after `at_seq`; null for none. When left out, the
   * newest on the path to the source's head.
   */
  head_checkpoint?: string | null;
  /** The new session's first event of its own, `forked` at `at_seq + 1`. */
  event: SessionEvent;
}

/** The answer to a write that is no journal input, kept so that a retry gets it again. */
export interface IdempotentAnswer {
  /** Fingerprint of the operation and its parameters: one key never serves two different calls. */
  request: string;
  answer: unknown;
  created_at: string;
}

export const ISessionStore = Symbol.for('sojourn.ISessionStore');
/**
 * Every method throws `storage_error` with the cause when the medium fails, and `closed` after `dispose`.
 * What was read is checked: a record, event or part that does not match its checksum is a `storage_error` with
 * `damaged: true` among its fields, and never an answer.
 */
export interface ISessionStore extends Disposable {
  readonly name: string;
  /** Opens, creates or upgrades; sets damaged sessions aside and reports them. */
  open(): Promise<OpenReport>;

  /** @throws session_exists */
  createSession(record: SessionRecord, first: SessionEvent): Promise<void>;
  /**
   * Makes a session out of another's history, wholly or not at all, and without holding up others for longer than a
   * piece of the journal takes. It has the source's events up to `at_seq` under its own id, then `event`; every
   * checkpoint of the source with a seq up to `at_seq`, under the same id and with the same parts, none of which is
   * stored again, and with the notes that the source has on them now; and as its head the one it is told, else the
   * newest of them on the path to the source's head. The two share nothing that either could change or take away, and
   * copied inputs answer no calls to the new session (`findInput`). Only what is copied has to be undamaged.
   * @throws session_not_found · session_exists · conflict when `at_seq` is beyond the head or `event` does not follow
   */
  forkSession(fork: SessionFork): Promise<void>;
  getSession(sessionId: string): Promise<SessionRecord | null>;
  /** @throws session_not_found */
  updateSession(sessionId: string, patch: SessionPatch): Promise<SessionRecord>;
  /** Record, journal, checkpoints, and parts that nothing else refers to. False when there was none. */
  deleteSession(sessionId: string): Promise<boolean>;
  listSessions(query: SessionQuery): Promise<SessionPage>;

  /** @throws session_not_found · conflict when the events do not follow the head or the epoch is too old */
  append(append: Append): Promise<void>;
  /** Makes every earlier append of every session as durable as `fsync`. */
  sync(): Promise<void>;
  /** In order, from `fromSeq` on, at most `limit`. @throws session_not_found */
  readJournal(sessionId: string, fromSeq: number, limit: number): Promise<SessionEvent[]>;
  /** The newest input with this key that was made in this session; not one that came with a fork. */
  findInput(sessionId: string, idempotencyKey: string): Promise<SessionEvent | null>;

  /** Stores bytes once, whoever sends them, and holds them by `pin`; the hash is computed here. */
  putPart(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    pin?: PartPin,
  ): Promise<{ hash: string; size: number }>;
  getPart(hash: string): Promise<Uint8Array>;
  hasPart(hash: string): boolean;
  /** Holds parts against collection until `release`; a checkpoint that is being written needs them. */
  pinParts(): PartPin;

  /**
   * Adds a node, moves the session's head (`head_checkpoint`, `branch`, `checkpoint_count`, `stored_bytes`) to it and
   * applies the patch, all at once. @throws session_not_found · conflict when the id is taken · storage_error when a
   * part is not there
   */
  addCheckpoint(sessionId: string, checkpoint: CheckpointRecord, patch: SessionPatch): Promise<void>;
  /** Oldest first. @throws session_not_found */
  listCheckpoints(sessionId: string): Promise<CheckpointRecord[]>;
  getCheckpoint(sessionId: string, checkpointId: string): Promise<CheckpointRecord | null>;
  /** The tree, oldest first, without reading what the checkpoints hold. @throws session_not_found */
  listCheckpointNodes(sessionId: string): Promise<CheckpointNode[]>;
  /**
   * Puts a note on a checkpoint in place of the one it has; null takes it away. What a fork and its source write on a
   * checkpoint of both is not seen by the other. @throws session_not_found · checkpoint_not_found
   */
  noteCheckpoint(sessionId: string, checkpointId: string, note: CheckpointNote | null): Promise<void>;
  /**
   * Removes checkpoints, all at once: their children get their parents, and parts that nothing refers to any more go.
   * Unknown ids are passed over. @throws session_not_found · conflict when the session's head is among them
   */
  removeCheckpoints(sessionId: string, checkpointIds: readonly string[]): Promise<void>;

  getAnswer(principal: string, key: string): Promise<IdempotentAnswer | null>;
  putAnswer(principal: string, key: string, answer: IdempotentAnswer): Promise<void>;
  /** Forgets answers older than this ISO time. */
  pruneAnswers(before: string): Promise<void>;
}

export interface PartPin {
  add(hash: string): void;
  release(): void;
}

export interface OpenReport {
  /** Without those of the house. */
  sessions: number;
  /** Sessions that were set aside now or earlier, and why. */
  damaged: { session_id: string; detail: string }[];
  /** Files that were moved out of the way, kept for repair by hand. */
  set_aside: string[];
  /** What a repair could not read any more, one sentence each. */
  lost: string[];
}

/** `clock` dates what the store finds out by itself: failures and folders of files set aside. */
export interface StoreOptions {
  readonly dataDir: string;
  readonly clock: IClock;
  readonly log: ILog;
  readonly files: IFiles;
}

/** A plugin: one kind of store. */
export interface StoreDefinition {
  readonly name: string;
  readonly apiVersion: 1;
  /** True when sessions are still there after a restart of the process. */
  readonly persistent: boolean;
  create(options: StoreOptions): ISessionStore;
}
export const defineStore = (definition: StoreDefinition): StoreDefinition => definition;
