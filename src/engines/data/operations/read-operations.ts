/** Point reads, slices and columns: answered from columns at hand. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { readFocus } from './focus-operations.js';
import type { DataEngine } from '../data-engine.js';
import { focusedCell } from '../focus.js';
import { arrowAnswer, arrowMedia, arrowMember, formatParam } from '../arrow-answer.js';
import { dtypeOf } from '../dtypes.js';
import { relationOf } from '../relation.js';
import { unknownLabel } from '../row-finder.js';
import type { Label } from '../row-finder.js';
import { isSeries } from '../sections.js';
import { cellsMax, cellsSchema, cut, pageLimit } from '../analysis/answers.js';
import { tableSchema } from '../analysis/table.js';
import { columnPage, columnsOf, tablePage } from '../table-page.js';
import { columnOf } from '../version.js';
import type { Column, Version } from '../version.js';
import { columnName, columnNames, label, operation } from './params.js';

const version = z
  .number()
  .int()
  .min(0)
  .optional()
  .describe('The seq of an earlier version; default the present one.');

const columnSchema = z.object({
  column: z.string().nullable(),
  values: cellsSchema.optional(),
  indices: cellsSchema.optional(),
  dtype: z.string().optional(),
  truncated: z.boolean().optional(),
  next_start: z.number().int().optional(),
});
const start = z
  .number()
  .int()
  .optional()
  .describe('The first row, by position; negative counts from the end.');
const end = z.number().int().optional().describe('The row behind the last one.');

export const readOperations = [
  operation({
    name: 'get_value',
    access: 'read',
    summary: 'One cell by index and column; without both, the cell that the focus is on.',
    params: z.strictObject({ index: label.optional(), column: columnName.optional(), version }),
    result: z.object({ value: z.unknown() }),
    run: async (engine, { index, column, version: seq }, context) => {
      if (index === undefined && column === undefined) return { value: await readFocus(engine, context) };
      if (index === undefined || column === undefined) throw missing('index and column');
      const at = seq === undefined ? engine.version : engine.versionAt(seq);
      return { value: await valueAt(engine, at, index, column, context.signal) };
    },
  }),
  operation({
    name: 'get_value_at',
    access: 'read',
    summary: 'One cell by index and column; the focus stays where it is.',
    params: z.strictObject({ index: label, column: columnName }),
    result: z.object({ value: z.unknown() }),
    run: async (engine, { index, column }, context) => ({
      value: await valueAt(engine, engine.version, index, column, context.signal),
    }),
  }),
  operation({
    name: 'get_slice',
    access: 'read',
    summary: 'Rows from start up to end, by position; what lies beyond the end is cut off.',
    params: z.strictObject({
      start,
      end,
      columns: columnNames.optional(),
      version,
      format: formatParam,
    }),
    result: tableSchema.partial().extend({ arrow: arrowMember }),
    media: arrowMedia,
    run: async (engine, params, context) => {
      const at = params.version === undefined ? engine.version : engine.versionAt(params.version);
      const columns = columnsOf(at, params.columns);
      const range = rangeOf(params, at.rows);
      if (params.format === 'arrow') {
        const where = `"row" >= ${range.start} AND "row" < ${range.end}`;
        const relation = relationOf(
          at,
          columns.map(({ name }) => name),
          where,
        );
        return { arrow: arrowAnswer(engine, relation, params.columns, context.signal) };
      }
      const upTo = Math.min(range.end, range.start + pageLimit(engine.services.pageRows, columns.length));
      const page = await tablePage(engine, at, columns, { start: range.start, end: upTo }, context.signal);
      return { ...page, ...cut(upTo < range.end, upTo) };
    },
  }),
  operation({
    name: 'get_column',
    access: 'read',
    summary: 'The values of a column with their labels; without a name, the column that the focus is on.',
    params: z.strictObject({ column: columnName.optional(), start, end, version }),
    result: columnSchema,
    run: async (engine, { column, ...range }, context) => {
      if (column === undefined) return { column: engine.focus.column };
      return columnValues(engine, column, range, context.signal);
    },
  }),
  operation({
    name: 'get_column_data',
    access: 'read',
    summary: 'The values of a column with their labels.',
    params: z.strictObject({ column: columnName, start, end, version }),
    result: columnSchema,
    run: (engine, { column, ...range }, context) => columnValues(engine, column, range, context.signal),
  }),
  operation({
    name: 'get_row_data',
    access: 'read',
    summary: 'One row by its label.',
    params: z.strictObject({ index: label }),
    result: z.object({ index: z.unknown(), row: z.record(z.string(), z.unknown()) }),
    run: async (engine, { index }, context) => {
      const at = engine.version;
      const [row] = await engine.reads(at, context.signal).rows(index);
      if (row === undefined) throw unknownLabel(index);
      const page = await tablePage(engine, at, at.columns, [row], context.signal);
      return { index: page.indices[0] ?? index, row: page.records[0] ?? {} };
    },
  }),
  operation({
    name: 'get_indices',
    access: 'read',
    summary: 'The labels of the index, each once, in the order of the rows.',
    params: z.strictObject({ start, end }),
    result: z.object({
      indices: cellsSchema,
      truncated: z.boolean().optional(),
      next_start: z.number().int().optional(),
    }),
    run: (engine, range, context) => labelsOf(engine, range, context.signal),
  }),
];

/** @throws index_not_found · column_not_found */
export async function valueAt(
  engine: DataEngine,
  at: Version,
  index: Label,
  name: string,
  signal: AbortSignal,
): Promise<unknown> {
  const reads = engine.reads(at, signal);
  const column = name === at.index?.name ? null : columnOf(at, name);
  const [first] = await reads.rows(index);
  if (first === undefined) throw unknownLabel(index);
  if (!column) return index;
  if (!isSeries(column)) return reads.cell(column, first);
  const { focus } = engine;
  return focusedCell({ ...focus, index, column: name }, at, reads);
}

