/**
 * The files of one session as its clients see them: listed, read, written and deleted, inside of the workspace and
 * nowhere else. The order of writes, and that they are kept, is the session's business; see file-operations.ts.
 */
import { join } from 'node:path';
import type { IConfig } from '../types/config.js';
import { SojournError } from '../types/errors.js';
import type {
  ByteAnswer,
  ByteBody,
  ByteStream,
  DeletedFile,
  FileContent,
  ISessionFiles,
  ReceivedFile,
  WrittenFile,
} from '../types/files.js';
import type { FileOwner, HeldDirectory, IClock, IFiles } from '../types/ports.js';
import { walkTo, stepsOf } from './confined-walk.js';
import type { Place, WalkOptions } from './confined-walk.js';
import { contentTypeOf } from './content-types.js';
import { fileErrors, withFileErrors } from './file-errors.js';
import type { FileStaging } from './file-staging.js';
import { FileUsage } from './file-usage.js';
import { holdInside } from './hard-links.js';
import { isFileError } from './workspace-files.js';

export interface SessionFilesServices {
  /** The workspace, absolute. */
  readonly folder: string;
  readonly staging: FileStaging;
  readonly files: IFiles;
  readonly clock: Pick<IClock, 'monotonic'>;
  readonly limits: IConfig['limits'];
}

/** One write: what takes the place, and whether limits were looked at when it was accepted. */
export interface PlaceRequest {
  readonly path: string;
  readonly size: number;
  /** A write that is done again was within its limits when it was accepted. */
  readonly again: boolean;
  /** A finished file, to be renamed. */
  source(owner: FileOwner | undefined): Promise<string>;
}

export class SessionFiles implements ISessionFiles {
  readonly folder: string;
  private readonly usage: FileUsage;

  constructor(private readonly services: SessionFilesServices) {
    this.folder = services.folder;
    this.usage = new FileUsage(services.limits, services.files, services.clock);
  }

  async absolute(path: string): Promise<string> {
    return join(await this.services.files.realPath(this.folder), path);
  }

  async relative(path: string): Promise<string> {
    return stepsOf(path, path, await this.spellings()).join('/');
  }

  async receive(path: string, body: ByteBody): Promise<ReceivedFile> {
    return withFileErrors(path, async () => {
      const room = await this.roomAt(path, body.size ?? 0);
      const { usage } = this;
      return this.services.staging.receive(
        within(body.bytes, room, () => usage.overflow(room)),
        await this.owner(),
      );
    });
  }

  /** Puts a finished file in its place, at once or not at all. */
  async put(request: PlaceRequest): Promise<WrittenFile> {
    const { path, size } = request;
    const { files } = this.services;
    return withFileErrors(path, async () => {
      await files.makeDirectory(this.folder, 0o700);
      if (!request.again) await this.roomAt(path, size);
      const owner = await this.owner();
      return this.at(path, { follow: true, makeFolders: true }, async (place) => {
        const replaced = replacedBytes(place, path);
        await this.rename(await request.source(owner), place.reach);
        this.usage.add(size - (replaced ?? 0), replaced === null ? 1 : 0);
        return { path: place.path, size, created: replaced === null };
      });
    });
  }

  /** Copies a file that lies elsewhere on this machine into its place. */
  async keep(path: string, from: string): Promise<WrittenFile> {
    const { files, staging } = this.services;
    const size = (await files.stat(from))?.size ?? 0;
    const source = (owner?: FileOwner) => staging.write(files.readPieces(from), owner);
    return this.put({ path, size, again: false, source });
  }

  /** Removes a file, a link or an empty folder; a full one with `recursive`. */
  async remove(path: string, recursive: boolean): Promise<DeletedFile> {
    const { files } = this.services;
    return withFileErrors(path, () =>
      this.at(path, { follow: false }, async (place) => {
        if (place.name === '.') throw fileErrors.invalid(path, 'names no entry of a folder');
        if (!place.found) throw fileErrors.notFound(path);
        const { type } = place.found;
        if (type === 'directory' && recursive) await this.removeFolder(place.reach, path);
        else await files.removeOne(place.reach);
        this.usage.forget();
        return { path: place.path, kind: type, deleted: true as const };
      }),
    );
  }

