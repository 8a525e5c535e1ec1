/**
 * The real machine behind the ports: clock, ids, files, child processes and the log.
 * This file and config.ts are the only ones below cli/ that touch time, randomness, timers or the environment.
 */
import { spawn } from 'node:child_process';
import { constants, createWriteStream, openSync, closeSync } from 'node:fs';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { customAlphabet, nanoid } from 'nanoid';
import { destination, pino, transport } from 'pino';
import type {
  ChildProcess,
  ExitStatus,
  FileAttributes,
  FileEntry,
  FileStat,
  HeldDirectory,
  HeldFile,
  IClock,
  IFiles,
  IIds,
  ILog,
  ISpawner,
} from '../types/ports.js';
import { removeTree } from './remove-tree.js';

export const systemClock: IClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    // Node fires at once for delays that do not fit 32 bits.
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

const lowercase = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 20);

export const systemIds: IIds = {
  sessionId: () => `s-${lowercase(12)}`,
  uid: () => lowercase(),
  secret: () => nanoid(43),
};

type StatLike = { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean };

function typeOf(entry: StatLike): FileEntry['type'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

const toStat = (found: Stats): FileStat => ({
  type: typeOf(found),
  size: found.size,
  mode: found.mode & 0o7777,
  mtimeMs: found.mtimeMs,
  ctimeMs: found.ctimeMs,
  inode: found.ino,
  links: found.nlink,
  owner: { uid: found.uid, gid: found.gid },
});

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === code;

/** Folder by folder: Node's own recursion never ends where no folder can be made, as below /proc. */
async function makeDirectory(path: string, mode?: number): Promise<void> {
  try {
    await fs.mkdir(path, mode);
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await fs.stat(path)).isDirectory()) return;
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error;
    // Where the parent is there by now somebody else made it; where it is no place for folders, this says so.
    if (!(await exists(dirname(path)))) await makeDirectory(dirname(path), mode);
    await fs.mkdir(path, mode).catch(async (again: unknown) => {
      if (!hasCode(again, 'EEXIST') || !(await fs.stat(path)).isDirectory()) throw again;
    });
  }
}

const exists = (path: string) =>
  fs.lstat(path).then(
    () => true,
    () => false,
  );

/** Never a folder: `rm` would go into one that has taken the place of the file meanwhile. */
const removeFile = (path: string) =>
  fs.unlink(path).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EISDIR')) throw error;
  });