interface Range {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

function rangeOf({ start: from, end: upTo }: Range, rows: number): { start: number; end: number } {
  const place = (at: number) => Math.min(rows, Math.max(0, at < 0 ? rows + at : at));
  const first = place(from ?? 0);
  return { start: first, end: Math.max(first, place(upTo ?? rows)) };
}

async function columnValues(
  engine: DataEngine,
  name: string,
  params: Range & { version?: number | undefined },
  signal: AbortSignal,
) {
  const at = params.version === undefined ? engine.version : engine.versionAt(params.version);
  const column: Column =
    at.index?.name === name
      ? { ...at.index.source, name, section: 'input', nullable: false }
      : columnOf(at, name);
  const range = rangeOf(params, at.rows);
  const upTo = Math.min(range.end, range.start + pageLimit(engine.services.pageRows, 1));
  const rows = { start: range.start, end: upTo };
  const { indices, cells } = await columnPage(engine, at, [column], rows, signal);
  return {
    column: name,
    values: cells[0] ?? [],
    indices,
    dtype: dtypeOf(column.type, column.nullable),
    ...cut(upTo < range.end, upTo),
  };
}

/** Of a series each label once, and only those of the session's index. */
async function labelsOf(engine: DataEngine, params: Range, signal: AbortSignal) {
  const at = engine.version;
  const range = rangeOf(params, at.rows);
  const upTo = Math.min(range.end, range.start + cellsMax);
  const { indices } = await columnPage(engine, at, [], { start: range.start, end: upTo }, signal);
  const more = cut(upTo < range.end, upTo);
  if (!at.inIndex && !at.inSeries) return { indices, ...more };
  const marks = at.inIndex ? await engine.reader.range(at.inIndex, range.start, upTo, signal) : null;
  const own = marks ? indices.filter((_label, place) => marks[place] === true) : indices;
  return { indices: [...new Set(own)], ...more };
}

const missing = (names: string) =>
  new SojournError('invalid_params', `${names}: give both, or neither for the cell under the focus.`);
