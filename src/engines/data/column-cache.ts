/**
 * Columns at hand: pieces of the columns of all sessions as cells that are ready for JSON, so that a point read asks
 * no database. What was not used for longest goes first when there is too much.
 */
import type { CacheCounts } from '../../types/engine.js';
import type { Cell } from './cells.js';

/** Rows of one piece. */
export const pieceRows = 16_384;

export type Piece = readonly Cell[];

interface Held {
  readonly piece: Piece;
  readonly bytes: number;
}

export class ColumnCache {
  /** In the order of use. */
  private readonly held = new Map<string, Held>();
  private readonly coming = new Map<string, Promise<Piece>>();
  private bytes = 0;
  private hits = 0;
  private misses = 0;

  constructor(private readonly maxBytes: number) {}

  /** Pieces that were there when they were asked for, and those that had to be fetched. */
  get counts(): CacheCounts {
    return { hits: this.hits, misses: this.misses };
  }

  has(key: string): boolean {
    return this.held.has(key);
  }

  /** A piece that is there; counts as its use. */
  get(key: string): Piece | undefined {
    const found = this.held.get(key);
    if (found === undefined) return undefined;
    this.hits += 1;
    this.held.delete(key);
    this.held.set(key, found);
    return found.piece;
  }

  /** The piece, fetched if need be; however many ask, it is fetched once. */
  load(key: string, fetch: () => Promise<Piece>): Promise<Piece> {
    const found = this.get(key);
    if (found) return Promise.resolve(found);
    const under = this.coming.get(key);
    if (under) return under;
    this.misses += 1;
    const coming = fetch()
      .then((piece) => {
        this.put(key, piece);
        return piece;
      })
      .finally(() => this.coming.delete(key));
    this.coming.set(key, coming);
    return coming;
  }

  put(key: string, piece: Piece): void {
    const before = this.held.get(key);
    if (before) this.bytes -= before.bytes;
    this.held.delete(key);
    const bytes = bytesOf(piece);
    this.held.set(key, { piece, bytes });
    this.bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.held) {
      if (this.bytes <= this.maxBytes) return;
      this.held.delete(oldest);
      this.bytes -= freed;
    }
  }

  /** True when so much, pushing out what was not used for long, leaves the others most of the room. */
  hasRoomFor(bytes: number): boolean {
    return bytes <= this.maxBytes / 4;
  }

  /** Forgets what belongs to a database that is gone. */
  forget(prefix: string): void {
    for (const [key, { bytes }] of this.held) {
      if (!key.startsWith(prefix)) continue;
      this.held.delete(key);
      this.bytes -= bytes;
    }
  }
}

/** About what the cells take in memory: texts as V8 holds them, anything nested by a guess. */
function bytesOf(piece: Piece): number {
  let bytes = 64;
  for (const cell of piece) {
    if (typeof cell === 'string') bytes += 24 + cell.length;
    else bytes += typeof cell === 'object' && cell !== null ? 200 : 8;
  }
  return bytes;
}
