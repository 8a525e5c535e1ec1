/**
 * The text of one run that is too much for the journal, in a file beside it. Every piece has its length and its
 * checksum, so that a file that was cut off by a crash is read up to the cut.
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { IFiles, ILog } from '../types/ports.js';

export type TextStream = 'stdout' | 'stderr';
export interface SpillPiece {
  readonly stream: TextStream;
  readonly text: string;
  /** The place in the file after this piece. */
  readonly end: number;
}

const streams: readonly TextStream[] = ['stdout', 'stderr'];
/** u32 length of the text, u32 checksum of stream and text, u8 stream. */
const headBytes = 9;
const pieceBytesMax = 4 * 1024 ** 2;
/** Takes at most three bytes for each. */
const pieceCharacters = 1024 ** 2;
const readBytes = 1024 ** 2;
/** How much may wait to be written before whoever writes should wait too. */
const waitingBytesMax = 4 * 1024 ** 2;

export class SpillWriter {
  private queue: Buffer[] = [];
  private written = 0;
  private writing: Promise<void> | null = null;
  private started = false;
  private failed = false;
  /** The length of the file once all that was added is written. */
  end = 0;

  constructor(
    readonly path: string,
    private readonly files: IFiles,
    private readonly log: ILog,
  ) {}

  /** True when the file cannot be written any more: what is added is lost. */
  get isBroken(): boolean {
    return this.failed;
  }

  add(stream: TextStream, text: string): void {
    for (let start = 0; start < text.length; start += pieceCharacters) {
      this.addPiece(stream, text.slice(start, start + pieceCharacters));
    }
    this.write();
  }

  private addPiece(stream: TextStream, text: string): void {
    const bytes = Buffer.allocUnsafe(headBytes + Buffer.byteLength(text));
    bytes.writeUInt8(streams.indexOf(stream), 8);
    bytes.write(text, headBytes);
    bytes.writeUInt32BE(bytes.length - headBytes, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
    this.queue.push(bytes);
    this.end += bytes.length;
  }

  /** Resolves when something was written; null when nothing has to be waited for. */
  backlog(): Promise<void> | null {
    return this.end - this.written > waitingBytesMax ? this.writing : null;
  }

  /** Resolves when all that was added before is written, and on the disk if it has to be; never rejects. */
  async settle(durable = false): Promise<void> {
    const { end } = this;
    while (this.written < end && this.writing) await this.writing;
    if (!durable || !this.started || this.failed) return;
    await this.files.sync(this.path).catch((error: unknown) => this.fail(error));
  }

  /** One step after the other, as long as something waits. */
  private write(): void {
    if (this.writing || this.queue.length === 0) return;
    this.writing = this.writeQueue()
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.writing = null;
        this.write();
      });
  }

  private async writeQueue(): Promise<void> {
    if (!this.started) await this.begin();
    const bytes = Buffer.concat(this.queue.splice(0));
    await this.files.append(this.path, bytes);
    this.written += bytes.length;
  }

  private async begin(): Promise<void> {
    await this.files.makeDirectory(dirname(this.path), 0o700);
    // Of a run whose place in the journal was lost with the power.
    await this.files.remove(this.path);
    this.started = true;
  }

  private fail(error: unknown): void {
    if (!this.failed) this.log.error({ err: error }, 'long output could not be kept');
    this.failed = true;
    this.queue = [];
    this.written = this.end;
  }
}

/** The pieces between two places, up to the first that is not whole. */
export async function* readSpill(
  files: IFiles,
  path: string,
  from: number,
  to: number,
): AsyncGenerator<SpillPiece> {
  let place = from;
  let length = readBytes;
  while (place < to) {
    const bytes = Buffer.from(await readSome(files, path, place, Math.min(length, to - place)));
    let offset = 0;
    for (let piece = pieceAt(bytes, offset); piece; piece = pieceAt(bytes, offset)) {
      offset += headBytes + piece.bytes;
      yield { ...piece, end: place + offset };
    }
    if (offset === 0) {
      // The next piece may be larger than what was read.
      const whole = bytes.length < headBytes ? 0 : headBytes + bytes.readUInt32BE(0);
      if (whole <= bytes.length || whole > headBytes + pieceBytesMax || length >= whole) return;
      length = whole;
    } else length = readBytes;
    place += offset;
  }
}

function pieceAt(bytes: Buffer, offset: number): { stream: TextStream; text: string; bytes: number } | null {
  if (bytes.length < offset + headBytes) return null;
  const size = bytes.readUInt32BE(offset);
  const end = offset + headBytes + size;
  if (bytes.length < end) return null;
  const stream = streams[bytes.readUInt8(offset + 8)];
  if (stream === undefined || crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32BE(offset + 4))
    return null;
  return { stream, text: bytes.toString('utf8', offset + headBytes, end), bytes: size };
}

/** Nothing where there is no file: it may have been removed by hand. */
async function readSome(files: IFiles, path: string, place: number, length: number): Promise<Uint8Array> {
  return (await files.stat(path)) === null ? new Uint8Array() : files.readRange(path, place, length);
}
