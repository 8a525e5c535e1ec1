/**
 * What a program holds: a client, and one handle for each session. The embedded library and the network client give
 * the same two interfaces. Names are camelCase here; keys inside user data are never changed.
 */
import type { AccessMode } from './concurrency.js';
import type { IDataSession, TableFacts, TableSource } from './data-client.js';
import type { ISessionTimeline } from './timeline-client.js';
import type { CheckpointPolicy } from './checkpoint-policy.js';
import type { EpochCause, MimeBundle, NotKept, ResultStatus, SessionEvent } from './events.js';
import type { ByteStream, DeletedFile, FileContent, WorkspaceFileEntry, WrittenFile } from './files.js';
import type {
  CacheReport,
  CallsReport,
  KindReport,
  Latency,
  MetricsPoint,
  OperationReport,
  ServerReport,
  SessionReport,
  TransportReport,
} from './monitor.js';
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

export type SessionInfo = Camelized<SessionMetadata> & TableFacts;
export type ExecutionResult = Camelized<ExecuteResult>;
export type Receipt = Camelized<WriteReceipt>;
export type OutputPiece = Camelized<OutputPage>;

export interface CreateSessionOptions extends TableSource {
  /** Default `python`, or `data` where a table is named. */
  kind?: string;
  sessionId?: string;
  name?: string;
  /** Another name for `name`. */
  sessionName?: string;
  description?: string;
  tags?: string[];
  timeoutS?: number;
  /** Another name for `timeoutS`. */
  timeout?: number;
  expireAfterS?: number;
  durability?: Durability;
  recovery?: Recovery;
  minIsolation?: Isolation;
  ifExists?: 'error' | 'return';
  /** When checkpoints are taken unasked: the places that undo and goto reach exactly. */
  checkpoint?: Partial<Camelized<CheckpointPolicy>>;
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
  /** Answer `newFiles`. */
  reportFiles?: boolean;
  /** False: never run again by recovery; a checkpoint is taken before the answer. */
  replay?: boolean;
  /** True: the variables are removed first, in the same turn. */
  clearFirst?: boolean;
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
  /** Answer `newFiles`. */
  reportFiles?: boolean;
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
  /** With `reportFiles`: files of the workspace that are new or changed since it began, sorted. */
  newFiles?: string[];
  /** False when the workspace is too large to tell them all. */
  newFilesComplete?: boolean;
}

export interface Variable {
  name: string;
  type: string;
  /** Of its class, unless that is a builtin or of the session. */
  module?: string;
  /** Buffers of arrays and frames, index included; a walk for the rest. */
  sizeBytes: number;
  /** True when not everything was measured. */
  sizeEstimated?: boolean;
  /** At most 200 characters; made without calling user code. */
  preview: string;
  shape?: number[];
  dtype?: string;
  columns?: { name: string; dtype: string }[];
  length?: number;
}

export interface MetricsOptions {
  /** With the last hour, a point a minute. */
  series?: boolean;
}
/** Calls since the server started. */
export interface MetricsInfo {
  latency: Camelized<Latency>;
  operations: Camelized<OperationReport>[];
  /** By error code. */
  errors: CallsReport['errors'];
  series?: Camelized<MetricsPoint>[];
}
export type SessionMetricsInfo = Omit<Camelized<SessionReport>, keyof MetricsInfo> & MetricsInfo;
export type ServerMetricsInfo = Omit<
  Camelized<ServerReport>,
  keyof MetricsInfo | 'kinds' | 'transports' | 'caches'
> &
  MetricsInfo & {
    kinds: Camelized<KindReport>[];
    transports: Camelized<TransportReport>[];
    caches: Camelized<CacheReport>[];
  };

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

export interface ForkOptions extends Omit<WriteCallOptions, 'onBusy' | 'waitS'> {
  name?: string;
  description?: string;
  /** true: the whole heap or an error; false: as a checkpoint keeps it. */
  live?: boolean;
  /** History and state up to this place of the journal; the present when left out. */
  atSeq?: number;
}

/** A session that was made by a fork. */
export interface ForkedSession extends ISession {
  readonly live: boolean;
  /** What it does not have of the session it was made from. */
  readonly notKept: readonly NotKept[];
  /** The place in the source's journal whose state it has. */
  readonly reachedSeq: number;
  /** False where that is not the place that was asked for; `reason` says why. */
  readonly exact: boolean;
  readonly reason?: string;
}

export interface ListFilesOptions {
  recursive?: boolean;
  /** Draws them as text too. */
  tree?: boolean;
  /** With recursive or tree; null = all. Default 3. */
  maxDepth?: number | null;
  includeFiles?: boolean;
  includeDirs?: boolean;
}
export interface UploadOptions extends WriteCallOptions {
  /** What the file is called here; its ending tells what it is. */
  fileName?: string;
}
/** Bytes at hand, or as they come; only what is at hand can be sent again when a connection is lost. */
export type ByteSource = Uint8Array | ByteStream;
export type WriteAnswer = Camelized<WrittenFile & WriteReceipt & { full_path: string }>;

/** A file on its way here. */
export interface DownloadedFile extends Disposable {
  /** Bytes of the whole file, whatever part of it was asked for. */
  readonly size: number;
  readonly contentType: string;
  readonly modifiedAt: string;
  /** To be read once, or the file disposed. */
  readonly bytes: ByteStream;
}

