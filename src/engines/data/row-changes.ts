/** Changes of rows: sorted, dropped, appended. All rows are written anew, and earlier versions keep theirs. */
import { SojournError } from '../../types/errors.js';
import { storeOfCells } from './cell-store.js';
import { castSql, widened } from './cell-types.js';
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { isInteger } from './dtypes.js';
import { refOf } from './relation.js';
import { castVersion, withRows } from './version-change.js';
import type { VersionChange } from './version-change.js';
import { columnOf, unknownColumn } from './version.js';
import type { Version } from './version.js';

export interface SortKey {
  readonly column: string;
  readonly ascending: boolean;
  readonly nulls: 'first' | 'last';
}

/** Stable: rows that are equal in all keys keep their order. */
export function sortRows(
  database: Database,
  version: Version,
  keys: readonly SortKey[],
  signal?: AbortSignal,
): Promise<VersionChange> {
  const order = keys.flatMap(({ column, ascending, nulls }) => {
    const direction = `${ascending ? 'ASC' : 'DESC'} NULLS ${nulls.toUpperCase()}`;
    return sortable(version, column).map((sql) => `${sql} ${direction}`);
  });
  const by = [...order, '"row"'].join(', ');
  return withRows(database, version, ({ from }) => `${from} ORDER BY ${by}`, { reordered: true, signal });
}

/** Mixed content is in order of its numbers, then of its texts. */
function sortable(version: Version, name: string): string[] {
  if (version.index?.name === name || (version.index === null && name === 'index')) return ['label'];
  const ref = refOf(version, name);
  if (columnOf(version, name).type !== 'JSON') return [ref];
  return [`TRY_CAST(${ref}->>'$' AS DOUBLE)`, `${ref}->>'$'`];
}

/** @param how `any` null among the columns, or `all` of them null */
export function dropNulls(
  database: Database,
  version: Version,
  names: readonly string[],
  how: 'any' | 'all',
  signal?: AbortSignal,
): Promise<VersionChange> {
  const kept = names.map((name) => `${refOf(version, name)} IS NOT NULL`);
  const where = kept.length === 0 ? 'true' : kept.join(how === 'any' ? ' AND ' : ' OR ');
  return withRows(database, version, ({ from }) => `${from} WHERE ${where} ORDER BY "row"`, { signal });
}

/**
 * Rows behind the last one. Columns that a record does not have are null in it; a label stands under the name of the
 * index, and one that is there already is the label of several rows then. @throws column_not_found · data_error for a
 * label that is missing
 */
export async function appendRows(
  database: Database,
  version: Version,
  records: readonly Readonly<Record<string, Cell>>[],
  signal?: AbortSignal,
): Promise<VersionChange> {
  const names = version.columns.map(({ name }) => name);
  const label = version.index?.name;
  for (const name of new Set(records.flatMap(Object.keys)))
    if (name !== label && !names.includes(name)) throw unknownColumn(name, names);
  const cellsOf = (name: string) =>
    records.map((record) => (Object.hasOwn(record, name) ? (record[name] ?? null) : null));
  const labels = label === undefined ? null : await labelsFor(database, version, cellsOf(label), signal);
  if (labels?.includes(null) === true)
    throw new SojournError('data_error', `rows: each needs '${label ?? ''}', which is the index.`);
  const columns = names.map(cellsOf);
  const types = version.columns.map(({ name, type }, place): [string, string] => [
    name,
    (columns[place] ?? []).reduce<string>(widened, type),
  ]);
  const fitting = await castVersion(database, version, new Map(types), signal);
  const added = await storeOfCells(database, [labels ?? records.map(() => null), ...columns], signal);
  const wide = { ...version, ...fitting };
  const at = (place: number, type: string) => castSql(`f${place}`, added.fields[place]?.type ?? 'JSON', type);
  const shown = wide.columns.map(({ type }, place) => `${at(place + 1, type)} AS c${place}`);
  const type = wide.index?.source.type ?? 'BIGINT';
  const own = [
    `${version.rows} + rowid AS "row"`,
    `${wide.index ? at(0, type) : `${version.rows} + rowid`} AS label`,
    ...(wide.inIndex ? ['true AS in_index'] : []),
    ...(wide.inSeries ? ['false AS in_series'] : []),
    ...shown,
  ];
  const joined = (from: string) =>
    `(SELECT * FROM ${from} UNION ALL BY NAME SELECT ${own.join(', ')} FROM ${added.table}) ORDER BY "row"`;
  return withRows(database, wide, ({ from }) => joined(from), { counted: true, signal });
}

/** Rows that were only counted before they were sorted are counted on, where no labels are given. */
async function labelsFor(
  database: Database,
  version: Version,
  given: readonly Cell[],
  signal?: AbortSignal,
): Promise<readonly Cell[]> {
  const { index } = version;
  if (!index || index.name !== 'index' || !isInteger(index.source.type)) return given;
  if (given.some((cell) => cell !== null)) return given;
  const { store, field } = index.source;
  const [last] = await database.row(`SELECT max(${field})::DOUBLE FROM ${store.table}`, [], signal);
  return given.map((_cell, at) => Number(last ?? -1) + 1 + at);
}