async function writeAtomic(path: string, data: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${lowercase(10)}.tmp`);
  try {
    const handle = await fs.open(temporary, 'wx', mode);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
}

// Without O_NONBLOCK a file that was swapped for a pipe would hold the open, and a thread of the pool, for ever.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const usualPiece = 2 ** 20;

async function* readPieces(path: string, pieceBytes = usualPiece): AsyncGenerator<Uint8Array> {
  const held = await holdFile(path);
  try {
    yield* held.pieces(0, held.stat.size, pieceBytes);
  } finally {
    await held.dispose();
  }
}

async function holdFile(path: string): Promise<HeldFile> {
  const handle = await fs.open(path, readFlags);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw Object.assign(new Error(`not a file: ${path}`), { code: 'EINVAL' });
    let closed: Promise<void> | undefined;
    return {
      stat: toStat(found),
      pieces: (start, end, pieceBytes = usualPiece) => piecesOf(handle, start, end, pieceBytes),
      dispose: () => (closed ??= handle.close()),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function* piecesOf(handle: fs.FileHandle, start: number, end: number, pieceBytes: number) {
  for (let offset = start; offset < end; offset += pieceBytes) {
    const wanted = Math.min(pieceBytes, end - offset);
    const piece = await readFully(handle, offset, wanted);
    if (piece.length > 0) yield piece;
    if (piece.length < wanted) return;
  }
}

/** Shorter when the file was cut off meanwhile. */
async function readFully(handle: fs.FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function readRange(path: string, position: number, length: number): Promise<Uint8Array> {
  const handle = await fs.open(path, readFlags);
  try {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

async function setAttributes(handle: fs.FileHandle, attributes: FileAttributes): Promise<void> {
  const { mode, owner, mtimeMs } = attributes;
  if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
  // After the owner: a change of owner may clear bits of the mode.
  if (mode !== undefined) await handle.chmod(mode);
  if (mtimeMs !== undefined) await handle.utimes(mtimeMs / 1000, mtimeMs / 1000);
}

async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>, attributes: FileAttributes = {}) {
  const handle = await fs.open(path, 'wx', attributes.mode ?? 0o644);
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await setAttributes(handle, attributes);
  } catch (error) {
    await removeFile(path);
    throw error;
  } finally {
    await handle.close();
  }
}

async function list(path: string, limit = Infinity): Promise<FileEntry[]> {
  if (limit === Infinity) {
    const all = await fs.readdir(path, { withFileTypes: true });
    return all.map((entry) => ({ name: entry.name, type: typeOf(entry) }));
  }
  const entries: FileEntry[] = [];
  for await (const entry of await fs.opendir(path, { bufferSize: 256 })) {
    if (entries.length >= limit) break;
    entries.push({ name: entry.name, type: typeOf(entry) });
  }
  return entries;
}

async function holdDirectory(path: string): Promise<HeldDirectory> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const handle = await fs.open(path, flags);
  let closed: Promise<void> | undefined;
  return {
    path: process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : path,
    setAttributes: (attributes) => setAttributes(handle, attributes),
    dispose: () => (closed ??= handle.close()),
  };
}

export const systemFiles: IFiles = {
  read: (path) => fs.readFile(path),
  writeAtomic,
  makeDirectory,
  list,
  async stat(path): Promise<FileStat | null> {
    try {
      return toStat(await fs.lstat(path));
    } catch (error) {
      if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
      throw error;
    }
  },
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => removeTree(path, lowercase),
  async copy(from, to, mode) {
    await fs.copyFile(from, to);
    if (mode !== undefined) await fs.chmod(to, mode);
  },
  async setTimes(path, mtimeMs) {
    await fs.utimes(path, mtimeMs / 1000, mtimeMs / 1000);
  },
  setOwner: (path, { uid, gid }) => fs.lchown(path, uid, gid),
  readPieces,
  writePieces,
  append: (path, bytes, mode = 0o600) => fs.appendFile(path, bytes, { mode }),
  readRange,
  async sync(path) {
    const handle = await fs.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  readLink: (path) => fs.readlink(path),
  makeLink: (path, target) => fs.symlink(target, path),
  removeOne: (path) =>
    fs.unlink(path).catch((error: unknown) => {
      // Linux says EISDIR for a folder, the others EPERM.
      if (hasCode(error, 'EISDIR') || hasCode(error, 'EPERM')) return fs.rmdir(path);
      throw error;
    }),
  holdDirectory,
  holdFile,
  realPath: (path) => fs.realpath(path),
  freeBytes: async (path) => {
    try {
      const { bavail, bsize } = await fs.statfs(path);
      return bavail * bsize;
    } catch (error) {
      if (hasCode(error, 'ENOSYS')) return null;
      throw error;
    }
  },
};

export const systemSpawner: ISpawner = {
  spawn(command, args, options): ChildProcess {
    const log = options.logFile === undefined ? undefined : openSync(options.logFile, 'a', 0o600);
    const output = log ?? 'pipe';
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...options.env },
      detached: options.detached ?? false,
      stdio: [log === undefined ? 'pipe' : 'ignore', output, output],
    });
    if (log !== undefined) closeSync(log);
    const exited = new Promise<ExitStatus>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    // A caller that never waits for the end must not bring the process down when the start fails.
    exited.catch(() => undefined);
    return {
      pid: child.pid,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      kill: (signal) => child.kill(signal),
      unref: () => child.unref(),
    };
  },
  signal(pid, signal) {
    try {
      process.kill(pid, signal);
      return true;
    } catch (error) {
      if (hasCode(error, 'ESRCH')) return false;
      throw error;
    }
  },
};

/** Fields that never reach a log, whatever object they sit in. */
const redacted = ['token', 'secret', 'authorization', '*.token', '*.secret', '*.authorization'];

export interface LogOptions {
  level: string;
  /** Human-readable lines instead of JSON. */
  pretty: boolean;
  /** Default: standard error, so that standard output stays for answers. */
  file?: string;
}

export function createLog(options: LogOptions): ILog {
  const base = { level: options.level, redact: { paths: redacted, censor: '[redacted]' }, base: undefined };
  if (options.pretty) {
    const stream = transport({
      target: 'pino-pretty',
      options: { destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' },
    });
    return pino(base, stream);
  }
  return pino(
    base,
    options.file === undefined ? destination(2) : createWriteStream(options.file, { flags: 'a' }),
  );
}

const nothing = () => undefined;
export const silentLog: ILog = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};
