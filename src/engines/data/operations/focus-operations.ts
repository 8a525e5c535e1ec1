/** The operations of the focus: set a place, then read or write there. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { RunContext } from '../../../types/engine.js';
import type { DataEngine } from '../data-engine.js';
import {
  focusedCell,
  seriesRows,
  subindexOf,
  withColumn,
  withIndex,
  withSelector,
  withSubindex,
} from '../focus.js';
import type { CellReads, Focus } from '../focus.js';
import { isInput, isOutput, isSeries } from '../sections.js';
import { setFocusedValue } from '../set-value.js';
import type { Column } from '../version.js';
import { cell, columnName, label, none, operation } from './params.js';

const empty = z.object({});

const readsOf = (engine: DataEngine, context: RunContext): CellReads =>
  engine.reads(engine.version, context.signal);

export const focusOperations = [
  moveOperation(
    'set_index',
    'Moves the focus to an index label.',
    z.strictObject({ index: label }),
    (engine, { index }, context) => withIndex(engine.focus, index, readsOf(engine, context)),
  ),
  operation({
    name: 'get_index',
    access: 'read',
    summary: 'The index label that the focus is on.',
    params: none,
    result: z.object({ index: z.unknown() }),
    run: (engine) => Promise.resolve({ index: engine.focus.index }),
  }),
  moveOperation(
    'set_column',
    'Moves the focus to a column; "_" is nowhere.',
    z.strictObject({ column: columnName }),
    (engine, { column }) => withColumn(engine.focus, column, engine.version),
  ),
  operation({
    name: 'set_value',
    access: 'write',
    summary: 'Sets the cell that the focus means.',
    params: z.strictObject({ value: cell }),
    result: empty,
    run: async (engine, { value }, context) => {
      if (value === null)
        throw new SojournError('invalid_params', 'value: is missing; set_values sets nulls.');
      await setFocusedValue(engine, value, context);
      return {};
    },
  }),
  moveOperation(
    'set_selector',
    'Names the column of a series that tells its rows apart.',
    z.strictObject({ column: columnName }),
    (engine, { column }) => withSelector(engine.focus, column, engine.version),
  ),
  operation({
    name: 'get_selector',
    access: 'read',
    summary: 'The selector column, or null.',
    params: none,
    result: z.object({ selector: z.string().nullable() }),
    run: (engine) => Promise.resolve({ selector: engine.focus.selector }),
  }),
  moveOperation(
    'set_subindex',
    'Moves the focus to the row of a series where the selector has this value.',
    z.strictObject({ value: cell }),
    (engine, { value }, context) =>
      withSubindex(engine.focus, value, engine.version, readsOf(engine, context)),
  ),
  operation({
    name: 'get_subindex',
    access: 'read',
    summary: "The selector's value that the focus is on; that of the last row where none was set.",
    params: none,
    result: z.object({ subindex: z.unknown() }),
    run: async (engine, _params, context) => ({
      subindex: await subindexOf(engine.focus, engine.version, readsOf(engine, context)),
    }),
  }),
  operation({
    name: 'get_subseries',
    access: 'read',
    summary: 'All rows of the series under the focused index.',
    params: none,
    result: z.object({
      subseries: z.object({
        records: z.array(z.record(z.string(), z.unknown())),
        shape: z.array(z.number().int()),
      }),
    }),
    run: async (engine, _params, context) => {
      const reads = readsOf(engine, context);
      const columns = engine.version.columns.filter(isSeries);
      const { index } = engine.focus;
      const rows = index === null || columns.length === 0 ? [] : await seriesRows(index, reads);
      const records = await Promise.all(rows.map((row) => recordOf(columns, row, reads)));
      return { subseries: { records, shape: [records.length, columns.length] } };
    },
  }),
  operation({
    name: 'get_column_type',
    access: 'read',
    summary: 'The section of the interface file that a column comes from, or null.',
    params: z.strictObject({ column: columnName }),
    result: z.object({ column_type: z.string().nullable() }),
    run: (engine, { column }) => {
      const found = engine.version.columns.find(({ name }) => name === column);
      return Promise.resolve({ column_type: found?.section ?? null });
    },
  }),
  columnsOperation('get_columns', 'The columns in their order, the index left out.', () => true),
  columnsOperation('get_input_columns', 'Columns that were loaded as input and are never changed.', isInput),
  columnsOperation('get_output_columns', 'Columns that are meant to be written.', isOutput),
  columnsOperation('get_series_columns', 'Columns that differ between the rows of one label.', isSeries),
  operation({
    name: 'get_shape',
    access: 'read',
    summary: 'Rows and columns, the index left out.',
    params: none,
    result: z.object({ shape: z.array(z.number().int()) }),
    run: ({ version }) => Promise.resolve({ shape: [version.rows, version.columns.length] }),
  }),
];

/** What fails leaves the focus where it was. */
function moveOperation<P extends z.ZodType>(
  name: string,
  summary: string,
  params: P,
  move: (engine: DataEngine, asked: z.output<P>, context: RunContext) => Focus | Promise<Focus>,
) {
  return operation({
    name,
    access: 'write',
    summary,
    params,
    result: empty,
    run: async (engine, asked, context) => {
      engine.setFocus(await move(engine, asked, context));
      return {};
    },
  });
}

function columnsOperation(name: string, summary: string, isOne: (column: Column) => boolean) {
  return operation({
    name,
    access: 'read',
    summary,
    params: none,
    result: z.object({ columns: z.array(z.string()) }),
    run: ({ version }) =>
      Promise.resolve({ columns: version.columns.filter(isOne).map((column) => column.name) }),
  });
}

async function recordOf(
  columns: readonly Column[],
  row: number,
  reads: CellReads,
): Promise<Record<string, unknown>> {
  const cells = await Promise.all(columns.map((column) => reads.cell(column, row)));
  return Object.fromEntries(columns.map(({ name }, at) => [name, cells[at] ?? null]));
}

/** The cell under the focus. */
export const readFocus = (engine: DataEngine, context: RunContext) =>
  focusedCell(engine.focus, engine.version, readsOf(engine, context));
