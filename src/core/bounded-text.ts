/**
 * Text of bounded length: its head and its tail, and how much of the whole is left out between them. What was cleared
 * away counts as before, so that places in the whole text stay true.
 */

export interface Gap {
  /** Bytes of UTF-8 that are left out. */
  readonly bytes: number;
  /** Where they begin in the whole text. */
  readonly offset: number;
}

export class BoundedText {
  private readonly half: number;
  private head = '';
  private tail = '';
  /** Bytes of the whole text before `head`. */
  private cleared = 0;
  /** Of the whole text, in bytes of UTF-8. */
  totalBytes = 0;

  /** @param limit characters of head and tail together */
  constructor(limit: number) {
    this.half = Math.floor(limit / 2);
  }

  add(text: string): void {
    if (text === '') return;
    this.totalBytes += Buffer.byteLength(text);
    const room = this.tail === '' ? wholeCharacters(text, this.half - this.head.length) : 0;
    if (room > 0) this.head += text.slice(0, room);
    if (room === text.length) return;
    this.tail += text.slice(room);
    // Cut now and then, not at every piece: cutting copies.
    if (this.tail.length > 2 * this.half + 1024) this.tail = lastCharacters(this.tail, this.half);
  }

  /** Begins anew behind all that was added. */
  clear(): void {
    this.head = '';
    this.tail = '';
    this.cleared = this.totalBytes;
  }

  get isCut(): boolean {
    return this.gap() !== null;
  }

  /** @param mark what stands between head and tail where something is left out */
  toString(mark: (gap: Gap) => string): string {
    const gap = this.gap();
    return gap === null
      ? this.head + this.tail
      : this.head + mark(gap) + lastCharacters(this.tail, this.half);
  }

  private gap(): Gap | null {
    const offset = this.cleared + Buffer.byteLength(this.head);
    const tail = lastCharacters(this.tail, this.half);
    const bytes = this.totalBytes - offset - Buffer.byteLength(tail);
    return bytes === 0 ? null : { bytes, offset };
  }
}

const isLow = (unit: number) => (unit & 0xfc00) === 0xdc00;

/** How many of the first `limit` code units make whole characters. */
function wholeCharacters(text: string, limit: number): number {
  if (limit >= text.length) return text.length;
  return limit > 0 && isLow(text.charCodeAt(limit)) ? limit - 1 : Math.max(0, limit);
}

function lastCharacters(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const start = text.length - limit;
  return text.slice(isLow(text.charCodeAt(start)) ? start + 1 : start);
}
