/**
 * What a session kind must provide. An engine holds one session's live state; it never sees the store, the journal
 * or another session. Everything it says is checked like input from outside.
 */
import type { z } from 'zod';
import type { ExecutionError, NotKept, OutputEventBody, ResultStatus } from './events.js';
import type { ByteBody, WrittenFile } from './files.js';
import type { Access, HttpAlias, MediaForm, ServerOperation } from './operation.js';
import type { ProcessHealth } from './health.js';
import type { Disposable, ILog } from './ports.js';
import type { ExecuteResult, Isolation } from './session.js';

export interface IEngine extends Disposable {
  /**
   * Gets ready what a session begins with, once, where no state is restored: when it is made, and when recovery has
   * no checkpoint. What it throws is the failure of the creation.
   */
  begin?(): Promise<void>;
  /** Runs code. Required when the capability `execute` is declared. */
  execute?(request: ExecuteRequest, context: RunContext): Promise<ExecuteOutcome>;
  /**
   * Asked before code is journaled, in its turn: code that is refused leaves no trace. What is run again by recovery
   * was admitted once and is not asked for again. @throws code_rejected
   */
  admit?(code: string): Promise<void>;
  /**
   * Fixes the state as it is now. The session's mailbox waits for this and goes on when it resolves;
   * writing the parts happens afterwards, beside further work.
   */
  capture(options?: CaptureOptions): Promise<ICapture>;
  /** Puts a captured state into this fresh engine. */
  restore(source: CheckpointSource): Promise<RestoreReport>;
  /**
   * The live state a second time, for another session, whose workspace is filled with a copy of this one's.
   * @throws engine_unavailable when this machine cannot: a checkpoint is then the way
   */
  fork?(context: EngineContext): Promise<{ engine: IEngine; not_kept: NotKept[] }>;
  /** Removes all user state and keeps the session. */
  clear?(): Promise<void>;
  /** Moves to another version of the state. Required when the capability `versions` is declared. */
  readonly versions?: IVersions;
  /**
   * What its kind adds to the metadata of a session, as JSON. Stored with the session, so that it can be told while it
   * sleeps; the same object as long as nothing changed.
   */
  facts?(): Readonly<Record<string, unknown>>;
  /** A folder beside the workspace that its code writes to; it goes with the live state. */
  readonly temporary?: string | null;
  /** Resident private memory in bytes, as last measured. */
  memoryBytes?(): number;
  /** What the machine says of the engine's process, also while it runs code; never asks the process itself. */
  processHealth?(): Promise<ProcessHealth>;
  /**
   * Resolves with the engine's next sign of life, after what it was asked before; never holds up what it is asked
   * next, and is not repeated while one is awaited.
   */
  ping?(): Promise<void>;
}

/**
 * Versions of a state, each made by one write and named by the place of its input. They form a tree with a head.
 * `atSeq` is the place of the move itself.
 */
export interface IVersions {
  /** Back to what the head was made from, that many times; as far as there is one. */
  undo(steps: number, atSeq: number): Promise<VersionReached>;
  /** Forward again, along the way that was last taken; as far as there is one. */
  redo(steps: number, atSeq: number): Promise<VersionReached>;
  /** To the version that was the head when everything up to `seq` was written. */
  goto(seq: number, atSeq: number): Promise<VersionReached>;
}
export interface VersionReached {
  /** The place of the write that made the version that is the head now; 0 for the first one. */
  readonly reached_seq: number;
  /** How many steps were gone. */
  readonly steps: number;
}

export interface ExecuteRequest {
  code: string;
  /** No journal entry in the engine's own history, no display of the last expression. */
  silent: boolean;
  /** False: code that asks for input fails at once, as when nobody can answer. Default: true. */
  allowInput?: boolean;
}

