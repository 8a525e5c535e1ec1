/**
 * Where bodies lie until they have their place in a workspace: a folder of the server's own, so that no session's code
 * ever sees half a file, and nothing of an upload that was cut off is left. Bodies are known by their content; what a
 * former process left is removed at start.
 */
import { join } from 'node:path';
import type { ByteStream, ReceivedFile } from '../types/files.js';
import type { FileOwner, IFiles, IIds } from '../types/ports.js';
import { HashedStream } from './hashed-stream.js';

/** A name that no session's folder has. */
export const stagingName = '.incoming';

export class FileStaging {
  /** Files that lie ready, by the hash of their bytes. */
  private readonly ready = new Map<string, string[]>();
  /** How many callers still count on one of them. */
  private readonly expected = new Map<string, number>();

  /** @param workspaces the folder of all workspaces: a file takes its place by being renamed, so both share a disk. */
  constructor(
    private readonly workspaces: string,
    private readonly files: IFiles,
    private readonly ids: Pick<IIds, 'uid'>,
  ) {}

  /** Removes what a former process left. To be called before anything is received. */
  clear(): Promise<void> {
    return this.files.remove(this.folder);
  }

  /** @param pieces may throw: then nothing is left of them */
  async receive(pieces: ByteStream, owner: FileOwner | undefined): Promise<ReceivedFile> {
    const hashed = new HashedStream(pieces);
    const path = await this.write(hashed, owner);
    const { hash: sha256, size } = hashed.total();
    this.ready.set(sha256, [...(this.ready.get(sha256) ?? []), path]);
    this.expected.set(sha256, (this.expected.get(sha256) ?? 0) + 1);
    let released: Promise<void> | undefined;
    return { sha256, size, release: () => (released ??= this.release(sha256)) };
  }

  /** Hands a received file over, to be renamed; undefined when there is none with these bytes. */
  take(sha256: string): string | undefined {
    const paths = this.ready.get(sha256) ?? [];
    const path = paths.pop();
    if (paths.length === 0) this.ready.delete(sha256);
    return path;
  }

  /** A new file that nobody else sees. @returns its path */
  async write(pieces: ByteStream, owner: FileOwner | undefined): Promise<string> {
    await this.files.makeDirectory(this.folder, 0o700);
    const path = join(this.folder, this.ids.uid());
    await this.files.writePieces(path, pieces, { mode: 0o644, ...(owner ? { owner } : {}) });
    return path;
  }

  private get folder(): string {
    return join(this.workspaces, stagingName);
  }

  /** One file less is needed; which of several equal ones was taken meanwhile is all the same. */
  private async release(sha256: string): Promise<void> {
    const left = (this.expected.get(sha256) ?? 1) - 1;
    if (left > 0) this.expected.set(sha256, left);
    else this.expected.delete(sha256);
    const paths = this.ready.get(sha256) ?? [];
    const unneeded = paths.splice(left);
    if (paths.length === 0) this.ready.delete(sha256);
    for (const path of unneeded) await this.files.remove(path);
  }
}