  /** @param maxBytes all of it when left out. @throws limit_exceeded when that is more than an answer holds */
  async read(path: string, offset: number, maxBytes: number | undefined): Promise<FileContent> {
    const { request_bytes } = this.services.limits;
    const answer = await this.open(path);
    try {
      const end = Math.min(answer.size, offset + (maxBytes ?? answer.size));
      if (end - offset > request_bytes) {
        const detail = `An answer holds at most ${request_bytes} bytes of a file; read it in parts with offset and max_bytes, or download it. limits.request_bytes raises it.`;
        const fields = { limit: 'request_bytes', setting: 'limits.request_bytes', value: request_bytes };
        throw new SojournError('limit_exceeded', detail, fields);
      }
      const start = Math.min(offset, end);
      const bytes = await withFileErrors(path, () => joined(answer.bytes(start, end)));
      return { path: answer.path, offset, ...sizes(answer, end), ...asText(bytes) };
    } finally {
      await answer.dispose();
    }
  }

  /** The caller disposes the answer. */
  open(path: string): Promise<ByteAnswer & { readonly path: string }> {
    return withFileErrors(path, () =>
      this.at(path, { follow: true }, async (place) => {
        if (!place.found) throw fileErrors.notFound(path);
        if (place.found.type !== 'file') throw fileErrors.notAFile(path, place.found.type);
        const { files } = this.services;
        const held = await holdInside(files, this.folder, place.reach, path);
        const { size, mtimeMs, inode } = held.stat;
        return {
          path: place.path,
          name: place.name,
          size,
          content_type: contentTypeOf(place.name),
          modified_at: new Date(mtimeMs).toISOString(),
          tag: `${inode.toString(36)}-${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}`,
          bytes: (start, end) => exactly(held.pieces(start, end), end - start, path),
          dispose: () => held.dispose(),
        };
      }),
    );
  }

  /** Works with what a path means. */
  async at<T>(path: string, options: WalkOptions, work: (place: Place) => Promise<T>): Promise<T> {
    const [spellings, owner] = await Promise.all([this.spellings(), this.owner()]);
    return walkTo({ files: this.services.files, spellings, owner }, path, options, work);
  }

  private async rename(source: string, reach: string): Promise<void> {
    const { files } = this.services;
    try {
      await files.rename(source, reach);
    } catch (error) {
      await files.remove(source);
      throw error;
    }
  }

  private removeFolder(reach: string, path: string): Promise<void> {
    return this.services.files.remove(reach).catch((error: unknown) => {
      // That it is full is no answer to who asked for all that is in it to go.
      if (isFileError(error) && error.code === 'ENOTEMPTY') throw fileErrors.changed(path, error);
      throw error;
    });
  }

  private async roomAt(path: string, wanted: number): Promise<number> {
    const replaced = await this.at(path, { follow: true }, (place) =>
      Promise.resolve(replacedBytes(place, path)),
    ).catch((error: unknown) => {
      // The folders on the way are made when the file gets its place.
      if (error instanceof SojournError && error.code === 'file_not_found') return null;
      throw error;
    });
    const held: HeldDirectory = await this.services.files.holdDirectory(this.folder);
    try {
      return await this.usage.room(held, replaced, wanted);
    } finally {
      await held.dispose();
    }
  }

  /** The folder as it is called here, and as code that runs in it sees it. */
  private async spellings(): Promise<string[]> {
    const real = await this.services.files.realPath(this.folder).catch(() => this.folder);
    return [this.folder, real];
  }

  /** New files belong to whom the folder belongs: the session, not the server. Only root can give files away. */
  private async owner(): Promise<FileOwner | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    return (await this.services.files.stat(this.folder))?.owner;
  }
}

/** Bytes of the file that would be replaced; null when there is none. @throws when something else is there */
function replacedBytes({ name, found }: Place, path: string): number | null {
  if (name === '.') throw fileErrors.invalid(path, 'names a folder, not a file');
  if (!found) return null;
  if (found.type === 'directory') throw new SojournError('conflict', `'${path}' is a folder.`, { path });
  if (found.type !== 'file') throw fileErrors.notAFile(path, found.type);
  return found.size;
}

async function* within(pieces: ByteStream, room: number, overflow: () => Error): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > room) throw overflow();
    yield piece;
  }
}

async function* exactly(pieces: ByteStream, wanted: number, path: string): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    yield piece;
  }
  if (size < wanted) throw fileErrors.changed(path);
}

async function joined(pieces: ByteStream): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const sizes = ({ size, modified_at }: ByteAnswer, end: number) => ({
  size,
  modified_at,
  next_offset: end < size ? end : null,
});

function asText(bytes: Buffer): Pick<FileContent, 'binary' | 'encoding' | 'text' | 'base64'> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { binary: false, encoding: 'utf-8', text };
  } catch {
    // It is no UTF-8, or was cut inside of a character.
    return { binary: true, encoding: 'base64', base64: bytes.toString('base64') };
  }
}
