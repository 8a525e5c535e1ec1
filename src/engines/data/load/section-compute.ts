/** What a section computes: a column for each entry, a cell for each row. */
import { fieldName } from '../store.js';
import { textLiteral } from '../sql-text.js';
import { cellsOf as cellsIn } from '../cells.js';
import type { Cell } from '../cells.js';
import type { Frame } from './frame.js';
import { findColumn } from './frame.js';
import { framed } from './frame-tables.js';
import { loadErrors } from './load-errors.js';
import type { ParsedRecord } from './parsed-value.js';
import type { ComputeEntry } from './section-keys.js';
import { frameOfValues } from './value-frame.js';
import type { Workbench } from './workbench.js';

/** @throws interface_invalid · data_error */
export async function computed(
  bench: Workbench,
  frame: Frame,
  entries: readonly ComputeEntry[],
): Promise<Frame> {
  let wider = frame;
  for (const entry of entries) {
    const field = checkedField(entry);
    const cells = await cellsOf(bench, wider, entry);
    // "_" is nowhere.
    if (field !== '_') wider = await withCells(bench, wider, field, cells);
  }
  return wider;
}

function checkedField(entry: ComputeEntry): string {
  if (entry.field === undefined)
    throw loadErrors.invalid('Compute object in interface file is missing field key.');
  if (typeof entry.field !== 'string')
    throw loadErrors.invalid(`Function "${entry.function}" gives one value, which goes into one field.`);
  const other = (['column_args', 'view_args', 'subseries_args', 'function_args'] as const).find(
    (key) => entry[key] !== undefined,
  );
  if (other !== undefined)
    throw loadErrors.invalid(`"${other}" cannot be used in a section; "args" and "row_args" can.`);
  return entry.field;
}

async function cellsOf(bench: Workbench, frame: Frame, entry: ComputeEntry): Promise<string[]> {
  if (entry.function === 'today') {
    const text = await today(bench, entry.args?.['format'] ?? '%Y-%m-%d');
    return new Array<string>(await bench.rowsIn(frame.table)).fill(text);
  }
  if (entry.function === 'render_liquid') return rendered(bench, frame, entry);
  throw loadErrors.invalid(`Function "${entry.function}" not found in list_functions.`);
}

async function today(bench: Workbench, format: unknown): Promise<string> {
  if (typeof format !== 'string') throw loadErrors.invalid('"format" of "today" must be a text.');
  const micros = Math.round(bench.context.clock.now() * 1000);
  const [text] = await bench.database.row(
    `SELECT strftime(make_timestamp(${micros}), ${textLiteral(format)})`,
  );
  return typeof text === 'string' ? text : '';
}

/** Rows of one job. */
const rowsAtOnce = 2000;

async function rendered(bench: Workbench, frame: Frame, entry: ComputeEntry): Promise<string[]> {
  const { template, ...constants } = entry.args ?? {};
  if (typeof template !== 'string')
    throw loadErrors.invalid('"render_liquid" needs a text as "template" in "args".');
  const wanted = Object.entries(entry.row_args ?? {}).map(([parameter, name]) => {
    const column = findColumn(frame, name);
    if (!column) throw loadErrors.invalid(`"row_args" names "${name}", which is no column.`);
    return { parameter, field: column.field, type: column.type };
  });
  const list = ['rowid', ...wanted.map(({ field }) => field)].join(', ');
  const texts: string[] = [];
  let rows: ParsedRecord[] = [];
  const render = async () => {
    texts.push(...(await bench.jobs.run('liquid', { template, rows, baseUrl: '' })));
    rows = [];
  };
  const sql = `SELECT ${list} FROM ${frame.table} ORDER BY rowid`;
  for await (const chunk of bench.database.stream(sql, [], bench.context.signal)) {
    const cells = wanted.map(({ type }, at) => cellsIn(chunk, at + 1, type));
    for (let row = 0; row < chunk.rowCount; row += 1)
      rows.push({ ...constants, ...rowOf(wanted, cells, row) });
    if (rows.length >= rowsAtOnce) await render();
  }
  if (rows.length > 0) await render();
  return texts;
}

const rowOf = (
  wanted: readonly { readonly parameter: string }[],
  cells: readonly (readonly Cell[])[],
  row: number,
): ParsedRecord =>
  Object.fromEntries(wanted.map(({ parameter }, at) => [parameter, cells[at]?.[row] ?? null]));

/** With a column of these cells, in the place of one of that name. The table is written anew. */
async function withCells(bench: Workbench, frame: Frame, name: string, cells: string[]): Promise<Frame> {
  const made = await frameOfValues(bench, [{ name, cells }]);
  const kept = frame.columns.map((column) => ({
    name: column.name,
    type: column.name === name ? 'VARCHAR' : column.type,
    sql: column.name === name ? 'v.f0' : `t.${column.field}`,
  }));
  if (!findColumn(frame, name)) kept.push({ name, type: 'VARCHAR', sql: 'v.f0' });
  const list = kept.map(({ sql }, at) => `${sql} AS ${fieldName(at)}`).join(', ');
  const table = await bench.create(`SELECT ${list} FROM ${frame.table} t POSITIONAL JOIN ${made.table} v`);
  await bench.drop(frame.table);
  await bench.drop(made.table);
  return framed(table, kept);
}
