/**
 * What a program holds: a client, and one handle for each session. The embedded library and the network client give
 * the same two interfaces. Names are camelCase here; keys inside user data are never changed.
 */
import type { EpochCause, MimeBundle, ResultStatus, SessionEvent } from './events.js';
import type { Disposable } from './ports.js';
import type {
  Durability,
  ExecuteResult,
  Isolation,
  OutputPage,
  OutputStream,
  Recovery,
  SessionMetadata,
  WriteReceipt,
} from './session.js';

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;
/** The same object with its own keys in camelCase; what the values hold is untouched. */
export type Camelized<T> = { [K in keyof T as K extends string ? Camel<K> : K]: T[K] };

export type SessionInfo = Camelized<SessionMetadata>;
export type ExecutionResult = Camelized<ExecuteResult>;
export type Receipt = Camelized<WriteReceipt>;
export type OutputPiece = Camelized<OutputPage>;

export interface CreateSessionOptions {
  /** Default `python`. */
  kind?: string;
  sessionId?: string;
  name?: string;
  description?: string;
  tags?: string[];
  timeoutS?: number;
  expireAfterS?: number;
  durability?: Durability;
  recovery?: Recovery;
  minIsolation?: Isolation;
  ifExists?: 'error' | 'return';
  options?: Record<string, unknown>;
}

export interface WriteCallOptions {
  onBusy?: 'enqueue' | 'reject' | 'interrupt';
  waitS?: number;
  ifSeq?: number;
  ifEpoch?: number;
  /** Made by the client for each write when left out. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}
export interface ExecuteOptions extends WriteCallOptions {
  timeoutS?: number;
  silent?: boolean;
  /** False: never run again by recovery; a checkpoint is taken before the answer. */
  replay?: boolean;
  /** False: input() fails at once; else it waits for `replyInput`. */
  allowInput?: boolean;
}
export interface OutputOptions {
  /** Default: `output`, what a terminal would have shown. */
  stream?: OutputStream;
  /** Bytes of UTF-8. */
  offset?: number;
  limit?: number;
}
export interface ScriptOptions extends WriteCallOptions {
  args?: string[];
  timeoutS?: number;
  replay?: boolean;
}
/** How a script ended, and what it wrote. */
export interface ScriptResult extends Receipt {
  status: ResultStatus;
  /** Minus the number of the signal that ended it; null when that is not known. */
  returncode: number | null;
  output: string;
  stdout: string;
  stderr: string;
  truncated: boolean;
  durationMs: number;
}

export interface Variable {
  name: string;
  type: string;
  /** Bytes, measured by type: buffers of arrays and frames, shallow for the rest. */
  size: number;
  /** At most 200 characters; made without calling user code unbounded. */
  preview: string;
  shape?: number[];
}

export interface HistoryEntry {
  seq: number;
  code: string;
  status: ExecuteResult['status'];
  at: string;
  durationMs: number | null;
  output: string;
  error: ExecuteResult['error'];
}

export interface EventsOptions {
  /** First the journal from this seq on, then what happens. Default: from the beginning. */
  sinceSeq?: number;
  /** False: ends with the journal's present end. */
  follow?: boolean;
  signal?: AbortSignal;
}

/** One session, as its user holds it. */
export interface ISession {
  readonly id: string;
  execute(code: string, options?: ExecuteOptions): Promise<ExecutionResult>;
  interrupt(): Promise<boolean>;
  restart(options?: { keepState?: boolean }): Promise<SessionInfo>;
  clear(): Promise<Receipt>;
  /** A barrier: resolves when all is written, a checkpoint included. */
  save(): Promise<SessionInfo>;
  hibernate(): Promise<SessionInfo>;
  info(): Promise<SessionInfo>;
  update(
    patch: Pick<CreateSessionOptions, 'name' | 'description' | 'tags' | 'timeoutS' | 'expireAfterS'>,
  ): Promise<SessionInfo>;
  variables(): Promise<Variable[]>;
  variable(name: string): Promise<MimeBundle>;
  history(options?: { limit?: number }): Promise<HistoryEntry[]>;
  events(options?: EventsOptions): AsyncIterable<SessionEvent>;
  execution(seq: number): Promise<ExecutionResult>;
  /** A piece of the whole output of a run. */
  output(seq: number, options?: OutputOptions): Promise<OutputPiece>;
  /** Answers code that waits for input; null is the end of input. */
  replyInput(value: string | null, options?: { inputId?: number }): Promise<void>;
  /** Runs a script of the workspace in a process of its own. */
  runScript(path: string, options?: ScriptOptions): Promise<ScriptResult>;
  delete(): Promise<void>;
  /** Any operation by name; parameters and answer keep their wire names. */
  call(operation: string, params?: Record<string, unknown>, options?: WriteCallOptions): Promise<unknown>;
}

/** A server, embedded or remote. */
export interface ISojourn {
  createSession(options?: CreateSessionOptions & { idempotencyKey?: string }): Promise<ISession>;
  /** A handle without asking the server; its first use tells whether the session is there. */
  session(id: string): ISession;
  listSessions(query?: {
    kind?: string;
    status?: string;
    tag?: string;
    limit?: number;
    cursor?: string;
  }): Promise<{
    sessions: SessionInfo[];
    totalSessions: number;
    nextCursor: string | null;
  }>;
  deleteSession(id: string): Promise<void>;
  call(operation: string, params?: Record<string, unknown>, options?: WriteCallOptions): Promise<unknown>;
  close(): Promise<void>;
}

/** How a handle reaches the catalogue: in process, or over a wire. */
export interface ICaller extends Disposable {
  call(operation: string, params: Record<string, unknown>, options?: WriteCallOptions): Promise<unknown>;
  events(sessionId: string, options: EventsOptions): AsyncIterable<SessionEvent>;
}

export const ISessionClient = Symbol.for('sojourn.ISessionClient');
/** The names of the reference session client, served by every client. */
export interface ISessionClient {
  init(): Promise<void>;
  executeCommand(sessionId: string, command: string): Promise<ExecutionResult>;
  getSession(sessionId: string): Promise<SessionInfo | null>;
  forceSave(sessionId: string): Promise<void>;
  healthCheck(): Promise<boolean>;
}

export type { EpochCause };
