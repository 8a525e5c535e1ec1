/**
 * Values that were parsed here as columns of a table, each with the narrowest type that holds all of its cells:
 * mixed and nested content becomes JSON.
 */
import { loadErrors } from '../load-errors.js';
import type { ParsedRecord, ParsedValue } from '../parsed-value.js';
import { isRecord, jsonText } from '../parsed-value.js';

export interface ValueColumn {
  readonly name: string;
  readonly cells: ParsedValue[];
}

/** What the database is given, and what it makes of it. */
export interface TypedColumn {
  readonly name: string;
  readonly stored: 'BOOLEAN' | 'BIGINT' | 'HUGEINT' | 'DOUBLE' | 'VARCHAR';
  readonly type: string;
}
export type StoredCell = null | boolean | bigint | number | string;

export interface TypedTable {
  readonly columns: readonly TypedColumn[];
  readonly rows: number;
  /** By column. */
  readonly cells: readonly (readonly StoredCell[])[];
}

/**
 * A list of records, lists by column, or one record as columns.
 * @throws data_error for anything else
 */
export function columnsOf(value: ParsedValue, what: string): ValueColumn[] {
  if (Array.isArray(value)) return fromRecords(value, what);
  if (!isRecord(value))
    throw loadErrors.data(`${what} must be a list of records, lists by column, or one record.`);
  const members = Object.entries(value);
  const lists = members.flatMap(([name, cells]) => (Array.isArray(cells) ? [{ name, cells }] : []));
  if (members.length === 0 || lists.length < members.length) return fromRecords([value], what);
  const lengths = new Set(lists.map(({ cells }) => cells.length));
  if (lengths.size > 1) throw loadErrors.data(`${what}: all columns must be of the same length.`);
  return lists;
}

/** Columns in the order of their first appearance; what a record does not have is null. */
export function fromRecords(records: readonly ParsedValue[], what: string): ValueColumn[] {
  const columns = new Map<string, ParsedValue[]>();
  records.forEach((record, row) => {
    if (!isRecord(record))
      throw loadErrors.data(`${what} must be a list of records; entry ${row + 1} is none.`);
    for (const [name, cell] of Object.entries(record)) {
      let cells = columns.get(name);
      if (!cells) columns.set(name, (cells = new Array<ParsedValue>(records.length).fill(null)));
      cells[row] = cell;
    }
  });
  return [...columns].map(([name, cells]) => ({ name, cells }));
}

export function typedTable(columns: readonly ValueColumn[], rows: number): TypedTable {
  const typed = columns.map((column) => typedColumn(column));
  return { rows, columns: typed.map(({ column }) => column), cells: typed.map(({ cells }) => cells) };
}

export const rowsOf = (columns: readonly ValueColumn[]): number => columns[0]?.cells.length ?? 0;

function typedColumn({ name, cells }: ValueColumn): { column: TypedColumn; cells: StoredCell[] } {
  const kind = common(cells.map(kindOf));
  if (kind === 'boolean') return stored(name, 'BOOLEAN', cells, (cell) => (cell === true ? true : false));
  if (kind === 'integer') return stored(name, 'BIGINT', cells, (cell) => BigInt(cell as number | bigint));
  if (kind === 'huge') return stored(name, 'HUGEINT', cells, (cell) => BigInt(cell as number | bigint));
  if (kind === 'float') return stored(name, 'DOUBLE', cells, Number);
  if (kind === 'text' || kind === 'endless') return stored(name, 'VARCHAR', cells, String);
  const type = kind === 'list' ? listType(cells) : 'JSON';
  return stored(name, 'VARCHAR', cells, jsonText, type);
}

function stored(
  name: string,
  type: TypedColumn['stored'],
  cells: readonly ParsedValue[],
  convert: (cell: ParsedValue) => StoredCell,
  final: string = type,
): { column: TypedColumn; cells: StoredCell[] } {
  return {
    column: { name, stored: type, type: final },
    cells: cells.map((cell) => (cell === null ? null : convert(cell))),
  };
}

type Kind = 'null' | 'boolean' | 'integer' | 'huge' | 'endless' | 'float' | 'text' | 'list' | 'mixed';

const int64 = 2n ** 63n;
const int128 = 2n ** 127n;

function kindOf(value: ParsedValue): Kind {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'float';
  if (typeof value !== 'bigint') return Array.isArray(value) ? 'list' : 'mixed';
  if (value >= -int64 && value < int64) return 'integer';
  return value >= -int128 && value < int128 ? 'huge' : 'endless';
}

/** The narrowest kind that all cells are of. */
function common(kinds: readonly Kind[]): Kind {
  const found = new Set(kinds.filter((kind) => kind !== 'null'));
  if (found.size === 1) return [...found][0] ?? 'mixed';
  const only = (...allowed: Kind[]) => found.size > 0 && [...found].every((kind) => allowed.includes(kind));
  if (only('integer', 'huge')) return 'huge';
  if (only('integer', 'huge', 'endless')) return 'endless';
  return only('integer', 'huge', 'float') ? 'float' : 'mixed';
}

const elementTypes: Partial<Record<Kind, string>> = {
  boolean: 'BOOLEAN[]',
  integer: 'BIGINT[]',
  float: 'DOUBLE[]',
  text: 'VARCHAR[]',
};

function listType(cells: readonly ParsedValue[]): string {
  const elements = cells.flatMap((cell) => (Array.isArray(cell) ? cell : []));
  return elementTypes[common(elements.map(kindOf))] ?? 'JSON';
}

/** Nested mappings as columns of their own with dotted names. */
export function flattened(record: ParsedRecord, prefix = ''): ParsedRecord {
  const entries = Object.entries(record).flatMap(([key, value]): [string, ParsedValue][] => {
    const name = `${prefix}${key}`;
    return isRecord(value) && Object.keys(value).length > 0
      ? Object.entries(flattened(value, `${name}.`))
      : [[name, value]];
  });
  return Object.fromEntries(entries);
}
