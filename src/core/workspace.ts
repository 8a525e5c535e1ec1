/**
 * Keeps a session's workspace folder in its checkpoints. The folder is written by code that nobody vouches for,
 * possibly while it is being read: links are never followed, folders are held open so that they cannot be swapped
 * for others, and whatever cannot be kept is named.
 */
import { createHash } from 'node:crypto';
import { SojournError } from '../types/errors.js';
import type { PartSink } from '../types/engine.js';
import type { NotKept } from '../types/events.js';
import type { FileStat, HeldDirectory, IClock, IFiles } from '../types/ports.js';
import { isFileError } from './workspace-files.js';
import { folderOf, isInnerPath, workspaceEntriesMax, workspacePieceBytes } from './workspace-manifest.js';
import type { WorkspaceEntry, WorkspaceFile, WorkspaceManifest } from './workspace-manifest.js';

export { workspaceManifestSchema } from './workspace-manifest.js';
export type { WorkspaceManifest } from './workspace-manifest.js';
export { restoreWorkspace } from './workspace-restore.js';

/** How what is left out is told apart from what an engine leaves out. */
export const workspaceFileType = 'workspace file';
/** All parts of workspaces begin like this. */
export const workspacePartPrefix = 'workspace:';

export interface WorkspaceCapture {
  readonly manifest: WorkspaceManifest;
  /** What was there and is not in the manifest: at most a hundred by name, the rest as a number. */
  readonly notKept: NotKept[];
}
export interface CaptureOptions {
  /** Of all files together: `limits.workspace_bytes`. */
  readonly maxBytes: number;
  readonly files: IFiles;
  readonly clock: Pick<IClock, 'now'>;
}

const namedMax = 100;
/** A file written this shortly before may be written again without a visible change of its times. */
const youngMs = 1000;

/**
 * Puts the folder's files into `sink`, in pieces that are shared with earlier checkpoints.
 * @param previous the manifest before: files that did not change since are not read again.
 * @throws storage_error when the folder itself cannot be read
 */
export async function captureWorkspace(
  directory: string,
  sink: PartSink,
  previous: WorkspaceManifest | null,
  options: CaptureOptions,
): Promise<WorkspaceCapture> {
  const { files } = options;
  const capture = new Capture(sink, previous, options.maxBytes, files, options.clock.now());
  let root: HeldDirectory | undefined;
  try {
    root = await files.holdDirectory(directory);
    await capture.folder(root, '');
  } catch (error) {
    if (!isFileError(error)) throw error;
    const detail = `The workspace ${directory} cannot be read; check that it exists and its permissions.`;
    throw new SojournError('storage_error', detail, { path: directory }, { cause: error });
  } finally {
    await root?.dispose();
  }
  return capture.finish();
}

class Capture {
  private readonly entries: WorkspaceEntry[] = [];
  private readonly skipped: string[] = [];
  private readonly notKept: NotKept[] = [];
  private readonly known = new Map<string, WorkspaceFile>();
  private bytes = 0;

  constructor(
    private readonly sink: PartSink,
    previous: WorkspaceManifest | null,
    private readonly maxBytes: number,
    private readonly files: IFiles,
    private readonly startMs: number,
  ) {
    for (const entry of previous?.entries ?? []) if (entry.type === 'file') this.known.set(entry.path, entry);
  }

  finish(): WorkspaceCapture {
    const { entries, skipped } = this;
    const named = this.notKept.slice(0, namedMax);
    const more = this.notKept.length - named.length;
    if (more > 0) named.push({ name: '.', type: 'workspace file', reason: `${more} more are not kept` });
    return { manifest: { version: 1, entries, skipped }, notKept: named };
  }

  async folder(held: HeldDirectory, prefix: string): Promise<void> {
    const names = (await this.files.list(held.path)).map((entry) => entry.name).sort();
    for (const name of names) {
      const path = prefix + name;
      if (this.entries.length >= workspaceEntriesMax) {
        this.skip(prefix.slice(0, -1), `a workspace keeps at most ${workspaceEntriesMax} entries`);
        return;
      }
      await this.entry(path, `${held.path}/${name}`);
    }
  }

