/**
 * A version as something that SQL can select from. Inside, columns are called c0, c1 … by their place in the version,
 * because DuckDB does not tell `a` from `A` and pandas does; `row` is the position from 0, `label` the label;
 * `in_index` and `in_series` are there where the version has such marks.
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

/** The relation with its rows in their order: cells that were set one by one come by a join, which keeps none. */
export const inRowOrder = ({ from, version }: Relation): string =>
  version.patches.size === 0 ? from : `${from} ORDER BY "row"`;

/** The SQL name of a column in a relation. @throws column_not_found */
export const refOf = (version: Version, name: string): string =>
  `c${version.columns.indexOf(columnOf(version, name))}`;

/**
 * @param names the columns that will be used; all when left out
 * @param where a condition on the columns of the relation, as SQL
 */
export function relationOf(version: Version, names?: readonly string[], where?: string): Relation {
  const columns = names ? [...new Set(names)].map((name) => columnOf(version, name)) : version.columns;
  const others = [version.index?.source, version.inIndex, version.inSeries].filter((source) => !!source);
  const sources: CellSource[] = [...columns, ...others];
  if (sources.length === 0) sources.push(version.rowSource);
  const tables = [...new Set(sources.map(({ store }) => store.table))];
  const row = `${tables[0] ?? ''}.rowid`;
  const label = version.index ? place(version.index.source) : row;
  const places = new Map(version.columns.map((column, at) => [column, at]));
  const patches = columns.flatMap((column) => patchOf(column, places.get(column) ?? -1, version));
  const selected = columns.map((column) => {
    const patch = patches.find((one) => one.column === column);
    const cells = patch
      ? `CASE WHEN ${patch.name}.r IS NULL THEN ${place(column)} ELSE ${patch.name}.v END`
      : place(column);
    return `${cells} AS c${places.get(column) ?? -1}`;
  });
  const marks = [
    ...(version.inIndex ? [`${place(version.inIndex)} AS in_index`] : []),
    ...(version.inSeries ? [`${place(version.inSeries)} AS in_series`] : []),
  ];
  const list = [`${row} AS "row"`, `${label} AS label`, ...marks, ...selected].join(', ');
  const joined = patches.map(
    ({ name, cells }) => ` LEFT JOIN (VALUES ${cells}) ${name}(r, v) ON ${name}.r = ${row}`,
  );
  const plain = `SELECT ${list} FROM ${tables.join(' POSITIONAL JOIN ')}${joined.join('')}`;
  const from = where === undefined ? `(${plain})` : `(SELECT * FROM (${plain}) WHERE ${where})`;
  return { version, from, ref: (name) => refOf(version, name) };
}

const place = ({ store, field }: CellSource): string => `${store.table}.${field}`;

interface Patch {
  readonly column: Column;
  /** As it is called in the query. */
  readonly name: string;
  readonly cells: string;
}

/** The cells of a column that were set one by one. */
function patchOf(column: Column, at: number, { patches }: Version): Patch[] {
  const own = patches.get(column.name);
  if (!own || own.size === 0) return [];
  const cells = [...own].map(([row, cell]) => `(${row}, ${literalOf(cell, column.type)})`);
  return [{ column, name: `p${at}`, cells: cells.join(', ') }];
}

/** A cell as an SQL literal of a column's type. */
export function literalOf(cell: Cell, type: string): string {
  if (cell === null) return `NULL::${type}`;
  if (type === 'JSON') return `${textLiteral(JSON.stringify(cell))}::JSON`;
  if (typeof cell === 'object') return `${textLiteral(JSON.stringify(cell))}::JSON::${type}`;
  return `${textLiteral(String(cell))}::${type}`;
}
