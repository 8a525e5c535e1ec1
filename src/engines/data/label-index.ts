/**
 * Finds rows by their label without asking the database: a hash table of row numbers. Built beside other work, a
 * piece at a time; until it is there, SQL finds them.
 */
import { nextTurn } from './turns.js';
import type { Cell } from './cells.js';
import { pieceRows } from './column-cache.js';
import type { ColumnReader } from './column-reader.js';
import type { CellSource } from './version.js';

const none = -1;

export class LabelIndex {
  /** Row numbers by hash, open addressing with linear probing. */
  private readonly slots: Int32Array;
  /** The next row with the same label, and for the first one of each label the last: only where labels repeat. */
  private next: Int32Array | null = null;
  private last: Int32Array | null = null;

  private constructor(
    private readonly source: CellSource,
    private readonly reader: ColumnReader,
  ) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, source.store.rows * 2)));
    this.slots = new Int32Array(size).fill(none);
  }

  /** Null when the labels are not at hand: then there is no use in it. */
  static async build(source: CellSource, reader: ColumnReader): Promise<LabelIndex | null> {
    await reader.warm(source);
    const index = new LabelIndex(source, reader);
    const { rows } = source.store;
    for (let start = 0; start < rows; start += pieceRows) {
      // A turn of the event loop between two pieces.
      const labels = await reader.range(source, start, Math.min(start + pieceRows, rows));
      if (!index.add(labels, start)) return null;
      await nextTurn();
    }
    return index;
  }

  /** The rows with a label, in their order; undefined when labels that have to be compared are not at hand. */
  find(label: Cell): number[] | undefined {
    const mask = this.slots.length - 1;
    for (let slot = hashOf(label) & mask; ; slot = (slot + 1) & mask) {
      const row = this.slots[slot] ?? none;
      if (row === none) return [];
      const found = this.reader.peek(this.source, row);
      if (found === undefined) return undefined;
      if (found === label) return this.chain(row);
    }
  }

  private chain(first: number): number[] {
    const rows = [first];
    if (!this.next) return rows;
    for (let row = this.next[first] ?? none; row !== none; row = this.next[row] ?? none) rows.push(row);
    return rows;
  }

  private add(labels: readonly Cell[], start: number): boolean {
    const mask = this.slots.length - 1;
    for (let at = 0; at < labels.length; at += 1) {
      const label = labels[at] ?? null;
      let slot = hashOf(label) & mask;
      for (;;) {
        const row = this.slots[slot] ?? none;
        if (row === none) {
          this.slots[slot] = start + at;
          break;
        }
        const held = row >= start ? (labels[row - start] ?? null) : this.reader.peek(this.source, row);
        if (held === undefined) return false;
        if (held === label) {
          this.repeat(row, start + at);
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    return true;
  }

  private repeat(first: number, row: number): void {
    const { rows } = this.source.store;
    this.next ??= new Int32Array(rows).fill(none);
    this.last ??= new Int32Array(rows).fill(none);
    const last = this.last[first] ?? none;
    this.next[last === none ? first : last] = row;
    this.last[first] = row;
  }
}

/** FNV-1a over the text of a label. */
function hashOf(label: Cell): number {
  const text = typeof label === 'string' ? label : JSON.stringify(label);
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
