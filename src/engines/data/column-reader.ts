/** Reads cells of stores by row, from the cache where it has them; what it misses is fetched a piece at a time. */
import { cellsOf } from './cells.js';
import type { Cell } from './cells.js';
import { pieceRows } from './column-cache.js';
import type { ColumnCache, Piece } from './column-cache.js';
import type { Database } from './database.js';
import type { CellSource } from './version.js';

export class ColumnReader {
  private readonly warming = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly cache: ColumnCache,
  ) {}

  /** A cell that is at hand; undefined when it has to be fetched. */
  peek(source: CellSource, row: number): Cell | undefined {
    const piece = this.cache.get(this.key(source, Math.floor(row / pieceRows)));
    return piece === undefined ? undefined : (piece[row % pieceRows] ?? null);
  }

  /** True when a whole column is there, as far as its ends tell. */
  isAtHand(source: CellSource): boolean {
    const { rows } = source.store;
    const has = (row: number) => this.cache.has(this.key(source, Math.floor(row / pieceRows)));
    return rows === 0 || (has(0) && has(rows - 1));
  }

  async cell(source: CellSource, row: number, signal?: AbortSignal): Promise<Cell> {
    const piece = await this.piece(source, Math.floor(row / pieceRows), signal);
    return piece[row % pieceRows] ?? null;
  }

  /** The cells from `start` up to `end`. */
  async range(source: CellSource, start: number, end: number, signal?: AbortSignal): Promise<Cell[]> {
    const cells: Cell[] = [];
    for (let row = start; row < end;) {
      const number = Math.floor(row / pieceRows);
      const piece = await this.piece(source, number, signal);
      const from = row - number * pieceRows;
      const upTo = Math.min(end - number * pieceRows, pieceRows);
      for (let at = from; at < upTo; at += 1) cells.push(piece[at] ?? null);
      row = number * pieceRows + upTo;
    }
    return cells;
  }

  /** The cells of single rows, in the order given. */
  async gather(source: CellSource, rows: readonly number[], signal?: AbortSignal): Promise<Cell[]> {
    const cells = new Array<Cell>(rows.length);
    let number = -1;
    let piece: Piece = [];
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at] ?? 0;
      const wanted = Math.floor(row / pieceRows);
      if (wanted !== number) {
        number = wanted;
        piece = this.cache.get(this.key(source, number)) ?? (await this.piece(source, number, signal));
      }
      cells[at] = piece[row - number * pieceRows] ?? null;
    }
    return cells;
  }

  /** Brings a whole column to hand, beside other work. Resolves when it is there, or there is no room for it. */
  warm(source: CellSource): Promise<void> {
    const key = this.key(source, 0).slice(0, -1);
    const under = this.warming.get(key);
    if (under) return under;
    const warming = this.fill(source);
    this.warming.set(key, warming);
    return warming;
  }

  private async fill(source: CellSource): Promise<void> {
    const { store, field } = source;
    // Numbers take 8 bytes; of texts it shows as they come.
    if (!this.cache.hasRoomFor(store.rows * 8)) return;
    let number = 0;
    let cells: Cell[] = [];
    for await (const chunk of this.database.stream(`SELECT ${field} FROM ${store.table}`)) {
      for (const cell of cellsOf(chunk, 0, source.type)) {
        cells.push(cell);
        if (cells.length < pieceRows) continue;
        this.cache.put(this.key(source, number), cells);
        number += 1;
        cells = [];
      }
    }
    if (cells.length > 0) this.cache.put(this.key(source, number), cells);
  }

  private piece(source: CellSource, number: number, signal?: AbortSignal): Promise<Piece> {
    const { store, field } = source;
    return this.cache.load(this.key(source, number), async () => {
      const from = number * pieceRows;
      const range = `rowid >= ${from} AND rowid < ${from + pieceRows}`;
      const sql = `SELECT ${field} FROM ${store.table} WHERE ${range} ORDER BY rowid`;
      const { columns } = await this.database.read(sql, [], signal);
      return columns[0] ?? [];
    });
  }

  private key({ store, field }: CellSource, number: number): string {
    return `${this.database.folder}/${store.table}.${field}/${number}`;
  }
}