/** The workspace of a session. Paths are relative to it; absolute ones that lie inside are accepted. */
export interface ISessionFolder {
  list(
    path?: string,
    options?: ListFilesOptions,
  ): Promise<{
    root: string;
    workspace: string;
    files: Camelized<WorkspaceFileEntry>[];
    complete: boolean;
    tree?: string;
  }>;
  /** @throws file_not_found · limit_exceeded when it is too large for one answer */
  read(path: string, options?: { maxBytes?: number; offset?: number }): Promise<Camelized<FileContent>>;
  /** Whole or not at all; missing folders are made. @throws limit_exceeded */
  write(path: string, content: string | Uint8Array, options?: WriteCallOptions): Promise<WriteAnswer>;
  saveScript(name: string, content: string, options?: WriteCallOptions): Promise<WriteAnswer>;
  delete(
    path: string,
    options?: WriteCallOptions & { recursive?: boolean },
  ): Promise<Camelized<DeletedFile & WriteReceipt>>;
  /** For files of any size. */
  upload(path: string, source: ByteSource, options?: WriteCallOptions): Promise<WriteAnswer>;
  /** The bytes from `start` up to `end`; all of them when left out. */
  download(path: string, options?: { start?: number; end?: number }): Promise<DownloadedFile>;
}

/** What an attached client is called, and how long it counts as there. */
export interface AttachedClient {
  clientId: string;
  principal: string;
  mode: AccessMode;
  acquiredAt: string;
  expiresAt: string;
}
export interface AttachOptions {
  mode: AccessMode;
  /** How long it counts as there after its last call. */
  ttlS?: number;
  /** How long writes that were accepted before may take to end. */
  waitS?: number;
}
/** `token` is told this once. */
export interface MadeShare {
  shareId: string;
  token: string;
  mode: AccessMode;
  expiresAt: string | null;
}
export interface Share {
  shareId: string;
  mode: AccessMode;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

/** One session, as its user holds it. What its kind cannot do is refused with not_supported. */
export interface ISession extends IDataSession {
  readonly id: string;
  readonly files: ISessionFolder;
  readonly timeline: ISessionTimeline;
  execute(code: string, options?: ExecuteOptions): Promise<ExecutionResult>;
  interrupt(): Promise<boolean>;
  restart(options?: { keepState?: boolean }): Promise<SessionInfo>;
  clear(): Promise<Receipt>;
  /** A barrier: resolves when all is written, a checkpoint included. */
  save(): Promise<SessionInfo>;
  hibernate(): Promise<SessionInfo>;
  /** A new session with all that this one has: its live state where that can be had. */
  fork(id?: string, options?: ForkOptions): Promise<ForkedSession>;
  info(): Promise<SessionInfo>;
  /** What the monitor has counted of it. */
  metrics(options?: MetricsOptions): Promise<SessionMetricsInfo>;
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
  /**
   * Says that this client, which needs a `clientId`, is there; with mode readwrite it alone may write for now.
   * @throws session_locked while another client may write
   */
  attach(options: AttachOptions): Promise<AttachedClient>;
  /** This client, or for the owner another one; who was detached. */
  detach(options?: {
    clientId?: string;
    principal?: string;
  }): Promise<Pick<AttachedClient, 'clientId' | 'principal'>[]>;
  clients(): Promise<AttachedClient[]>;
  /** A token for this session and nothing else. */
  share(options: { mode: AccessMode; ttlS?: number }): Promise<MadeShare>;
  shares(): Promise<Share[]>;
  /** False when there was none. */
  revokeShare(shareId: string): Promise<boolean>;
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
    includeInactive?: boolean;
    limit?: number;
    cursor?: string;
  }): Promise<{
    sessions: SessionInfo[];
    totalSessions: number;
    nextCursor: string | null;
  }>;
  deleteSession(id: string): Promise<void>;
  /** What the monitor has counted of the server; without admin access, of one's own sessions. */
  metrics(options?: MetricsOptions): Promise<ServerMetricsInfo>;
  call(operation: string, params?: Record<string, unknown>, options?: WriteCallOptions): Promise<unknown>;
  close(): Promise<void>;
}

/** How a handle reaches the catalogue: in process, or over a wire. */
export interface ICaller extends Disposable {
  call(operation: string, params: Record<string, unknown>, options?: WriteCallOptions): Promise<unknown>;
  events(sessionId: string, options: EventsOptions): AsyncIterable<SessionEvent>;
  /** For operations that carry bytes, of a session or of the server. */
  upload(
    operation: string,
    params: Record<string, unknown>,
    source: ByteSource,
    options?: UploadOptions,
  ): Promise<unknown>;
  /**
   * An answer in another form than JSON, as it comes. To be read, to its end or until it is left.
   * @throws not_supported when the operation has no such form
   */
  media(operation: string, params: Record<string, unknown>, type: string): Promise<ByteStream>;
  /** For operations that answer with bytes. */
  download(
    operation: string,
    params: Record<string, unknown>,
    range: { start?: number; end?: number },
  ): Promise<DownloadedFile>;
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
