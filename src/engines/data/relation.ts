/**
 * A version as something that SQL can select from. Inside, columns are called c0, c1 … by their place in the version,
 * because DuckDB does not tell `a` from `A` and pandas does; `row` is the position from 0, `label` the label.
 */
import type { Cell } from './cells.js';
import { textLiteral } from './sql-text.js';
import type { CellSource, Column, Version } from './version.js';
import { columnOf } from './version.js';

export interface Relation {
  readonly version: Version;
  /** What stands behind FROM: has the columns `row`, `label` and c0, c1 … of the columns that were asked for. */
  readonly from: string;
  /** The SQL name of a column. @throws column_not_found */
  ref(name: string): string;
}

/** The SQL name of a column in a relation. @throws column_not_found */
export const refOf = (version: Version, name: string): string =>
  `c${version.columns.indexOf(columnOf(version, name))}`;

/**
 * @param names the columns that will be used; all when left out
 * @param where a condition on the columns of the relation, as SQL
 */
export function relationOf(version: Version, names?: readonly string[], where?: string): Relation {
  const columns = names ? [...new Set(names)].map((name) => columnOf(version, name)) : version.columns;
  const sources: CellSource[] = [...columns];
  if (version.index) sources.push(version.index.source);
  const tables = [...new Set(sources.map(({ store }) => store.table))];
  if (tables.length === 0) tables.push(anyTable(version));
  const row = `${tables[0] ?? ''}.rowid`;
  const label = version.index ? place(version.index.source) : row;
  const selected = columns.map(
    (column) => `${patched(column, version, row)} AS c${version.columns.indexOf(column)}`,
  );
  const list = [`${row} AS "row"`, `${label} AS label`, ...selected].join(', ');
  const plain = `SELECT ${list} FROM ${tables.join(' POSITIONAL JOIN ')}`;
  const from = where === undefined ? `(${plain})` : `(SELECT * FROM (${plain}) WHERE ${where})`;
  return { version, from, ref: (name) => refOf(version, name) };
}

/** A version without columns has rows all the same. */
function anyTable(version: Version): string {
  const source = version.columns[0] ?? version.inIndex;
  return source?.store.table ?? '(SELECT 1 AS f0 WHERE false)';
}

const place = ({ store, field }: CellSource): string => `${store.table}.${field}`;

/** The cells of a column, those that were set alone put in. */
function patched(column: Column, { patches }: Version, row: string): string {
  const own = patches.get(column.name);
  if (!own || own.size === 0) return place(column);
  const cases = [...own].map(([at, cell]) => `WHEN ${at} THEN ${literalOf(cell, column.type)}`);
  return `CASE ${row} ${cases.join(' ')} ELSE ${place(column)} END`;
}

/** A cell as an SQL literal of a column's type. */
export function literalOf(cell: Cell, type: string): string {
  if (cell === null) return `NULL::${type}`;
  if (type === 'JSON') return `${textLiteral(JSON.stringify(cell))}::JSON`;
  if (typeof cell === 'object') return `${textLiteral(JSON.stringify(cell))}::JSON::${type}`;
  return `${textLiteral(String(cell))}::${type}`;
}
