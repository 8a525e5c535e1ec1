/** Tables that are put together from others: beside each other, under each other, or rows gathered by their label. */
import { fieldName } from '../../store.js';
import { castSql } from '../../cell-types.js';
import { commonType } from '../common-type.js';
import type { Frame, FrameColumn } from '../frame.js';
import { findColumn, namesOf } from '../frame.js';
import { framed } from '../frame-tables.js';
import { loadErrors } from '../load-errors.js';
import type { Workbench } from '../workbench.js';

export interface HowJoined {
  readonly how: 'left' | 'right' | 'inner' | 'outer';
  /** Put behind the names that both have. */
  readonly lsuffix: string;
  readonly rsuffix: string;
  /** A column on the left whose cells are the labels on the right; null: its own labels are. */
  readonly on: string | null;
}

export interface Labelled {
  /** With the index. */
  readonly frame: Frame;
  readonly index: FrameColumn;
}

interface Selected {
  readonly name: string;
  readonly sql: string;
  readonly type: string;
}

/** Both tables are dropped. The index stands last. @throws interface_invalid for names that both have */
export async function joined(
  bench: Workbench,
  left: Labelled,
  right: Labelled,
  { how, lsuffix, rsuffix, on }: HowJoined,
): Promise<Labelled> {
  const key = on === null ? left.index : findColumn(left.frame, on);
  if (!key) throw loadErrors.invalid(`hstack: "on" names "${String(on)}", which is no column on the left.`);
  const type = commonType(key.type, right.index.type);
  const keyOf = (side: 'l' | 'r', { field, type: own }: FrameColumn) =>
    castSql(`${side}.${field}`, own, type);
  const condition = `${keyOf('l', key)} IS NOT DISTINCT FROM ${keyOf('r', right.index)}`;
  const others = ({ frame, index }: Labelled) => frame.columns.filter(({ field }) => field !== index.field);
  const both = overlap(others(left), others(right), { lsuffix, rsuffix });
  const named = (side: 'l' | 'r', columns: readonly FrameColumn[], suffix: string): Selected[] =>
    columns.map((column) => ({
      name: both.has(column.name) ? `${column.name}${suffix}` : column.name,
      sql: `${side}.${column.field}`,
      type: column.type,
    }));
  const label: Selected =
    on === null
      ? { name: left.index.name, sql: `coalesce(${keyOf('l', key)}, ${keyOf('r', right.index)})`, type }
      : { name: left.index.name, sql: `l.${left.index.field}`, type: left.index.type };
  const list = [...named('l', others(left), lsuffix), ...named('r', others(right), rsuffix), label];
  const words = how === 'outer' ? 'FULL OUTER' : how.toUpperCase();
  const order = how === 'right' ? 'r.p, l.p' : 'l.p NULLS LAST, r.p';
  const source = ({ frame }: Labelled) => `(SELECT rowid AS p, * FROM ${frame.table})`;
  const frame = await selectInto(
    bench,
    list,
    `${source(left)} l ${words} JOIN ${source(right)} r ON ${condition} ORDER BY ${order}`,
  );
  for (const { table } of [left.frame, right.frame]) await bench.drop(table);
  const index = frame.columns.at(-1);
  if (!index) throw loadErrors.invalid('hstack: there is no index.');
  return { frame, index };
}

function overlap(
  left: readonly FrameColumn[],
  right: readonly FrameColumn[],
  { lsuffix, rsuffix }: { lsuffix: string; rsuffix: string },
): Set<string> {
  const names = new Set(left.map(({ name }) => name));
  const both = new Set(right.map(({ name }) => name).filter((name) => names.has(name)));
  if (both.size > 0 && lsuffix === rsuffix)
    throw loadErrors.invalid(
      `columns overlap but no suffix specified: ${[...both].map((name) => `'${name}'`).join(', ')}`,
    );
  return both;
}

async function selectInto(bench: Workbench, list: readonly Selected[], rest: string): Promise<Frame> {
  const names = new Set<string>();
  for (const { name } of list) {
    if (names.has(name)) throw loadErrors.invalid(`Two columns would have the name "${name}".`);
    names.add(name);
  }
  const fields = list.map(({ sql }, at) => `${sql} AS ${fieldName(at)}`).join(', ');
  return framed(await bench.create(`SELECT ${fields} FROM ${rest}`), list);
}