  /** @param reach how to get at it: through the folder that is held open. */
  private async entry(path: string, reach: string): Promise<void> {
    if (!isInnerPath(path)) {
      this.skip(folderOf(path), 'what is in it is nested too deep or named too long');
      return;
    }
    try {
      const stat = await this.files.stat(reach);
      if (stat) await this.found(path, reach, stat);
      else this.leaveOut(path, 'it went while it was looked at, or its name is no text');
    } catch (error) {
      // A complaint of the file system is about this entry; anything else is not ours to pass over.
      if (!isFileError(error)) throw error;
      if (error.code === 'ENOENT') this.leaveOut(path, 'it went while it was looked at');
      else this.skip(path, `it cannot be read (${error.code})`);
    }
  }

  private async found(path: string, reach: string, stat: FileStat): Promise<void> {
    if (stat.type === 'file') await this.file(path, reach, stat);
    else if (stat.type === 'directory') await this.directory(path, reach, stat);
    else if (stat.type === 'other') this.skip(path, 'it is a socket, a pipe or a device');
    else this.entries.push({ type: 'link', path, target: await this.files.readLink(reach) });
  }

  private async directory(path: string, reach: string, stat: FileStat): Promise<void> {
    const held = await this.files.holdDirectory(reach);
    try {
      this.entries.push({ type: 'directory', path, mode: stat.mode & 0o777 });
      await this.folder(held, `${path}/`);
    } finally {
      await held.dispose();
    }
  }

  private async file(path: string, reach: string, stat: FileStat): Promise<void> {
    if (this.bytes + stat.size > this.maxBytes) {
      this.skip(path, `with it the workspace is over ${this.maxBytes} bytes (limits.workspace_bytes)`);
      return;
    }
    const before = this.known.get(path);
    if (before && isUnchanged(before, stat) && before.pieces.every((hash) => this.sink.has(hash))) {
      before.pieces.forEach((hash, index) => this.sink.reuse(partName(index, path), hash));
      this.bytes += before.size;
      this.entries.push({ ...before, mode: stat.mode & 0o777, mtime_ms: stat.mtimeMs });
      return;
    }
    const pieces: string[] = [];
    let size = 0;
    for await (const piece of this.files.readPieces(reach, workspacePieceBytes)) {
      size += piece.length;
      if (this.bytes + size > this.maxBytes) {
        this.skip(path, 'it grew while it was read');
        return;
      }
      pieces.push(await this.keep(partName(pieces.length, path), piece));
    }
    this.bytes += size;
    const { ctimeMs, inode, mtimeMs } = stat;
    const old = size === stat.size && ctimeMs < this.startMs - youngMs;
    const fingerprint = old ? { ctime_ms: ctimeMs, inode } : null;
    this.entries.push({
      type: 'file',
      path,
      mode: stat.mode & 0o777,
      mtime_ms: mtimeMs,
      size,
      pieces,
      fingerprint,
    });
  }

  private async keep(name: string, piece: Uint8Array): Promise<string> {
    const hash = createHash('sha256').update(piece).digest('hex');
    if (!this.sink.has(hash)) return this.sink.put(name, piece);
    this.sink.reuse(name, hash);
    return hash;
  }

  /** Names something that stays where it is when this checkpoint is restored. */
  private skip(path: string, reason: string): void {
    if (path !== '' && this.skipped.at(-1) !== path) this.skipped.push(path);
    this.leaveOut(path, reason);
  }

  private leaveOut(path: string, reason: string): void {
    this.notKept.push({ name: path === '' ? '.' : path, type: workspaceFileType, reason });
  }
}

const partName = (index: number, path: string): string => `${workspacePartPrefix}${index}:${path}`;

function isUnchanged({ fingerprint, size }: WorkspaceFile, stat: FileStat): boolean {
  return fingerprint?.ctime_ms === stat.ctimeMs && fingerprint.inode === stat.inode && size === stat.size;
}
