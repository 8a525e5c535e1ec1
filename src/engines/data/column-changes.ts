/** Changes of columns: added, renamed, dropped, cast, filled. Only what changes is written. */
import { isSojournError, SojournError } from '../../types/errors.js';
import { storeOfCells } from './cell-store.js';
import { castSql, typeOfCells, widened } from './cell-types.js';
import type { Cell } from './cells.js';
import type { Database } from './database.js';
import { isFloat, isInteger } from './dtypes.js';
import { literalOf, refOf } from './relation.js';
import { columnAt, patchesWithout, withColumns } from './version-change.js';
import type { VersionChange } from './version-change.js';
import { columnOf, reservedPrefix } from './version.js';
import type { Column, Version } from './version.js';

/** The types that a column can be cast to, by pandas' names and DuckDB's. */
const castTypes: Readonly<Record<string, string>> = {
  int64: 'BIGINT',
  int32: 'INTEGER',
  int16: 'SMALLINT',
  int8: 'TINYINT',
  uint64: 'UBIGINT',
  uint32: 'UINTEGER',
  float64: 'DOUBLE',
  float32: 'FLOAT',
  int: 'BIGINT',
  float: 'DOUBLE',
  bool: 'BOOLEAN',
  boolean: 'BOOLEAN',
  str: 'VARCHAR',
  string: 'VARCHAR',
  text: 'VARCHAR',
  object: 'JSON',
  date: 'DATE',
  datetime: 'TIMESTAMP',
  'datetime64[ns]': 'TIMESTAMP_NS',
  'datetime64[us]': 'TIMESTAMP',
};
export const castTypeNames = Object.keys(castTypes) as [string, ...string[]];

/** @throws invalid_params */
export function checkNewName(version: Version, name: string): void {
  if (name.startsWith(reservedPrefix))
    throw new SojournError('invalid_params', `column: names that begin with ${reservedPrefix} are reserved.`);
  const taken = version.index?.name === name || version.columns.some((column) => column.name === name);
  if (taken)
    throw new SojournError('invalid_params', `column: there is a column '${name}' already.`, {
      column: name,
    });
}

/** @param cells one for each row, or a single one for all */
export async function addColumn(
  database: Database,
  version: Version,
  name: string,
  cells: { readonly value: Cell } | { readonly values: readonly Cell[] },
  signal?: AbortSignal,
): Promise<VersionChange> {
  checkNewName(version, name);
  const placeholder: Column = { ...version.rowSource, name, section: 'output', nullable: false };
  const extended = { ...version, columns: [...version.columns, placeholder] };
  if ('values' in cells) {
    const { length } = cells.values;
    if (length !== version.rows) {
      const detail = `values: ${length} values for ${version.rows} rows; give one for each.`;
      throw new SojournError('data_error', detail);
    }
    const store = await storeOfCells(database, [cells.values], signal);
    return { columns: [...version.columns, columnAt(store, 0, name, 'output')] };
  }
  const sql = literalOf(cells.value, typeOfCells([cells.value]));
  return withColumns(database, extended, new Map([[name, sql]]), signal);
}

export function renameColumns(version: Version, names: ReadonlyMap<string, string>): VersionChange {
  for (const name of names.keys()) columnOf(version, name);
  const columns = version.columns.map((column) => ({
    ...column,
    name: names.get(column.name) ?? column.name,
  }));
  const all = [...columns.map(({ name }) => name), ...(version.index ? [version.index.name] : [])];
  const twice = all.find((name, at) => all.indexOf(name) !== at);
  if (twice !== undefined)
    throw new SojournError('invalid_params', `columns: there would be two columns '${twice}'.`, {
      column: twice,
    });
  const reserved = all.find((name) => name.startsWith(reservedPrefix));
  if (reserved !== undefined) checkNewName(version, reserved);
  const patches = new Map([...version.patches].map(([name, own]) => [names.get(name) ?? name, own]));
  return { columns, patches };
}

export function dropColumns(version: Version, names: readonly string[]): VersionChange {
  for (const name of names) columnOf(version, name);
  const columns = version.columns.filter(({ name }) => !names.includes(name));
  return { columns, patches: patchesWithout(version, names) };
}

/** @throws data_error in DuckDB's words when a cell does not fit · invalid_params for a type that is not known */
export function castColumns(
  database: Database,
  version: Version,
  types: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<VersionChange> {
  const expressions = [...types].map(([name, dtype]): [string, string] => {
    const { type } = columnOf(version, name);
    const to = castTypes[dtype];
    if (to === undefined) {
      const detail = `types: '${dtype}' is no type to cast to; there are ${castTypeNames.join(', ')}.`;
      throw new SojournError('invalid_params', detail, { column: name });
    }
    const ref = refOf(version, name);
    const plain = type === 'JSON' && to !== 'JSON' ? `(${ref}->>'$')` : ref;
    const from = type === 'JSON' && to !== 'JSON' ? 'VARCHAR' : type;
    return [name, isFloat(from) && isInteger(to) ? wholeSql(plain, to) : castSql(plain, from, to)];
  });
  return withColumns(database, version, new Map(expressions), signal).catch((error: unknown) => {
    if (!isSojournError(error, 'data_error')) throw error;
    const names = [...types].map(([name, to]) => `'${name}' to ${to}`).join(', ');
    throw new SojournError('data_error', `${names} cannot be cast: ${error.detail}`, {}, { cause: error });
  });
}

/** What has a fraction is no whole number, and is not rounded to one. */
const wholeSql = (sql: string, to: string): string =>
  `CASE WHEN ${sql} IS NULL OR ${sql} = trunc(${sql}) THEN ${sql}::${to} ` +
  `ELSE error('a value has a fraction: round it first, or keep floats') END`;

/** Puts a value in the place of nulls; the column's type widens where the value asks for it. */
export function fillNulls(
  database: Database,
  version: Version,
  names: readonly string[],
  value: Cell,
  signal?: AbortSignal,
): Promise<VersionChange> {
  const expressions = names.map((name): [string, string] => {
    const { type } = columnOf(version, name);
    const to = widened(type, value);
    return [name, `coalesce(${castSql(refOf(version, name), type, to)}, ${literalOf(value, to)})`];
  });
  return withColumns(database, version, new Map(expressions), signal);
}