/** Rows one under another; what a table does not have is null. The tables are dropped. */
export async function under(bench: Workbench, frames: readonly Frame[]): Promise<Frame> {
  const filled = await Promise.all(frames.map((frame) => withoutEmptyTypes(bench, frame)));
  const types = new Map<string, string | null>();
  for (const { name, type } of filled.flatMap((frame) => frame.columns)) {
    const known = types.get(name) ?? null;
    types.set(name, known === null || type === null ? (known ?? type) : commonType(known, type));
  }
  const list = [...types].map(([name, type]) => ({ name, type: type ?? 'JSON' }));
  const parts = filled.map(({ table, columns }, part) => {
    const cells = list.map(({ name, type }, at) => {
      const own = columns.find((column) => column.name === name);
      const cell = own?.type ? castSql(own.field, own.type, type) : `NULL::${type}`;
      return `${cell} AS ${fieldName(at)}`;
    });
    return `SELECT ${[`${part} AS part`, 'rowid AS p', ...cells].join(', ')} FROM ${table}`;
  });
  const fields = list.map((_column, at) => fieldName(at));
  if (fields.length === 0) throw loadErrors.invalid('vstack: there are no columns.');
  const all = parts.join(' UNION ALL ');
  const table = await bench.create(`SELECT ${fields.join(', ')} FROM (${all}) ORDER BY part, p`);
  for (const frame of frames) await bench.drop(frame.table);
  return framed(table, list);
}

interface Untyped {
  readonly table: string;
  readonly columns: readonly { name: string; field: string; type: string | null }[];
}

/** Columns of nulls alone go with any type. */
async function withoutEmptyTypes(bench: Workbench, frame: Frame): Promise<Untyped> {
  if (frame.columns.length === 0) return { table: frame.table, columns: [] };
  const counts = frame.columns.map(({ field }) => `count(${field})::DOUBLE`).join(', ');
  const filled = await bench.database.row(`SELECT ${counts} FROM ${frame.table}`, [], bench.context.signal);
  return {
    table: frame.table,
    columns: frame.columns.map((column, at) => ({ ...column, type: filled[at] === 0 ? null : column.type })),
  };
}

/** Tables of one row each, side by side; they are dropped. @throws interface_invalid */
export async function besides(bench: Workbench, frames: readonly Frame[]): Promise<Frame> {
  for (const { table } of frames) {
    const rows = await bench.rowsIn(table);
    if (rows !== 1)
      throw loadErrors.invalid(`Each specification must result in a single row DataFrame. Got ${rows} rows`);
  }
  const list = frames.flatMap(({ columns }, at) =>
    columns.map(({ name, field, type }) => ({ name, type, sql: `t${at}.${field}` })),
  );
  const from = frames.map(({ table }, at) => `${table} t${at}`).join(', ');
  const frame = await selectInto(bench, list, from);
  for (const { table } of frames) await bench.drop(table);
  return frame;
}

/** One row for each label; every other cell is the list of what that label's rows have. The table is dropped. */
export async function gathered(bench: Workbench, frame: Frame, index: string): Promise<Frame> {
  const label = findColumn(frame, index);
  if (!label)
    throw loadErrors.invalid(
      `series: the index "${index}" is no column. Columns are "${namesOf(frame).join('", "')}"`,
    );
  const list = frame.columns.map(({ name, field, type }): Selected => {
    if (name === index) return { name, sql: field, type };
    const cells = `list(${field} ORDER BY p)`;
    return type === 'JSON' || type.endsWith('[]')
      ? { name, sql: `to_json(${cells})`, type: 'JSON' }
      : { name, sql: cells, type: `${type}[]` };
  });
  const rows = `(SELECT rowid AS p, * FROM ${frame.table})`;
  const result = await selectInto(bench, list, `${rows} GROUP BY ${label.field} ORDER BY min(p)`);
  await bench.drop(frame.table);
  return result;
}
