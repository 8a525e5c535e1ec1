/**
 * The focus of a session: an index, a column, and of series a selector with a value of it. It belongs to the session,
 * not to a client, and whatever fails leaves it as it was.
 */
import { SojournError } from '../../types/errors.js';
import type { Cell } from './cells.js';
import type { Label } from './row-finder.js';
import { isInput, isParameter, isSeries } from './sections.js';
import { columnOf, unknownColumn } from './version.js';
import type { Column, Version } from './version.js';

export interface Focus {
  readonly index: Label | null;
  /** `_` is nowhere. */
  readonly column: string | null;
  readonly selector: string | null;
  readonly subindex: Cell;
}

/** The column that is nowhere. */
export const nowhere = '_';

/** What reads cells for it. */
export interface CellReads {
  rows(label: Label): Promise<readonly number[]>;
  cell(column: Column, row: number): Promise<Cell>;
  /** True of a row of a series. */
  inSeries(row: number): Promise<boolean>;
  /** True of a row whose label is one of the session's index. */
  inIndex(row: number): Promise<boolean>;
}

/** @throws index_not_found */
export async function withIndex(focus: Focus, index: Label, reads: CellReads): Promise<Focus> {
  const [row] = await reads.rows(index);
  if (row === undefined || !(await reads.inIndex(row))) {
    throw new SojournError('index_not_found', `Index ${JSON.stringify(index)} not found in data.`, { index });
  }
  return { ...focus, index };
}

/** @throws column_not_found */
export function withColumn(focus: Focus, column: string, version: Version): Focus {
  if (column !== nowhere && column !== version.index?.name) columnOf(version, column);
  return { ...focus, column };
}

/** @throws column_not_found, also for what is no column of a series */
export function withSelector(focus: Focus, name: string, version: Version): Focus {
  const column = version.columns.find((candidate) => candidate.name === name);
  if (column && isSeries(column)) return { ...focus, selector: name };
  const series = version.columns.filter(isSeries).map((candidate) => candidate.name);
  if (!column) throw withReason(unknownColumn(name, series), 'selector');
  const detail = `Column "${name}" is not a series column; ${series.length > 0 ? `series columns are ${series.join(', ')}` : 'this session has no series'}.`;
  throw new SojournError('column_not_found', detail, { column: name, reason: 'not_series' });
}

/** @throws index_not_found for what the selector does not have under the focused index */
export async function withSubindex(
  focus: Focus,
  value: Cell,
  version: Version,
  reads: CellReads,
): Promise<Focus> {
  const values = await selectorValues(focus, version, reads);
  if (values.includes(value)) return { ...focus, subindex: value };
  const detail = `The selector has no value ${JSON.stringify(value)} under the focused index; it has ${JSON.stringify(values.slice(0, 20))}.`;
  throw new SojournError('index_not_found', detail, { subindex: value, reason: 'subindex' });
}

/** The subindex that counts: one that the focused index does not have reads as unset, which is that of its last row. */
export async function subindexOf(focus: Focus, version: Version, reads: CellReads): Promise<Cell> {
  const values = await selectorValues(focus, version, reads);
  return values.includes(focus.subindex) ? focus.subindex : (values.at(-1) ?? null);
}

export async function selectorValues(focus: Focus, version: Version, reads: CellReads): Promise<Cell[]> {
  if (focus.selector === null || focus.index === null) return [];
  const column = columnOf(version, focus.selector);
  const rows = await seriesRows(focus.index, reads);
  return Promise.all(rows.map((row) => reads.cell(column, row)));
}

/** Rows of the series under a label, in their order. */
export async function seriesRows(label: Label, reads: CellReads): Promise<number[]> {
  const rows = await reads.rows(label);
  const marks = await Promise.all(rows.map((row) => reads.inSeries(row)));
  return rows.filter((_row, at) => marks[at] === true);
}

/** The cell that the focus means. @throws column_not_found when a selector is needed and not set */
export async function focusedCell(focus: Focus, version: Version, reads: CellReads): Promise<Cell> {
  const { column: name, index } = focus;
  if (name === null || name === nowhere) return null;
  if (name === version.index?.name) return index;
  const column = columnOf(version, name);
  if (isParameter(column)) return version.rows > 0 ? reads.cell(column, 0) : null;
  if (index === null) return null;
  const row = isSeries(column) ? await focusedSeriesRow(focus, version, reads) : (await reads.rows(index))[0];
  return row === undefined ? null : reads.cell(column, row);
}

/** Undefined when the focused index has no row in the series. @throws column_not_found */
export async function focusedSeriesRow(
  focus: Focus,
  version: Version,
  reads: CellReads,
): Promise<number | undefined> {
  if (focus.index === null) return undefined;
  const rows = await seriesRows(focus.index, reads);
  if (rows.length <= 1) return rows[0];
  if (focus.selector === null)
    throw new SojournError('column_not_found', 'Selector not set.', { reason: 'selector_unset' });
  const values = await selectorValues(focus, version, reads);
  const at = values.lastIndexOf(await subindexOf(focus, version, reads));
  return rows[at];
}

/** @throws data_error for columns whose cells cannot be set */
export function checkMutable(column: Column): void {
  const { name } = column;
  if (isInput(column)) {
    const detail = `Column "${name}" is immutable and cannot be modified.`;
    throw new SojournError('data_error', detail, { column: name, reason: 'immutable' });
  }
  if (isParameter(column)) {
    const detail = `Column "${name}" has one value for all rows: single cells of it cannot be modified.`;
    throw new SojournError('data_error', detail, { column: name, reason: 'parameters' });
  }
}

const withReason = (error: SojournError, reason: string): SojournError =>
  new SojournError(error.code, error.detail, { ...error.fields, reason });
