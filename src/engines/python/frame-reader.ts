/**
 * The wire to a kernel: u32 length of the JSON, u32 length of a binary tail (both big endian), the JSON, the tail.
 * The kernel runs anybody's code, so every length is checked before a byte is stored.
 */

export interface Frame {
  /** Parsed JSON of unknown shape. */
  readonly message: unknown;
  readonly tail: Uint8Array;
}

const headerBytes = 8;
const jsonBytesMax = 64 * 1024 ** 2;
/** Kernels cut what they send into far smaller pieces. */
const tailBytesMax = 8 * 1024 ** 2;
/** Whoever passes a message on will walk through it recursively. */
const depthMax = 100;
/** Parsing is not to keep all other sessions waiting: a value takes a microsecond, however short it is. */
const valuesMax = 300_000;
/** So little is parsed at once, whatever it holds. */
const smallBytes = 65_536;

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** One frame's head; the tail is written after it. */
export function encodeFrameHead(message: Readonly<Record<string, unknown>>, tailBytes: number): Buffer {
  const text = JSON.stringify(message);
  const textBytes = Buffer.byteLength(text);
  const head = Buffer.allocUnsafe(headerBytes + textBytes);
  head.writeUInt32BE(textBytes, 0);
  head.writeUInt32BE(tailBytes, 4);
  head.write(text, headerBytes);
  return head;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;
  private needed = headerBytes;

  /** The frames that are complete with this chunk. @throws FrameError when the bytes are no frames */
  push(chunk: Buffer): Frame[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.needed) return [];
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
    const frames: Frame[] = [];
    let offset = 0;
    this.needed = headerBytes;
    while (bytes.length - offset >= headerBytes) {
      const jsonBytes = bytes.readUInt32BE(offset);
      const tailBytes = bytes.readUInt32BE(offset + 4);
      if (jsonBytes > jsonBytesMax || tailBytes > tailBytesMax) throw new FrameError('a frame is too large');
      const end = offset + headerBytes + jsonBytes + tailBytes;
      if (bytes.length < end) {
        this.needed = end - offset;
        break;
      }
      const middle = offset + headerBytes + jsonBytes;
      frames.push({ message: parse(bytes, offset + headerBytes, middle), tail: bytes.subarray(middle, end) });
      offset = end;
    }
    this.chunks = offset < bytes.length ? [bytes.subarray(offset)] : [];
    this.size = bytes.length - offset;
    return frames;
  }
}

function parse(bytes: Buffer, start: number, end: number): unknown {
  if (end - start > smallBytes) assertModest(bytes.subarray(start, end));
  let message: unknown;
  try {
    message = JSON.parse(bytes.toString('utf8', start, end));
  } catch (error) {
    throw new FrameError('a frame holds no JSON', { cause: error });
  }
  // Each level takes two characters.
  if (end - start > 2 * depthMax && isDeeperThan(depthMax, message)) {
    throw new FrameError('a frame is nested too deeply');
  }
  return message;
}

const [quote = 0, backslash, comma, bracket, brace] = Buffer.from('"\\,[{');

/** Counts what stands outside of strings, before anything is made of it. @throws FrameError */
function assertModest(json: Buffer): void {
  let values = 0;
  for (let place = 0; place < json.length; place += 1) {
    const byte = json[place];
    if (byte === quote) place = endOfString(json, place);
    else if (byte === comma || byte === bracket || byte === brace) {
      values += 1;
      if (values > valuesMax) throw new FrameError('a frame holds too many values');
    }
  }
}

/** Where the string ends that begins here. */
function endOfString(json: Buffer, start: number): number {
  for (let end = json.indexOf(quote, start + 1); end >= 0; end = json.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((item) => isDeeperThan(levels - 1, item));
}
