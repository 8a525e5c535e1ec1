/**
 * Sessions as data (record, metadata, results) and as live things (instance, pool, managers).
 * Data shapes carry their wire names everywhere, so that nothing is mapped on the way to a transport or a store.
 */
import { z } from 'zod';
import { checkpointPolicySchema } from './checkpoint-policy.js';
import { epochCauseSchema } from './events.js';
import type { IEngine } from './engine.js';
import type { SessionEvent, SideEventBody } from './events.js';
import type { ISessionFiles } from './files.js';
import type { Vitals } from './health.js';
import { inputRequestSchema } from './input.js';
import type { InputCall, InputReceipt } from './input.js';
import type { Principal, WriteOptions } from './operation.js';
import type { Disposable } from './ports.js';
import { shareRecordSchema } from './sharing.js';
import type { CheckpointRecord } from './store.js';
import type { ExecuteResult, OutputPage, OutputQuery } from './execution.js';

export * from './execution.js';

export const sessionIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
export const sessionIdRule =
  'a session id has 1 to 128 characters, starts with a letter or digit and goes on with letters, digits and . _ : -';
export const sessionIdSchema = z.string().regex(sessionIdPattern, sessionIdRule);

/** As `sessionIdSchema`, or one that no user can name: those of the house, such as snapshots, begin with `~`. */
export const storedSessionIdSchema = z.string().regex(/^~?[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/);

export const durabilitySchema = z.enum(['async', 'os', 'fsync']);
/** How far a write has got before it is acknowledged: memory, the operating system, the disk. */
export type Durability = z.infer<typeof durabilitySchema>;

export const recoverySchema = z.enum(['replay', 'checkpoint']);
export type Recovery = z.infer<typeof recoverySchema>;

export const isolationSchema = z.enum(['none', 'process', 'sandbox']);
export type Isolation = z.infer<typeof isolationSchema>;

export const sessionStatusSchema = z.enum(['creating', 'idle', 'busy', 'restoring', 'hibernated', 'failed']);
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

export const failureSchema = z.object({ code: z.string(), detail: z.string(), at: z.string() });

/** What the store keeps of a session. Times are ISO 8601 UTC. */
export const sessionRecordSchema = z.object({
  session_id: storedSessionIdSchema,
  /** Names this incarnation of the id on disk: a deleted and re-created id never meets its old files. */
  uid: z.string().regex(/^[a-z0-9]{8,64}$/),
  /** The `uid` of the session that this one was forked from, through all forks; absent where it is its own. */
  family: z
    .string()
    .regex(/^[a-z0-9]{8,64}$/)
    .optional(),
  name: z.string(),
  kind: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  owner: z.string(),
  created_at: z.string(),
  last_activity: z.string(),
  timeout_s: z.number(),
  expire_after_s: z.number(),
  durability: durabilitySchema,
  recovery: recoverySchema,
  isolation: isolationSchema,
  options: z.record(z.string(), z.unknown()),
  epoch: z.number().int(),
  head_seq: z.number().int(),
  /** Bytes of the journal and of all distinct checkpoint parts. */
  stored_bytes: z.number().int(),
  checkpoint_count: z.number().int(),
  /** The checkpoint that recovery starts from. */
  head_checkpoint: z.string().nullable(),
  branch: z.string(),
  parent: z.object({ session_id: z.string(), seq: z.number().int() }).nullable(),
  total_executions: z.number().int(),
  variable_count: z.number().int().nullable(),
  /** Set when the stored session cannot be trusted: its files are kept and nothing is run. */
  failure: failureSchema.nullable(),
  /** Why the live state is gone, while it is: the cause that the next wake will journal. */
  asleep: epochCauseSchema.nullable(),
  /** What its kind adds to the metadata. */
  facts: z.record(z.string(), z.unknown()).optional(),
  /** What was undone and can be redone: the places in the journal whose state comes back, the next one last. */
  undone: z.array(z.number().int()).optional(),
  /** When it takes checkpoints unasked, as far as it has rules of its own. */
  checkpoint_policy: checkpointPolicySchema.partial().optional(),
  /** Fingerprint of the idempotency key it was created with: a repeated creation finds its session. */
  create_key: z.string().optional(),
  /** Who may use it beside its owner. Neither forks nor copies have them. */
  shares: z.array(shareRecordSchema).optional(),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;
export type SessionPatch = Partial<
  Omit<SessionRecord, 'session_id' | 'uid' | 'family' | 'kind' | 'owner' | 'created_at'>
>;

export const rebuildSchema = z
  .object({
    cause: epochCauseSchema,
    /** What happened, in a sentence, where the live state ended by itself. */
    detail: z.string().nullable(),
    at: z.string(),
    /** The event that has the lists behind the counts. */
    seq: z.number().int(),
    restored_seq: z.number().int().nullable(),
    replayed_count: z.number().int(),
    lost_count: z.number().int(),
    not_kept_count: z.number().int(),
    /** It was woken from a state that was kept as it was, with all that no checkpoint keeps. */
    warm: z.boolean().optional(),
  })
  .meta({ id: 'Rebuild' });
/** How the present live state came to be, when it is not the first. */
export type Rebuild = z.infer<typeof rebuildSchema>;

const commonMetadataSchema = z.object({
  session_id: z.string(),
  name: z.string(),
  kind: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  status: sessionStatusSchema,
  owner: z.string(),
  created_at: z.string(),
  last_activity: z.string(),
  /** When the session will be deleted if it is not used; null = never. */
  expires_at: z.string().nullable(),
  /** Not used for `session.inactive_after_s`: left out of lists until its next use. */
  inactive: z.boolean().optional(),
  /** When it will hibernate if nothing happens; null = never, or it is asleep already. */
  sleeps_at: z.string().nullable(),
  timeout_s: z.number(),
  head_seq: z.number().int(),
  event_count: z.number().int(),
  checkpoint_count: z.number().int(),
  epoch: z.number().int(),
  durability: durabilitySchema,
  recovery: recoverySchema,
  isolation: isolationSchema,
  /** Of the session kind, such as the sandbox profile of a Python session. */
  options: z.record(z.string(), z.unknown()).optional(),
  memory_mb: z.number(),
  memory_bytes: z.number().int(),
  stored_bytes: z.number().int(),
  branch: z.string(),
  parent: z.object({ session_id: z.string(), seq: z.number().int() }).nullable(),
  total_executions: z.number().int(),
  variable_count: z.number().int().nullable(),
  error: failureSchema.nullable(),
  /** What the running code waits for, to be answered with `reply_input`; null when it waits for nothing. */
  input_request: inputRequestSchema.nullable().optional(),
  /** Of a live session that is not in its first incarnation; else null. */
  last_rebuild: rebuildSchema.nullable().optional(),
});
/** The fields that all kinds have; what a kind adds (shape and columns of a table) stands beside them. */
export type SessionMetadata = z.infer<typeof commonMetadataSchema>;
export const sessionMetadataSchema = commonMetadataSchema.loose();

export const createSessionSchema = z.strictObject({
  kind: z
    .string()
    .optional()
    .describe('Which engine runs the session; default python, or the one that a given field belongs to.'),
  session_id: sessionIdSchema.optional().describe('Chosen by the server when left out.'),
  name: z.string().max(200).optional(),
  session_name: z.string().max(200).optional().describe('Another name for name.'),
  description: z.string().max(10_000).optional(),
  tags: z.array(z.string().min(1).max(100)).max(100).optional(),
  timeout_s: z.number().min(0).max(1e9).optional().describe('Idle seconds until it hibernates; 0 = never.'),
  timeout: z.number().min(0).max(1e9).optional().describe('Another name for timeout_s.'),
  expire_after_s: z
    .number()
    .min(0)
    .max(1e9)
    .optional()
    .describe('Idle seconds until it is deleted; 0 = never.'),
  durability: durabilitySchema.optional(),
  recovery: recoverySchema.optional(),
  checkpoint: checkpointPolicySchema
    .partial()
    .optional()
    .describe('When checkpoints are taken unasked: the places that undo and goto reach exactly.'),
  min_isolation: isolationSchema.optional().describe('Refused when this machine enforces less.'),
  if_exists: z.enum(['error', 'return']).default('error'),
  options: z.record(z.string(), z.unknown()).optional().describe("The engine's own options."),
});
export type CreateSession = z.input<typeof createSessionSchema>;

/** A page of the journal. */
export interface EventPage {
  events: SessionEvent[];
  head_seq: number;
  /** Pass it as `since_seq` to go on; null at the end. */
  next_seq: number | null;
}

/** A session while nothing is written to it. */
export interface ForkMoment {
  readonly record: SessionRecord;
  readonly engine: IEngine;
  /** Takes a checkpoint of this moment. */
  checkpoint(): Promise<unknown>;
}

/** States of former moments that a session keeps beside their checkpoints; see `IWarmState`. */
export interface IWarmStates {
  readonly count: number;
  /** Gives up all of them; resolves when what they took is free. */
  clear(): Promise<void>;
}

/** A live session: its mailbox, its journal and, while awake, its engine. */
export interface ISessionInstance extends Disposable {
  readonly id: string;
  readonly kind: string;
  readonly owner: string;
  readonly files: ISessionFiles;
  /** True when recovery runs acknowledged inputs again. */
  readonly replays: boolean;
  readonly vitals: Vitals;
  readonly warm: IWarmStates;
  /** Runs code in a code session: `performWrite('execute', {code})` with the defaults. */
  execute(command: string): Promise<ExecuteResult>;
  /** Journals the input, runs it when its turn comes, journals the answer, then resolves. */
  performWrite(operation: string, params: Record<string, unknown>, call: WriteCall): Promise<unknown>;
  /** Runs an operation that changes nothing, beside others. */
  performRead(operation: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<unknown>;
  /** What became of an earlier input. @throws execution_not_found */
  readExecution(seq: number): Promise<ExecuteResult>;
  /**
   * A piece of the whole output of a write, also while it runs. Of `output` only lines that are finished are there
   * before the run has ended. @throws execution_not_found
   */
  readOutput(seq: number, query: OutputQuery): Promise<OutputPage>;
  /**
   * Answers what the running code waits for, past the mailbox; null is the end of input. Resolves when it is journaled.
   * @throws conflict when nothing waits, or something else than `inputId`
   */
  replyInput(value: string | null, call: InputCall): Promise<InputReceipt>;
  /** Stops what runs now and resolves when it has stopped. */
  interrupt(): Promise<InterruptReport>;
  /** Rebuilds the live state: from a checkpoint taken now, or from nothing. */
  restart(keepState: boolean): Promise<SessionMetadata>;
  /** Runs `make` in a turn of its own, with the record and the live state of that moment. */
  fork(make: (moment: ForkMoment) => Promise<void>): Promise<void>;
  /** Wakes it; resolves when it can run code. */
  wake(): Promise<void>;
  /**
   * Takes a checkpoint of everything up to now; null when the newest one covers it already. `always`: wakes it and
   * takes one nevertheless.
   */
  checkpoint(reason: string, options?: { always?: boolean }): Promise<CheckpointRecord | null>;
  /**
   * Journals what concerns the session and not its state, and changes the stored record with it, in one step.
   * @throws session_not_found when the session with this `uid` is gone, and its id is another one's
   */
  note(uid: string, body: SideEventBody, patch: SessionPatch): Promise<void>;
  /** Resolves when all writes that were accepted before have ended. */
  writesEnded(): Promise<void>;
  /** Checkpoints and lets the live state go; the next use wakes it. */
  hibernate(): Promise<void>;
  /** Takes no more writes; resolves when what runs has ended, interrupted when the grace time is over. */
  drain(graceMs: number): Promise<void>;
  getState(): SessionState;
  getMetadata(): SessionMetadata;
  /** True when recovery would have to run inputs again. */
  isDirty(): boolean;
  /** True for a while after a checkpoint has failed: it is not tried again without need. */
  readonly savePaused: boolean;
  markClean(): void;
  /** Milliseconds since 1970 of the last execution, write or keep-alive. */
  getLastAccessTime(): number;
  touch(): void;
  /** Journal events that the newest checkpoint does not cover. */
  getChangesSinceLastSave(): Promise<SessionEvent[]>;
  updateMetadata(patch: SessionPatch): Promise<SessionMetadata>;
}

export const interruptReportSchema = z.object({
  /** False when nothing was running. */
  interrupted: z.boolean(),
  seq: z.number().int().nullable(),
  /** Which rung of the ladder worked and after how many milliseconds. */
  rung: z.enum(['signal', 'terminate', 'kill']).nullable(),
  ms: z.number().nullable(),
});
export type InterruptReport = z.infer<typeof interruptReportSchema>;

/** Who writes, and how; the part of a call that concerns the journal. */
export interface WriteCall extends WriteOptions {
  readonly principal: Pick<Principal, 'id' | 'session_id'>;
  readonly client_id?: string;
}

export interface SessionState {
  status: SessionStatus;
  epoch: number;
  head_seq: number;
  /** The last seq that a client caused. */
  content_seq: number;
  queue_length: number;
  /** The input that runs now. */
  running_seq: number | null;
}

export const ISessionPool = Symbol.for('sojourn.ISessionPool');
/** The live sessions, least recently used first to go. */
export interface ISessionPool {
  /** Finds and touches. */
  get(id: string): ISessionInstance | undefined;
  /** Finds without touching. */
  peek(id: string): ISessionInstance | undefined;
  /** Adds, or replaces one of the same id. */
  add(id: string, instance: ISessionInstance): void;
  remove(id: string): boolean;
  getAll(): ISessionInstance[];
  getAllMetadata(): SessionMetadata[];
  getDirty(): ISessionInstance[];
  clear(): void;
  size(): number;
  /** The least recently used session that is doing nothing, and is none of `except`. */
  peekLRU(except?: ReadonlySet<string>): string | undefined;
}
