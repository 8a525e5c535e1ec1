/**
 * The outside world, as interfaces: time, identity, logging, files and child processes.
 * Everything below `app.ts` reaches the machine through these, so that time can be driven and faults injected.
 */

/** Anything that holds a timer, socket, process, file or listener. May be disposed twice; must not throw twice. */
export interface Disposable {
  dispose(): Promise<void> | void;
}

export const IClock = Symbol.for('sojourn.IClock');
export interface IClock {
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** A clock that never goes back, in milliseconds with fractions; only differences mean something. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`. The timer never keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}
export interface Timer {
  cancel(): void;
}

export const IIds = Symbol.for('sojourn.IIds');
export interface IIds {
  /** A session id for a client that named none. */
  sessionId(): string;
  /** A short unique name, `[a-z0-9]+`, safe as a file name on every system. */
  uid(): string;
  /** A secret of at least 256 bits, URL-safe. */
  secret(): string;
}

export const ILog = Symbol.for('sojourn.ILog');
/** The message is a constant, values are fields. Never log code, cell values, tokens or environment values. */
export interface ILog {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): ILog;
}
export type LogFields = Readonly<Record<string, unknown>>;

export const IFiles = Symbol.for('sojourn.IFiles');
/** The file system. Paths are absolute. Errors are Node's own, with `code` (ENOENT, ENOSPC, …). */
export interface IFiles {
  read(path: string): Promise<Uint8Array>;
  /** Writes beside the target, syncs and renames over it: after a crash there is the old file or the new one. */
  writeAtomic(path: string, data: Uint8Array | string, mode?: number): Promise<void>;
  /** Creates a folder and its parents. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** At most `limit` names, whichever come first: a folder may have more than fit into memory. */
  list(path: string, limit?: number): Promise<FileEntry[]>;
  /** Never follows a final symbolic link; null when nothing is there. */
  stat(path: string): Promise<FileStat | null>;
  rename(from: string, to: string): Promise<void>;
  /**
   * Removes a file or a whole folder; silent when it is already gone. On Linux never reaches outside of the folder,
   * whatever is swapped in it meanwhile; ENOTEMPTY when others go on to write to it.
   */
  remove(path: string): Promise<void>;
  /** Links `to` to the bytes of `from`, or copies them where links are not possible. */
  copy(from: string, to: string, mode?: number): Promise<void>;
  setTimes(path: string, mtimeMs: number): Promise<void>;
  /** Never follows a final symbolic link. Only root can give files away. */
  setOwner(path: string, owner: FileOwner): Promise<void>;
  /**
   * The bytes that a regular file had when it was opened, in pieces of `pieceBytes`, the last one shorter. Never
   * follows a final symbolic link (ELOOP).
   */
  readPieces(path: string, pieceBytes?: number): AsyncIterable<Uint8Array>;
  /** Makes a new file (EEXIST when something is there) and streams into it; removes it again when that fails. */
  writePieces(path: string, pieces: AsyncIterable<Uint8Array>, attributes?: FileAttributes): Promise<void>;
  /** Adds bytes to the end of a file, which is made when there is none. */
  append(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Bytes from `position` on, fewer at the end of the file. Never follows a final symbolic link (ELOOP). */
  readRange(path: string, position: number, length: number): Promise<Uint8Array>;
  /** Forces a file's bytes, or a folder's list of names, to the disk. */
  sync(path: string): Promise<void>;
  /** What a symbolic link says. */
  readLink(path: string): Promise<string>;
  makeLink(path: string, target: string): Promise<void>;
  /** Removes one name, a folder only when it is empty; never looks inside. ENOENT when it is gone. */
  removeOne(path: string): Promise<void>;
  /** Bytes that are free for this user on the disk of a folder; null where the system does not tell. */
  freeBytes(path: string): Promise<number | null>;
  /** Opens a folder, never through a final symbolic link (ENOTDIR or ELOOP). */
  holdDirectory(path: string): Promise<HeldDirectory>;
  /**
   * Opens a regular file for reading (EINVAL when it is none), never through a final symbolic link (ELOOP), and
   * waits for nobody: neither for the other end of a pipe nor for who holds a lease (EAGAIN).
   */
  holdFile(path: string): Promise<HeldFile>;
  /** The path without any symbolic link in it. */
  realPath(path: string): Promise<string>;
}
/** A file that is held open for reading: the same bytes, whatever takes its name meanwhile. */
export interface HeldFile extends Disposable {
  /** As it was when it was opened. */
  readonly stat: FileStat;
  /** The bytes from `start` up to `end` in pieces; fewer when the file was cut off meanwhile. */
  pieces(start: number, end: number, pieceBytes?: number): AsyncIterable<Uint8Array>;
}
/**
 * A folder that is held open: where the system allows it (Linux), `path` goes on meaning this very folder, whatever
 * others put under its name meanwhile.
 */
export interface HeldDirectory extends Disposable {
  readonly path: string;
  setAttributes(attributes: FileAttributes): Promise<void>;
}
export interface FileAttributes {
  mode?: number;
  owner?: FileOwner;
  mtimeMs?: number;
}
export interface FileOwner {
  uid: number;
  gid: number;
}
export interface FileEntry {
  name: string;
  type: 'file' | 'directory' | 'link' | 'other';
}
export interface FileStat {
  type: FileEntry['type'];
  size: number;
  mode: number;
  mtimeMs: number;
  /** Changes with every write and every change of attributes: no program can set it back. */
  ctimeMs: number;
  inode: number;
  /** How many names it has. */
  links: number;
  owner: FileOwner;
}

export const ISpawner = Symbol.for('sojourn.ISpawner');
export interface ISpawner {
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Sends a signal; false when there is no such process. A negative pid names a process group. */
  signal(pid: number, signal: NodeJS.Signals | 0): boolean;
}
export interface SpawnOptions {
  cwd?: string;
  /** The whole environment: nothing is inherited. */
  env: Readonly<Record<string, string>>;
  detached?: boolean;
  /** A file that takes stdout and stderr; without it both can be read from the child. */
  logFile?: string;
}
export interface ChildProcess {
  readonly pid: number | undefined;
  readonly stdin: NodeJS.WritableStream | null;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  /** Resolves when the process is gone; rejects when it could not be started. */
  readonly exited: Promise<ExitStatus>;
  kill(signal: NodeJS.Signals): boolean;
  /** Lets this process end although the child still runs. */
  unref(): void;
}
export interface ExitStatus {
  code: number | null;
  signal: string | null;
}
