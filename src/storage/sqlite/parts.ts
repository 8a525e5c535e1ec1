/**
 * The files that hold checkpoint parts: `parts/ab/abcdef…`, named by the SHA-256 of their bytes. A part is written
 * under a temporary name in the same tree and renamed, so that a name always stands for all of its bytes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { HashedStream } from '../../core/hashed-stream.js';
import type { IFiles } from '../../types/ports.js';
import type { PartPin } from '../../types/store.js';
import { codeOf, damaged, storageError } from '../store-errors.js';
import { nextTurn } from '../turns.js';

const hashPattern = /^[0-9a-f]{64}$/;
const shardPattern = /^[0-9a-f]{2}$/;
const pieceBytes = 2 ** 20;
/** Parts that may wait for a sync before one is made unasked, so that the list of them stays short. */
const unsyncedMax = 4096;

export interface StoredPart {
  hash: string;
  size: number;
}

export class PartFiles {
  /** Files being removed; who needs the same bytes waits and writes them anew. */
  private readonly removing = new Map<string, Promise<void>>();
  private readonly folders = new Set<string>();
  private unsynced = new Set<string>();
  /** Everything put since the store was opened, while the sweep is looking for orphans. */
  private recent: Set<string> | undefined = new Set();

  constructor(
    private readonly directory: string,
    private readonly files: IFiles,
  ) {}

  async prepare(): Promise<void> {
    await this.files.makeDirectory(this.temporaryFolder, 0o700);
  }

  /** Streams to the disk while hashing; a part that is there already is not kept twice. */
  async put(bytes: Uint8Array | AsyncIterable<Uint8Array>, pin?: PartPin): Promise<StoredPart> {
    try {
      return bytes instanceof Uint8Array ? await this.putWhole(bytes, pin) : await this.putStream(bytes, pin);
    } catch (error) {
      // What the caller's own stream throws is the caller's.
      if (codeOf(error) === '') throw error;
      throw storageError(this.directory, error);
    }
  }

  /** @throws storage_error, damaged, when the bytes are missing or not what was stored */
  async get(hash: string): Promise<Uint8Array> {
    const path = this.pathOf(hash);
    const bytes = await this.files.read(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT')
        throw damaged(`The part ${hash} is missing (${path}).`, { hash }, error);
      throw storageError(path, error);
    });
    const digest = createHash('sha256');
    for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
      digest.update(bytes.subarray(offset, offset + pieceBytes));
      if (offset > 0) await nextTurn();
    }
    if (digest.digest('hex') !== hash)
      throw damaged(`The part ${hash} is not what was written (${path}).`, { hash });
    return bytes;
  }

  /**
   * Bytes on the disk, null when there is no such file. One synchronous look at a folder entry takes microseconds;
   * it is what lets a caller decide between using a part again and sending it.
   */
  sizeOf(hash: string): number | null {
    if (!hashPattern.test(hash) || this.removing.has(hash)) return null;
    return lstatSync(this.pathOf(hash), { throwIfNoEntry: false })?.size ?? null;
  }

  /** The same for many, off the event loop. */
  async sizeLater(hash: string): Promise<number | null> {
    return (await this.files.stat(this.pathOf(hash)))?.size ?? null;
  }

  remove(hash: string): Promise<void> {
    const path = this.pathOf(hash);
    const removal = this.files.remove(path).finally(() => this.removing.delete(hash));
    this.removing.set(hash, removal);
    this.unsynced.delete(hash);
    return removal;
  }

  isRecent(hash: string): boolean {
    return this.recent?.has(hash) ?? false;
  }

  /** Forces parts to the disk that were not yet; all of them when no hashes are given. */
  async sync(hashes: Iterable<string> = this.unsynced): Promise<void> {
    const due = [...hashes].filter((hash) => this.unsynced.delete(hash));
    if (due.length === 0) return;
    try {
      for (const hash of due) await this.syncFile(hash);
      for (const folder of new Set(due.map((hash) => this.folderOf(hash)))) await this.files.sync(folder);
      await this.files.sync(this.directory);
    } catch (error) {
      for (const hash of due) this.unsynced.add(hash);
      throw storageError(this.directory, error);
    }
  }

  /** Names of files under temporary names; whatever is there at open was left by a crash. */
  async listTemporary(): Promise<string[]> {
    const entries = await this.files.list(this.temporaryFolder);
    return entries.map((entry) => join(this.temporaryFolder, entry.name));
  }

  /** True when a part was ever stored here. */
  async hasAny(): Promise<boolean> {
    return (await this.files.list(this.directory)).some((folder) => shardPattern.test(folder.name));
  }

  /** All stored parts, folder by folder; files that we did not name are left out. */
  async *listAll(): AsyncGenerator<string[]> {
    for (const folder of await this.files.list(this.directory)) {
      if (!shardPattern.test(folder.name)) continue;
      const entries = await this.files.list(join(this.directory, folder.name));
      const names = entries.filter((entry) => entry.type === 'file').map((entry) => entry.name);
      yield names.filter((name) => hashPattern.test(name) && name.startsWith(folder.name));
    }
  }

  /** From now on no part counts as just written. */
  endSweep(): void {
    this.recent = undefined;
  }

  private get temporaryFolder(): string {
    return join(this.directory, 'tmp');
  }

  private folderOf(hash: string): string {
    return join(this.directory, hash.slice(0, 2));
  }

  /** Hashes come back from the database and from callers: only a hash ever becomes a path. */
  private pathOf(hash: string): string {
    if (!hashPattern.test(hash)) throw damaged('A part has a name that is no SHA-256.', { hash });
    return join(this.folderOf(hash), hash);
  }

  private async putWhole(bytes: Uint8Array, pin: PartPin | undefined): Promise<StoredPart> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    await this.claim(hash, pin);
    if ((await this.sizeLater(hash)) !== bytes.length) {
      await this.moveIn(await this.writeTemporary(once(bytes)), hash);
    }
    return { hash, size: bytes.length };
  }

  private async putStream(pieces: AsyncIterable<Uint8Array>, pin: PartPin | undefined): Promise<StoredPart> {
    const hashed = new HashedStream(pieces);
    const temporary = await this.writeTemporary(hashed);
    try {
      const { hash, size } = hashed.total();
      await this.claim(hash, pin);
      if ((await this.sizeLater(hash)) === size) await this.files.remove(temporary);
      else await this.moveIn(temporary, hash);
      return { hash, size };
    } catch (error) {
      await this.files.remove(temporary);
      throw error;
    }
  }

  /** From here on nobody removes the part; a removal under way is waited for. */
  private async claim(hash: string, pin: PartPin | undefined): Promise<void> {
    pin?.add(hash);
    this.recent?.add(hash);
    await this.removing.get(hash)?.catch(() => undefined);
  }

  private async writeTemporary(pieces: AsyncIterable<Uint8Array>): Promise<string> {
    const path = join(this.temporaryFolder, randomUUID());
    await this.files.writePieces(path, pieces, { mode: 0o600 });
    return path;
  }

  private async moveIn(temporary: string, hash: string): Promise<void> {
    const folder = this.folderOf(hash);
    if (!this.folders.has(folder)) {
      await this.files.makeDirectory(folder, 0o700);
      this.folders.add(folder);
    }
    await this.files.rename(temporary, this.pathOf(hash));
    this.unsynced.add(hash);
    if (this.unsynced.size > unsyncedMax) await this.sync();
  }

  private async syncFile(hash: string): Promise<void> {
    try {
      await this.files.sync(this.pathOf(hash));
    } catch (error) {
      // Collected meanwhile: nothing needs it any more.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
