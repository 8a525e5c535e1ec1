/**
 * Single cells that are set. They are kept beside their stores, so that setting one costs nothing in the size of the
 * table; when there are many, their columns are written anew.
 */
import { widened } from './cell-types.js';
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { refOf } from './relation.js';
import { castVersion, withColumns } from './version-change.js';
import type { VersionChange } from './version-change.js';
import { columnOf } from './version.js';
import type { CellPatches, Version } from './version.js';

/** Cells of one column beside its store. */
const patchesMax = 128;

export interface CellChange {
  readonly column: string;
  readonly rows: readonly number[];
  readonly cell: Cell;
}

/** Each cell takes its column's type, which widens where it does not fit. @throws column_not_found */
export async function setCells(
  database: Database,
  version: Version,
  changes: readonly CellChange[],
  signal?: AbortSignal,
): Promise<VersionChange> {
  const wide = { ...version, ...(await castVersion(database, version, typesWith(version, changes), signal)) };
  const patches = new Map(wide.patches);
  for (const { column, rows, cell } of changes) {
    const own = new Map(patches.get(column));
    for (const row of rows) own.set(row, cell);
    patches.set(column, own);
  }
  const nulled = new Set(changes.filter(({ cell }) => cell === null).map(({ column }) => column));
  const columns = wide.columns.map((column) =>
    nulled.has(column.name) ? { ...column, nullable: true } : column,
  );
  const patched = { ...wide, columns, patches };
  const many = [...patches].filter(([, own]) => own.size > patchesMax).map(([name]) => name);
  const written = new Map(many.map((name) => [name, refOf(version, name)]));
  const settled = await withColumns(database, patched, written, signal);
  return { columns, patches: new Map<string, CellPatches>(patches), ...settled };
}

/** The types that columns have once these cells are in them. */
function typesWith(version: Version, changes: readonly CellChange[]): Map<string, string> {
  const types = new Map<string, string>();
  for (const { column, cell } of changes) {
    const type = types.get(column) ?? columnOf(version, column).type;
    types.set(column, widened(type, cell));
  }
  return types;
}
