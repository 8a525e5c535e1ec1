/** Changes of a frame that change its table too. */
import { fieldName } from '../store.js';
import type { Frame, FrameColumn } from './frame.js';
import { findColumn } from './frame.js';
import type { Workbench } from './workbench.js';

/** One more column at the end, every cell of it `value` (SQL without references). */
export async function withColumn(
  bench: Workbench,
  frame: Frame,
  name: string,
  { type, value }: { type: string; value: string },
): Promise<Frame> {
  const field = fieldName(frame.width);
  const sql = `ALTER TABLE ${frame.table} ADD COLUMN ${field} ${type} DEFAULT ${value}`;
  await bench.database.run(sql, [], bench.context.signal);
  return { ...frame, width: frame.width + 1, columns: [...frame.columns, { name, field, type }] };
}

/** Those of the names that are no columns yet become columns of nulls, which any value may be put into later. */
export async function withNulls(bench: Workbench, frame: Frame, names: readonly string[]): Promise<Frame> {
  let wider = frame;
  for (const name of new Set(names)) {
    if (!findColumn(wider, name))
      wider = await withColumn(bench, wider, name, { type: 'JSON', value: 'NULL' });
  }
  return wider;
}

/** One more column that counts the rows from 0. */
export async function withCounter(bench: Workbench, frame: Frame, name: string): Promise<Frame> {
  const wider = await withColumn(bench, frame, name, { type: 'BIGINT', value: '0' });
  const field = fieldName(frame.width);
  await bench.database.run(`UPDATE ${frame.table} SET ${field} = rowid`, [], bench.context.signal);
  return wider;
}

/** The columns in a table of their own, by a query on the old one; the old one is dropped. */
export async function rewritten(
  bench: Workbench,
  frame: Frame,
  rest: string,
  values: readonly string[] = [],
): Promise<Frame> {
  const fields = frame.columns.map(({ field }, at) => `t.${field} AS ${fieldName(at)}`);
  // A table without columns is none.
  const list = fields.length === 0 ? 'NULL::JSON AS f0' : fields.join(', ');
  const table = await bench.create(`SELECT ${list} FROM ${frame.table} t ${rest}`, values);
  await bench.drop(frame.table);
  return framed(table, frame.columns, Math.max(1, fields.length));
}

/** A table whose fields are f0, f1 … as a frame. */
export const framed = (
  table: string,
  columns: readonly Pick<FrameColumn, 'name' | 'type'>[],
  width = columns.length,
): Frame => ({
  table,
  width,
  columns: columns.map(({ name, type }, at) => ({ name, type, field: fieldName(at) })),
});

/** Whether the table has the frame's columns, in their order, and nothing else. */
export const isCompact = ({ columns, width }: Frame): boolean =>
  columns.length === width && columns.every(({ field }, at) => field === fieldName(at));
