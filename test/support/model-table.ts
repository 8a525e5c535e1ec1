/** A table as plain JavaScript: what the answers of a data session are compared with. */
import type { Cell } from '../../src/types/tables.js';

export type Kind = 'int' | 'float' | 'text' | 'bool' | 'mixed';
export type Scalar = string | number | boolean | null;

export interface ModelColumn {
  readonly name: string;
  readonly kind: Kind;
  readonly cells: readonly Scalar[];
}

export interface ModelTable {
  /** The name of the index; null where rows are counted. */
  readonly index: string | null;
  readonly labels: readonly Scalar[];
  readonly columns: readonly ModelColumn[];
}

export type ModelCondition =
  | { readonly column: string; readonly operator: string; readonly value?: Scalar | readonly Scalar[] }
  | { readonly and: readonly ModelCondition[] }
  | { readonly or: readonly ModelCondition[] }
  | { readonly not: ModelCondition };

export interface ModelSortKey {
  readonly column: string;
  readonly ascending: boolean;
}

export const columnNamed = ({ columns }: ModelTable, name: string): ModelColumn =>
  columns.find((column) => column.name === name)!;

/** The order of texts is that of their bytes. */
function compare(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) - Number(b);
}

const tests: Readonly<Record<string, (cell: Scalar, value: Scalar) => boolean>> = {
  '==': (cell, value) => cell === value,
  '>': (cell, value) => compare(cell, value) > 0,
  '>=': (cell, value) => compare(cell, value) >= 0,
  '<': (cell, value) => compare(cell, value) < 0,
  '<=': (cell, value) => compare(cell, value) <= 0,
  contains: (cell, value) => String(cell).includes(String(value)),
  startswith: (cell, value) => String(cell).startsWith(String(value)),
  endswith: (cell, value) => String(cell).endsWith(String(value)),
};
const opposites: Readonly<Record<string, string>> = {
  '!=': '==',
  'not in': 'in',
  'not contains': 'contains',
  'is not null': 'is null',
};

export function matches(table: ModelTable, row: number, condition: ModelCondition): boolean {
  if ('and' in condition) return condition.and.every((part) => matches(table, row, part));
  if ('or' in condition) return condition.or.some((part) => matches(table, row, part));
  if ('not' in condition) return !matches(table, row, condition.not);
  const { column, operator, value = null } = condition;
  const opposite = opposites[operator];
  if (opposite !== undefined) return !matches(table, row, { ...condition, operator: opposite });
  const cell = columnNamed(table, column).cells[row]!;
  if (operator === 'is null') return cell === null;
  if (cell === null) return false;
  const values: readonly Scalar[] = typeof value === 'object' && value !== null ? value : [value];
  if (operator === 'in') return values.includes(cell);
  if (operator === 'between') return compare(cell, values[0]!) >= 0 && compare(cell, values[1]!) <= 0;
  return tests[operator]!(cell, values[0]!);
}

export const rowsThat = (table: ModelTable, condition: ModelCondition): number[] =>
  table.labels.flatMap((_label, row) => (matches(table, row, condition) ? [row] : []));

export function takeRows(table: ModelTable, rows: readonly number[]): ModelTable {
  return {
    ...table,
    labels: rows.map((row) => table.labels[row]!),
    columns: table.columns.map((column) => ({ ...column, cells: rows.map((row) => column.cells[row]!) })),
  };
}

export const takeColumns = (table: ModelTable, names: readonly string[]): ModelTable => ({
  ...table,
  columns: names.map((name) => columnNamed(table, name)),
});

/** Rows that were counted keep their numbers as labels. */
export const labelled = (table: ModelTable): ModelTable => ({ ...table, index: table.index ?? 'index' });

export function sorted(
  table: ModelTable,
  keys: readonly ModelSortKey[],
  nulls: 'first' | 'last',
): ModelTable {
  const order = (a: number, b: number): number => {
    for (const { column, ascending } of keys) {
      const { cells } = columnNamed(table, column);
      const [one, other] = [cells[a]!, cells[b]!];
      if (one === null && other === null) continue;
      if (one === null || other === null) return (one === null) === (nulls === 'first') ? -1 : 1;
      const found = compare(one, other);
      if (found !== 0) return ascending ? found : -found;
    }
    return a - b;
  };
  return labelled(takeRows(table, [...table.labels.keys()].sort(order)));
}

