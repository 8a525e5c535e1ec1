/** The managers: who finds and wakes sessions, who writes them behind the client's back, who owns the process. */
import type { NotKept, SessionEvent } from './events.js';
import type { CallContext, Principal, WriteConditions } from './operation.js';
import type { Disposable } from './ports.js';
import type {
  CreateSession,
  EventPage,
  ExecuteResult,
  ISessionInstance,
  SessionMetadata,
  SessionPatch,
  StatelessResult,
} from './session.js';
import type { CheckpointRecord } from './store.js';

export const ISessionManager = Symbol.for('sojourn.ISessionManager');
/** `live`: true demands the whole heap, false asks for a checkpoint's content; left out, the heap where that works. */
export interface ForkRequest {
  session_id?: string | undefined;
  name?: string | undefined;
  description?: string | undefined;
  live?: boolean | undefined;
  /** A place in the journal; its end when left out. */
  at_seq?: number | undefined;
}
/**
 * `not_kept`: what the new session does not have of the old one. `reached_seq`: the place whose state it has; where
 * that is not the one that was asked for, `exact` is false and `reason` says why.
 */
export type ForkResult = SessionMetadata & {
  live: boolean;
  not_kept: NotKept[];
  reached_seq: number;
  exact: boolean;
  reason?: string;
};

export interface ConditionalCall extends WriteConditions {
  readonly principal: Principal;
}

export interface ISessionManager extends Disposable {
  start(): Promise<void>;
  /** @throws session_exists · limit_exceeded · engine_unavailable · invalid_params */
  createSession(request: CreateSession, call: CallContext): Promise<SessionMetadata>;
  /** The live session, woken from the store if need be; single-flight. @throws session_not_found */
  getSession(id: string, principal: Principal): Promise<ISessionInstance>;
  /** `getSession` for one piece of work; found again if it went to sleep before the work could begin. */
  use<T>(id: string, principal: Principal, work: (session: ISessionInstance) => Promise<T>): Promise<T>;
  /** Without waking it. @throws session_not_found */
  getMetadata(id: string, principal: Principal): Promise<SessionMetadata>;
  /** This and the following: @throws conflict · epoch_mismatch, by the conditions of the call */
  updateSession(id: string, patch: SessionPatch, call: ConditionalCall): Promise<SessionMetadata>;
  deleteSession(id: string, call: ConditionalCall): Promise<void>;
  /** A new session with the state and history that this one has in its turn. @throws session_exists */
  forkSession(id: string, request: ForkRequest, call: CallContext): Promise<ForkResult>;
  executeCommand(id: string, command: string, call: CallContext): Promise<ExecuteResult>;
  listSessions(query: ListQuery, principal: Principal): Promise<SessionList>;
  readEvents(id: string, sinceSeq: number, limit: number, principal: Principal): Promise<EventPage>;
  /** Checkpoints and lets go of the live state. */
  hibernate(id: string, call: ConditionalCall): Promise<SessionMetadata>;
  /** Resolves when everything up to now is in a checkpoint and on the disk. */
  save(id: string, call: ConditionalCall): Promise<void>;
  /** Rebuilds the live state; also of a session that was set aside, whose files were mended since. */
  restart(id: string, keepState: boolean, call: ConditionalCall): Promise<SessionMetadata>;
  saveDirtySessions(): Promise<void>;
  /** Takes no more work, and resolves when what runs has ended: by itself within the grace time, else interrupted. */
  drain(): Promise<void>;
  /** Drains, saves everything and lets all live state go. */
  shutdown(): Promise<void>;
  /** Calls `listener` for each event of the session after it is journaled, asleep or awake. */
  subscribe(id: string, listener: (event: SessionEvent) => void): Disposable;
  /** Calls `listener` when a session of whomever comes, goes, wakes or falls asleep. */
  watch(listener: (change: SessionChange) => void): Disposable;
  /** Sizes for `status`. */
  counts(): { live: number; busy: number; memory_bytes: number };
}
/** What became of a session. `woken`: it is live again; its engine starts with the first use. */
export interface SessionChange {
  readonly type: 'created' | 'forked' | 'woken' | 'hibernated' | 'deleted';
  readonly session_id: string;
  readonly kind: string;
  readonly owner: string;
}
export interface ListQuery {
  kind?: string;
  status?: string;
  tag?: string;
  /** Sessions that have not been used for long, too. */
  includeInactive?: boolean;
  limit: number;
  cursor?: string;
}
export interface SessionList {
  sessions: SessionMetadata[];
  total_sessions: number;
  total_memory_mb: number;
  next_cursor: string | null;
}

export const IStatelessRuns = Symbol.for('sojourn.IStatelessRuns');
/** Runs without a session: each has a fresh engine and folder of its own, and nothing is left of either. */
export interface IStatelessRuns extends Disposable {
  /** Removes what a crash left behind. */
  start(): Promise<void>;
  /** @throws code_rejected · limit_exceeded · invalid_params · not_supported · kernel_died */
  run(request: StatelessRequest, call: CallContext): Promise<StatelessResult>;
  /** Says whether the code would be run; resolves when it would. @throws code_rejected and what `run` throws */
  check(request: Pick<StatelessRequest, 'kind' | 'options' | 'code'>): Promise<void>;
}
export interface StatelessRequest {
  kind: string;
  /** The engine's own options, as for a session. */
  options: Record<string, unknown>;
  /** `execute`, or one of the engine's stateless operations. */
  operation: string;
  params: Record<string, unknown>;
  /** What the engine is asked to admit first. */
  code: string | undefined;
  timeoutMs: number;
}

export const IPersistenceManager = Symbol.for('sojourn.IPersistenceManager');
export interface IPersistenceManager {
  /** Begins to write behind. */
  start(): void;
  /** Takes a checkpoint if the session changed since the last one; null when it had not. */
  saveSession(session: ISessionInstance, reason: string): Promise<CheckpointRecord | null>;
  saveDirtySessions(): Promise<void>;
  /** Everything dirty, and everything on the disk, before it resolves. */
  forceSave(): Promise<void>;
  /** Stops the timer and writes the rest. */
  shutdown(): Promise<void>;
  sessionExistsOnDisk(id: string): Promise<boolean>;
}

export const IProcessManager = Symbol.for('sojourn.IProcessManager');
/** The server as a process in the background. */
export interface IProcessManager {
  /** Starts one unless one runs; resolves to its pid when it answers. */
  startServer(options?: { timeoutMs?: number }): Promise<number | undefined>;
  /** False when there was none. */
  stopServer(): Promise<boolean>;
  isServerRunning(): Promise<boolean>;
  getServerPid(): Promise<number | null>;
}

/** What a running server leaves in DATA_DIR/runtime.json, mode 0600. */
export interface RuntimeInfo {
  pid: number;
  url: string;
  token: string | null;
  version: string;
  started_at: string;
}
