/**
 * Cells on their way out: what DuckDB holds as what JSON can say. Whole numbers beyond 2^53 and decimals are exact
 * texts, times are ISO 8601, NaN is null, an infinity is the text Infinity or -Infinity, bytes are base64.
 */
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from './duckdb.js';

/** What JSON can say. */
export type Cell = null | boolean | number | string | Cell[] | { [key: string]: Cell };

/**
 * The cells of one column of a chunk, ready for JSON.
 * @param type of the column, as DuckDB writes it: a chunk does not know JSON from text
 */
export function cellsOf(chunk: DuckDBDataChunk, column: number, type: string): Cell[] {
  const vector = chunk.getColumnVector(column);
  const count = chunk.rowCount;
  const cells: Cell[] = new Array<Cell>(count);
  const isJson = type === 'JSON';
  const { DuckDBBigIntVector, DuckDBDoubleVector } = duckdb();
  if (vector instanceof DuckDBDoubleVector || vector instanceof DuckDBBigIntVector) {
    for (let row = 0; row < count; row += 1) cells[row] = numberCell(vector.getItem(row));
    return cells;
  }
  for (let row = 0; row < count; row += 1) {
    const value = vector.getItem(row);
    cells[row] = isJson ? fromJsonText(value) : cellOf(value);
  }
  return cells;
}

const numberCell = (value: number | bigint | null): Cell => {
  if (value === null) return null;
  if (typeof value === 'bigint')
    return value >= -maxSafe && value <= maxSafe ? Number(value) : value.toString();
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? null : String(value);
};
const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

const fromJsonText = (value: DuckDBValue): Cell =>
  typeof value === 'string' ? (JSON.parse(value) as Cell) : null;

export function cellOf(value: DuckDBValue): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return numberCell(value);
  const { DuckDBArrayValue, DuckDBListValue, DuckDBMapValue, DuckDBStructValue, DuckDBUnionValue } = duckdb();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return [...value.items].map(cellOf);
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([name, item]) => [name, cellOf(item)]));
  if (value instanceof DuckDBMapValue)
    return Object.fromEntries(value.entries.map(({ key, value: item }) => [String(key), cellOf(item)]));
  if (value instanceof DuckDBUnionValue) return cellOf(value.value);
  return textCell(value);
}

function textCell(value: DuckDBValue): Cell {
  const { DuckDBBlobValue, DuckDBTimestampTZValue } = duckdb();
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
  if (value instanceof DuckDBTimestampTZValue) return new Date(Number(value.micros / 1000n)).toISOString();
  return isoText(String(value));
}

/** Everything else is told as DuckDB writes it. */
const isoText = (text: string): string =>
  /^\d{4,}-\d{2}-\d{2} \d{2}:\d{2}/.test(text) ? text.replace(' ', 'T') : text;
