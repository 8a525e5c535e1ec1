/** Changes of the table: each makes a new version, and earlier ones stay as they are. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { setCells } from '../cell-changes.js';
import type { CellChange } from '../cell-changes.js';
import {
  addColumn,
  castColumns,
  castTypeNames,
  dropColumns,
  fillNulls,
  renameColumns,
} from '../column-changes.js';
import type { DataEngine } from '../data-engine.js';
import { checkMutable } from '../focus.js';
import { appendRows, dropNulls, sortRows } from '../row-changes.js';
import { unknownLabel } from '../row-finder.js';
import { columnOf } from '../version.js';
import type { Version } from '../version.js';
import { cell, columnName, columnNames, label, operation } from './params.js';

const records = z.array(z.record(z.string(), cell)).min(1).max(100_000);
const shape = z.array(z.number().int());
const changed = z.object({ shape, version: z.number().int() });
const changedOf = (version: Version) => ({
  shape: [version.rows, version.columns.length],
  version: version.seq,
});

const nameList = z
  .union([columnName, columnNames])
  .transform((names) => (typeof names === 'string' ? [names] : names));

export const changeOperations = [
  operation({
    name: 'sort',
    access: 'write',
    summary: 'Puts the rows in order, stable; later slices and labels follow it.',
    params: z.strictObject({
      column: nameList.describe('One column, or several, the first one counting most.'),
      ascending: z.union([z.boolean(), z.array(z.boolean())]).default(true),
      nulls: z.enum(['first', 'last']).default('last'),
    }),
    result: z.object({
      column: z.union([z.string(), z.array(z.string())]),
      ascending: z.union([z.boolean(), z.array(z.boolean())]),
      shape,
      version: z.number().int(),
    }),
    run: async (engine, { column, ascending, nulls }, context) => {
      const ways = Array.isArray(ascending) ? ascending : column.map(() => ascending);
      if (column.length === 0 || ways.length !== column.length)
        throw new SojournError('invalid_params', 'ascending: give one for all columns, or one for each.');
      const keys = column.map((name, at) => ({ column: name, ascending: ways[at] ?? true, nulls }));
      const made = await engine.change('sort', context, (version) =>
        sortRows(engine.database, version, keys, context.signal),
      );
      const [only] = column;
      return { column: column.length === 1 && only ? only : column, ascending, ...changedOf(made) };
    },
  }),
  operation({
    name: 'add_column',
    access: 'write',
    summary: 'Adds a column behind the last: one value for all rows, or one for each.',
    params: z
      .strictObject({
        column: columnName,
        value: cell.optional(),
        values: z.array(cell).max(10_000_000).optional(),
      })
      .refine(({ value, values }) => value === undefined || values === undefined, {
        message: 'give value or values',
        path: ['values'],
      }),
    result: changed,
    run: async (engine, { column, value = null, values }, context) => {
      const cells = values ? { values } : { value };
      const made = await engine.change('add_column', context, (version) =>
        addColumn(engine.database, version, column, cells, context.signal),
      );
      return changedOf(made);
    },
  }),
  operation({
    name: 'rename_columns',
    access: 'write',
    summary: 'Gives columns other names.',
    params: z.strictObject({ columns: z.record(z.string(), columnName).describe('Old name to new name.') }),
    result: changed,
    run: async (engine, { columns }, context) =>
      changedOf(
        await engine.change('rename_columns', context, (version) =>
          renameColumns(version, new Map(Object.entries(columns))),
        ),
      ),
  }),
  operation({
    name: 'drop_columns',
    access: 'write',
    summary: 'Takes columns away.',
    params: z.strictObject({ columns: nameList }),
    result: changed,
    run: async (engine, { columns }, context) =>
      changedOf(await engine.change('drop_columns', context, (version) => dropColumns(version, columns))),
  }),
  operation({
    name: 'cast_columns',
    access: 'write',
    summary: 'Makes columns another type; a cell that does not fit is an error and nothing changes.',
    params: z.strictObject({
      types: z.record(z.string(), z.enum(castTypeNames)).describe('Column to type, by the names of pandas.'),
    }),
    result: changed,
    run: async (engine, { types }, context) =>
      changedOf(
        await engine.change('cast_columns', context, (version) =>
          castColumns(engine.database, version, new Map(Object.entries(types)), context.signal),
        ),
      ),
  }),
  operation({
    name: 'fill_nulls',
    access: 'write',
    summary: 'Puts a value in the place of nulls, in some columns or all.',
    params: z.strictObject({
      value: z.union([z.string(), z.number(), z.boolean()]),
      columns: nameList.optional(),
    }),
    result: changed,
    run: async (engine, { value, columns }, context) =>
      changedOf(
        await engine.change('fill_nulls', context, (version) =>
          fillNulls(engine.database, version, columns ?? nullable(version), value, context.signal),
        ),
      ),
  }),
  operation({
    name: 'drop_nulls',
    access: 'write',
    summary: 'Takes away rows with a null in any of the columns, or with nothing else.',
    params: z.strictObject({ columns: nameList.optional(), how: z.enum(['any', 'all']).default('any') }),
    result: changed,
    run: async (engine, { columns, how }, context) =>
      changedOf(
        await engine.change('drop_nulls', context, (version) => {
          const names = columns ?? version.columns.map(({ name }) => name);
          return dropNulls(engine.database, version, names, how, context.signal);
        }),
      ),
  }),
  operation({
    name: 'set_values',
    access: 'write',
    summary: 'Sets cells by index and column, null included; all of them or none.',
    params: z.strictObject({
      values: z
        .array(z.strictObject({ index: label, column: columnName, value: cell }))
        .min(1)
        .max(10_000),
    }),
    result: changed,
    run: async (engine, { values }, context) => {
      const changes = await Promise.all(
        values.map(({ index, column, value }) => changeOf(engine, index, column, value, context.signal)),
      );
      return changedOf(
        await engine.change('set_values', context, (version) =>
          setCells(engine.database, version, changes, context.signal),
        ),
      );
    },
  }),
  operation({
    name: 'append_rows',
    access: 'write',
    summary: 'Adds rows behind the last; a label stands under the name of the index.',
    params: z.strictObject({ rows: records }),
    result: changed,
    run: async (engine, { rows }, context) =>
      changedOf(
        await engine.change('append_rows', context, (version) =>
          appendRows(engine.database, version, rows, context.signal),
        ),
      ),
  }),
];

const nullable = (version: Version) =>
  version.columns.filter((column) => column.nullable).map(({ name }) => name);

async function changeOf(
  engine: DataEngine,
  index: z.output<typeof label>,
  name: string,
  value: z.output<typeof cell>,
  signal: AbortSignal,
): Promise<CellChange> {
  const { version } = engine;
  const column = columnOf(version, name);
  if (engine.hasInterface) checkMutable(column);
  const rows = await engine.reads(version, signal).rows(index);
  if (rows.length === 0) throw unknownLabel(index);
  return { column: name, rows, cell: value };
}