const kindOf = (cell: Scalar): Kind | null => {
  if (cell === null) return null;
  if (typeof cell === 'string') return 'text';
  if (typeof cell === 'boolean') return 'bool';
  return Number.isInteger(cell) ? 'int' : 'float';
};

/** The kind of a column once a cell is in it. */
export function widerKind(kind: Kind, cell: Scalar): Kind {
  const own = kindOf(cell);
  if (own === null || own === kind || (kind === 'float' && own === 'int')) return kind;
  return kind === 'int' && own === 'float' ? 'float' : 'mixed';
}

/** Of cells that begin a column. */
export function kindOfAll(cells: readonly Scalar[]): Kind {
  const filled = cells.filter((cell) => cell !== null);
  return filled.reduce<Kind>(widerKind, kindOf(filled[0] ?? null) ?? 'mixed');
}

export function withCells(column: ModelColumn, changes: ReadonlyMap<number, Scalar>): ModelColumn {
  const kind = [...changes.values()].reduce<Kind>(widerKind, column.kind);
  return {
    ...column,
    kind,
    cells: column.cells.map((cell, row) => changes.get(row) ?? (changes.has(row) ? null : cell)),
  };
}

export const replaceColumn = (table: ModelTable, made: ModelColumn): ModelTable => ({
  ...table,
  columns: table.columns.map((column) => (column.name === made.name ? made : column)),
});

export function appended(table: ModelTable, rows: readonly Readonly<Record<string, Scalar>>[]): ModelTable {
  const { index } = table;
  const labels =
    index === null
      ? [...table.labels, ...rows].map((_label, row) => row)
      : [...table.labels, ...rows.map((row) => row[index]!)];
  const columns = table.columns.map((column) => {
    const added = rows.map((row) => row[column.name] ?? null);
    return {
      ...column,
      kind: added.reduce<Kind>(widerKind, column.kind),
      cells: [...column.cells, ...added],
    };
  });
  return { ...table, labels, columns };
}

/** Values in the order of their first appearance. */
export const uniqueOf = ({ cells }: ModelColumn): Scalar[] => [
  ...new Set(cells.filter((cell) => cell !== null)),
];

export const countOf = ({ cells }: ModelColumn, value: Scalar): number =>
  cells.filter((cell) => cell === value).length;

function quantile(ordered: readonly number[], q: number): number | null {
  if (ordered.length === 0) return null;
  const at = (ordered.length - 1) * q;
  const low = ordered[Math.floor(at)]!;
  return low + (ordered[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

export function statsOf(column: ModelColumn): Record<string, Cell> {
  const filled = column.cells.filter((cell) => cell !== null);
  const unique = uniqueOf(column);
  const counts = {
    count: filled.length,
    null_count: column.cells.length - filled.length,
    unique: unique.length,
  };
  if (column.kind === 'int' || column.kind === 'float') {
    const ordered = filled.map(Number).sort((a, b) => a - b);
    const sum = ordered.reduce((all, cell) => all + cell, 0);
    const mean = ordered.length === 0 ? null : sum / ordered.length;
    const squares = ordered.reduce((all, cell) => all + (cell - (mean ?? 0)) ** 2, 0);
    const std = ordered.length < 2 ? null : Math.sqrt(squares / (ordered.length - 1));
    const quantiles = {
      '25%': quantile(ordered, 0.25),
      '50%': quantile(ordered, 0.5),
      '75%': quantile(ordered, 0.75),
    };
    return { ...counts, mean, std, min: ordered[0] ?? null, ...quantiles, max: ordered.at(-1) ?? null, sum };
  }
  const most = Math.max(0, ...unique.map((value) => countOf(column, value)));
  const top = unique.find((value) => countOf(column, value) === most) ?? null;
  const truths: Record<string, Cell> =
    column.kind === 'bool' ? { true_count: countOf(column, true), false_count: countOf(column, false) } : {};
  return { ...counts, top, freq: most, ...truths };
}

/** Rows from `start` to `end` as a slice has them. */
export function sliceOf(table: ModelTable, start?: number, end?: number): ModelTable {
  const rows = [...table.labels.keys()];
  return takeRows(table, rows.slice(start ?? 0, end ?? rows.length));
}

export const recordsOf = ({ labels, columns }: ModelTable): Record<string, Scalar>[] =>
  labels.map((_label, row) => Object.fromEntries(columns.map(({ name, cells }) => [name, cells[row]!])));
