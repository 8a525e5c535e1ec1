/** Reading operations of a data session, each compared with its model. */
import { expect } from 'chai';
import type { Dice } from './dice.js';
import {
  columnNamed,
  countOf,
  rowsThat,
  sliceOf,
  statsOf,
  takeColumns,
  takeRows,
  uniqueOf,
} from './model-table.js';
import type { ModelColumn, ModelCondition, ModelTable, Scalar } from './model-table.js';
import type { ModelledSession } from './modelled-session.js';

export type Step = (session: ModelledSession, dice: Dice) => Promise<void>;

export const namesOf = ({ columns }: ModelTable): string[] => columns.map(({ name }) => name);

/** Where no cell is there to be found. */
const instead = { int: 1, float: 1, text: 'x', bool: true, mixed: 1 } as const;

const scalarOf = (session: ModelledSession, column: ModelColumn, dice: Dice): string | number | boolean => {
  const there = dice.of(column.cells.length > 0 ? column.cells : [null]);
  return (dice.oneIn(4) ? null : there) ?? session.cell(column.kind, dice) ?? instead[column.kind];
};

const ordered = ['==', '!=', '>', '>=', '<', '<=', 'in', 'not in', 'between', 'is null', 'is not null'];
const ofTexts = [...ordered, 'contains', 'not contains', 'startswith', 'endswith'];
const ofMixed = ['==', '!=', 'in', 'not in', 'is null', 'is not null'];

export function conditionFor(session: ModelledSession, dice: Dice, depth = 2): ModelCondition {
  const shape = depth === 0 ? 3 : dice.below(6);
  const parts = () => dice.list(3, () => conditionFor(session, dice, depth - 1));
  if (shape === 0) return { and: parts() };
  if (shape === 1) return { or: parts() };
  if (shape === 2) return { not: conditionFor(session, dice, depth - 1) };
  const column = dice.of(session.table.columns);
  const { kind, name } = column;
  const operator = dice.of(
    kind === 'text' ? ofTexts : kind === 'mixed' || kind === 'bool' ? ofMixed : ordered,
  );
  if (operator.startsWith('is')) return { column: name, operator };
  const value = () => scalarOf(session, column, dice);
  if (operator === 'between') return { column: name, operator, value: [value(), value()] };
  if (operator.endsWith('in')) return { column: name, operator, value: dice.list(3, value) };
  const whole = value();
  const isPart = ofTexts.indexOf(operator) > ordered.length;
  return { column: name, operator, value: isPart ? String(whole).slice(dice.below(3)).slice(0, 3) : whole };
}

const close = (found: unknown, wanted: unknown, name: string): void => {
  if (typeof wanted === 'number') expect(found, name).to.be.closeTo(wanted, Math.abs(wanted) * 1e-9 + 1e-9);
  else expect(found, name).to.equal(wanted);
};

const place = (rows: number, dice: Dice): number | undefined =>
  dice.oneIn(4) ? undefined : dice.below(2 * rows + 4) - rows - 2;

async function getValue(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const { name, cells } = dice.of(table.columns);
  if (table.labels.length === 0 || dice.oneIn(8))
    return session.fails('get_value', { index: 'nowhere', column: name }, 'index_not_found');
  const row = dice.below(table.labels.length);
  const answer = await session.ask('get_value', { index: table.labels[row], column: name });
  expect(answer).to.deep.equal({ value: cells[row] });
}

async function getSlice(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const [start, end] = [place(table.labels.length, dice), place(table.labels.length, dice)];
  const columns = dice.oneIn(2) ? dice.some(namesOf(table)) : undefined;
  const answer = await session.ask('get_slice', { start, end, columns });
  session.checkPage(answer, sliceOf(columns ? takeColumns(table, columns) : table, start, end));
}

async function getColumn(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const { name, cells } = dice.of(table.columns);
  const answer = await session.ask('get_column', { column: name });
  expect(answer).to.deep.include({ column: name, values: cells, indices: table.labels });
}

async function filter(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const condition = conditionFor(session, dice);
  const plain = 'column' in condition && dice.oneIn(2);
  const start = dice.oneIn(3) ? dice.below(4) : undefined;
  const rows = rowsThat(table, condition);
  const answer = await session.ask('filter', { ...(plain ? condition : { where: condition }), start });
  expect(answer.matched).to.equal(rows.length);
  session.checkPage(answer, takeRows(table, rows.slice(start ?? 0)));
}

