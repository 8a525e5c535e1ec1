/**
 * A version of a session's table: which column of which store stands where. Versions never change and cost next to
 * nothing: what one has in common with the other is the same store.
 */
import { SojournError } from '../../types/errors.js';
import { nearest } from '../../core/nearest.js';
import type { Cell } from './cells.js';
import type { Store } from './store.js';

/** Where a column of an interface file comes from; `input` for everything that was loaded directly. */
export const sections = [
  'input',
  'data',
  'constants',
  'global_consts',
  'output',
  'writedata',
  'series',
  'writeseries',
  'parameters',
  'globals',
  'cache',
  'series_cache',
  'parameter_cache',
  'global_cache',
] as const;
export type Section = (typeof sections)[number];

/** Cells of a store, one for each row. */
export interface CellSource {
  readonly store: Store;
  readonly field: string;
  readonly type: string;
}

export interface Column extends CellSource {
  readonly name: string;
  readonly section: Section;
  /** Whether it has nulls. */
  readonly nullable: boolean;
}

/** Single cells that differ from their store, by row. */
export type CellPatches = ReadonlyMap<number, Cell>;

export interface Version {
  /** The journal place of the write that made it; 0 for what was loaded first. */
  readonly seq: number;
  readonly parent: number | null;
  /** What made it. */
  readonly operation: string;
  readonly rows: number;
  /** In their order, the index left out. */
  readonly columns: readonly Column[];
  /** The labels of the rows; null: they are counted from 0. */
  readonly index: { readonly name: string; readonly source: CellSource } | null;
  /** Any field of a store with these rows: a table without columns has rows all the same. */
  readonly rowSource: CellSource;
  /** Rows whose label belongs to the session's index; null: all do. */
  readonly inIndex: CellSource | null;
  /** Rows that are rows of a series; null: there is none. */
  readonly inSeries: CellSource | null;
  /** By the name of the column. */
  readonly patches: ReadonlyMap<string, CellPatches>;
}

/** Names that begin with this are ours. */
export const reservedPrefix = '__sojourn_';

/** @throws column_not_found with the nearest names */
export function columnOf(version: Version, name: string): Column {
  const found = version.columns.find((column) => column.name === name);
  if (found) return found;
  throw unknownColumn(
    name,
    version.columns.map((column) => column.name),
  );
}

export function unknownColumn(name: string, names: readonly string[]): SojournError {
  const meant = nearest(name, names);
  const shown = names.slice(0, 20).map((one) => `'${shortened(one)}'`);
  const rest = names.length > 20 ? `, … (${names.length} in all)` : '';
  const hint = meant === undefined ? '.' : `; did you mean '${shortened(meant)}'?`;
  const detail = `No column '${shortened(name)}'${hint} Columns are ${shown.join(', ')}${rest}.`;
  return new SojournError('column_not_found', detail, { column: shortened(name), nearest: meant ?? null });
}

/** What is told in an answer: a text of any length came from outside. */
export const shortened = (text: string): string =>
  text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
const shownLength = 200;