/** One run of an operation inside an engine. */
export interface RunContext {
  /** Aborted with an `InterruptReason`: stop as soon as possible, by whatever it takes. */
  readonly signal: AbortSignal;
  /** The journal place of the input. */
  readonly inputSeq: number;
  /** True when recovery runs it again: it was accepted before. */
  readonly replay?: boolean;
  /** Passes output on as it comes. */
  emit(output: OutputEventBody): void;
  /** When more output waits to be stored than is good: resolves when more can be taken. Null: go on. */
  backlog?(): Promise<void> | null;
  /**
   * A read of another session of the same owner, by the name of an operation.
   * @throws session_not_found · not_supported
   */
  ask?(sessionId: string, operation: string, params: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Asks the session's user; null is the end of input. Missing where nobody can be asked. */
  requestInput?(request: { prompt: string; password: boolean }): Promise<string | null>;
}
export type InterruptReason = 'timeout' | 'interrupted';

export interface ExecuteOutcome {
  status: ResultStatus;
  error?: ExecutionError | null;
  execution_count?: number | null;
  should_exit?: boolean;
  variable_count?: number;
  interrupt?: ExecuteResult['interrupt'];
}

export interface CaptureOptions {
  /** `freeze` may be called. An engine that cannot need not care. */
  readonly freezable?: boolean;
}

/** A state that was fixed and waits to be written. Disposed in any case. */
export interface ICapture extends Disposable {
  write(sink: PartSink): Promise<CheckpointContent>;
  /**
   * Once, after `write`: the very state that was written, kept as it was, with what cannot be written too. It stays
   * when the capture is disposed. Null when it cannot be had.
   */
  freeze?(): Promise<IWarmState | null>;
}
/** A captured state that can be gone back to without being restored. Disposed unless it was woken. */
export interface IWarmState extends Disposable {
  /** Resolves when it is no longer there. */
  readonly gone: Promise<void>;
  /**
   * As an engine once more, for the same session: when the one that it came from is disposed, and the workspace is
   * what it was. `not_kept`: what is missing nevertheless. @throws engine_unavailable when it cannot be woken, and is
   * gone
   */
  wake(context: EngineContext): Promise<{ engine: IEngine; not_kept: NotKept[] }>;
}
export interface PartSink {
  /** True when the store holds these bytes already: say `reuse` instead of sending them. */
  has(hash: string): boolean;
  /** Stores bytes under a name that is unique in this checkpoint; resolves to their SHA-256 in hex. */
  put(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<string>;
  reuse(name: string, hash: string): void;
}
/** `manifest` is the engine's own JSON; it comes back at restore. */
export interface CheckpointContent {
  manifest: Record<string, unknown>;
  not_kept?: NotKept[];
  variable_count?: number;
}
/** A piece of a state as a checkpoint describes it: enough to see, without restoring it, whether it has changed. */
export interface StateMember {
  readonly name: string;
  readonly type: string;
  /** As it is stored. */
  readonly size_bytes: number;
  /** Other contents have another one. */
  readonly fingerprint: string;
  readonly preview?: string;
}
export interface CheckpointSource {
  readonly manifest: Record<string, unknown>;
  /** Names of the parts in the order they were put. */
  readonly parts: readonly { name: string; hash: string; size: number }[];
  read(name: string): Promise<Uint8Array>;
}
export interface RestoreReport {
  /** What was in the checkpoint and could not be brought back. */
  not_kept: NotKept[];
}

export interface EngineCapabilities {
  /** Runs code, streaming output: `execute`, history and interrupt apply. */
  execute?: boolean;
  /** Running the journal's inputs again from a checkpoint gives the same state, as far as code repeats itself. */
  replay?: boolean;
  /** It gives the very same state: nothing depends on time, chance or the world outside. */
  exact_replay?: boolean;
  clear?: boolean;
  /** Keeps versions of its state: undo, redo and goto apply. */
  versions?: boolean;
}

/** What the engine is told about the session it will hold. */
export interface EngineContext {
  readonly sessionId: string;
  readonly uid: string;
  /** The `uid` of the session that this one was forked from, through all forks; its own if it was not. */
  readonly family: string;
  readonly epoch: number;
  /** The session's own folder, which exists. */
  readonly workspace: string;
  readonly log: ILog;
  /**
   * Copies a file that the engine made into the workspace, by the rules of what clients write there.
   * @throws invalid_params · limit_exceeded
   */
  readonly keepFile?: (path: string, from: string) => Promise<WrittenFile>;
  /** Output that belongs to no run. */
  emit(output: OutputEventBody): void;
  /** To be called once when the live state is gone without having been asked to. */
  died(death: EngineDeath): void;
}
export interface EngineDeath {
  cause: 'kernel_died' | 'out_of_memory';
  /** One sentence: what happened. */
  detail: string;
  fields: Record<string, unknown>;
}

/** An operation of one session kind, besides `execute`. */
export interface EngineOperation<
  E extends IEngine = IEngine,
  P extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly name: string;
  readonly access: Exclude<Access, 'admin'>;
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  readonly http?: readonly HttpAlias[];
  /** Done twice is done once: a repeated call whose first one was cut off by the end of the server is run. */
  readonly idempotent?: boolean;
  /** Of reads: asked by other sessions only (`RunContext.ask`), and by no client. */
  readonly internal?: boolean;
  /** Of reads: it answers with bytes, a `ByteAnswer`. */
  readonly stream?: 'answer';
  /** Of reads only. */
  readonly media?: MediaForm;
  /** False: recovery never runs it again; a checkpoint is taken before it is answered. Default: true. */
  readonly replay?: boolean;
  /**
   * True of a run: it may ask for nothing, but its output belongs to its answer, beside what it returns, and the
   * `status` that it returns is that of the run.
   */
  readonly streams?: boolean;
  run(engine: E, params: z.output<P>, context: RunContext): Promise<z.input<R>>;
}

/**
 * An operation of a session kind that needs no session: it is asked of a fresh engine, which is gone with the answer.
 * The answer is that of a run. `timeout_s` and `options` are among the parameters of each and are not the engine's.
 */
export interface StatelessOperation<
  E extends IEngine = IEngine,
  P extends z.ZodObject = z.ZodObject,
> extends Pick<EngineOperation<E, P>, 'name' | 'summary' | 'params' | 'http'> {
  /** The code among the parameters, which `admit` is asked about. */
  code?(params: z.output<P>): string | undefined;
  run(engine: E, params: z.output<P>, context: RunContext): Promise<ExecuteOutcome>;
}

export interface IntakePlace {
  /** The session's folder, which exists. */
  readonly workspace: string;
  /** What was sent along, if anything was. */
  readonly body: (ByteBody & { readonly name?: string }) | null;
}

/** A plugin: one session kind. */
export interface EngineDefinition<E extends IEngine = IEngine, O extends z.ZodType = z.ZodType> {
  /** The session kind. */
  readonly name: string;
  readonly apiVersion: 1;
  readonly capabilities: EngineCapabilities;
  /** What this machine enforces for its sessions; a function where that has to be found out, or hangs on options. */
  readonly isolation: Isolation | ((options: z.output<O>) => Promise<Isolation>);
  /** Options of one session, from `create_session`: what they parse to is stored, and parsed again at each wake. */
  readonly options: O;
  readonly operations?: readonly EngineOperation<E>[];
  readonly stateless?: readonly StatelessOperation<E>[];
  /**
   * Fields of `create_session` that are of this kind: they are options that may stand beside the common fields, and
   * where one of them is given, the kind need not be.
   */
  readonly creation?: readonly string[];
  /** Operations on the server that need no session of this kind. */
  readonly serverOperations?: readonly ServerOperation[];
  /**
   * Puts what is too large for a record (bytes that were sent along, values in the options) into the workspace of a
   * session that is about to be made, and returns the options that are stored.
   */
  intake?(options: z.output<O>, place: IntakePlace): Promise<Record<string, unknown>>;
  /** How many sessions of this kind there may be, and how much memory the live ones may take together. */
  readonly limits?: {
    readonly sessions: { readonly max: number; readonly setting: string };
    readonly memoryBytes: { readonly max: number; readonly setting: string };
  };
  create(options: z.output<O>, context: EngineContext): Promise<E>;
  /**
   * What a checkpoint has in it, by its manifest; asked without an engine. A kind with `versions` has a read
   * `diff_state {from, to, limit}` of its own instead.
   */
  members?(manifest: Readonly<Record<string, unknown>>): readonly StateMember[];
  /** Gets shared resources ready ahead of the first session; may be skipped. */
  warmUp?(): Promise<void>;
  /** What `doctor` and `status` say about it. */
  describe?(): Promise<Record<string, unknown>>;
  /** Counters of the caches that its sessions share, by name, since the server started. */
  caches?(): Readonly<Record<string, CacheCounts>>;
  /** Gives shared resources back, after the last session. */
  dispose?(): Promise<void>;
}

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
}

export const defineEngine = <E extends IEngine, O extends z.ZodType>(
  definition: EngineDefinition<E, O>,
): EngineDefinition<E, O> => definition;

/** What this machine enforces for sessions with these options, which are checked. */
export const isolationOf = async <E extends IEngine, O extends z.ZodType>(
  { isolation }: EngineDefinition<E, O>,
  options: z.output<O>,
): Promise<Isolation> => (typeof isolation === 'function' ? isolation(options) : isolation);

/** Written apart from `defineEngine` so that the type of the engine is inferred for each operation. */
export const defineEngineOperation = <E extends IEngine, P extends z.ZodType, R extends z.ZodType>(
  operation: EngineOperation<E, P, R>,
): EngineOperation<E, P, R> => operation;

/** Written apart from `defineEngine` for the same reason. */
export const defineStatelessOperation = <E extends IEngine, P extends z.ZodObject>(
  operation: StatelessOperation<E, P>,
): StatelessOperation<E, P> => operation;

export const IEngines = Symbol.for('sojourn.IEngines');
/** The session kinds that this server knows. */
export type IEngines = ReadonlyMap<string, EngineDefinition>;