async function view(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const condition = conditionFor(session, dice);
  const { view: found } = await session.ask('filter', { where: condition, as_view: true });
  const column = dice.of(table.columns);
  const rows = takeRows(table, rowsThat(table, condition));
  const { null_count, total } = await session.ask('count_nulls', { column: column.name, view: found });
  expect([null_count, total]).to.deep.equal([
    countOf(columnNamed(rows, column.name), null),
    rows.labels.length,
  ]);
}

async function getUnique(session: ModelledSession, dice: Dice): Promise<void> {
  const column = dice.of(session.table.columns);
  const values = uniqueOf(column);
  const answer = await session.ask('get_unique', { column: column.name, with_counts: true });
  expect(answer).to.deep.include({
    column: column.name,
    values,
    count: values.length,
    has_null: column.cells.includes(null),
    counts: values.map((value) => countOf(column, value)),
  });
}

async function getStats(session: ModelledSession, dice: Dice): Promise<void> {
  const column = dice.of(session.table.columns);
  const answer = await session.ask('get_stats', { column: column.name });
  for (const [name, wanted] of Object.entries(statsOf(column)))
    close(answer[name], wanted, `${column.name} ${name}`);
}

async function countNulls(session: ModelledSession): Promise<void> {
  const { columns, labels } = session.table;
  const nulls = columns.map((column) => [column.name, countOf(column, null)] as const);
  const answer = await session.ask('count_nulls');
  expect(answer).to.deep.equal({ null_counts: Object.fromEntries(nulls), total: labels.length });
}

async function groupBy(session: ModelledSession, dice: Dice): Promise<void> {
  const { columns } = session.table;
  const key = dice.of(columns);
  const counted = dice.of(columns);
  const answer = await session.ask('group_by', {
    by: key.name,
    sort: false,
    aggregates: [
      { function: 'size', name: 'rows' },
      { function: 'count', column: counted.name, name: 'filled' },
    ],
  });
  const groups = uniqueOf(key).map((value) => {
    const rows = key.cells.flatMap((cell, row) => (cell === value ? [row] : []));
    const filled = rows.filter((row) => counted.cells[row] !== null).length;
    return { [key.name]: value, rows: rows.length, filled };
  });
  expect(answer.records).to.deep.equal(groups);
}

async function search(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const text = dice.of(['alp', 'CLOCK', '"b', '0%', '_y', 'k\\s', `S${session.number} `, '日']);
  const holds = (cell: Scalar) => typeof cell === 'string' && cell.toLowerCase().includes(text.toLowerCase());
  const columns = table.columns.filter(({ kind }) => kind === 'text').map(({ name }) => name);
  if (columns.length === 0) return;
  const rows = [...table.labels.keys()].filter((row) =>
    columns.some((name) => holds(columnNamed(table, name).cells[row]!)),
  );
  session.checkPage(await session.ask('search', { text, columns }), takeRows(table, rows));
}

async function ends(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const n = dice.below(6);
  session.checkPage(await session.ask('head', { n }), sliceOf(table, 0, n));
  const first = Math.max(0, table.labels.length - n);
  session.checkPage(await session.ask('tail', { n }), sliceOf(table, first));
}

async function earlier(session: ModelledSession, dice: Dice): Promise<void> {
  const { seq, table } = dice.of(session.versions);
  session.checkPage(await session.ask('get_slice', { version: seq }), table);
}

/** What does not stand in the table is refused, and changes nothing. */
async function refused(session: ModelledSession): Promise<void> {
  await session.fails('get_column', { column: 'no such column' }, 'column_not_found');
  await session.fails('filter', { column: 'no such column', value: 1 }, 'column_not_found');
  await session.fails('append_rows', { rows: [{ 'no such column': 1 }] }, 'column_not_found');
}

/** Reads that go well beside each other. */
async function together(session: ModelledSession, dice: Dice): Promise<void> {
  await Promise.all([getSlice, getColumn, filter, getValue, getStats].map((read) => read(session, dice)));
}

export const readSteps: readonly Step[] = [
  getValue,
  getSlice,
  getColumn,
  filter,
  filter,
  view,
  getUnique,
  getStats,
  countNulls,
  groupBy,
  search,
  ends,
  earlier,
  refused,
  together,
];
