/** Changing operations of a data session, each done to its model too. */
import { expect } from 'chai';
import type { Dice } from './dice.js';
import {
  appended,
  columnNamed,
  kindOfAll,
  labelled,
  replaceColumn,
  sorted,
  takeColumns,
  takeRows,
  withCells,
} from './model-table.js';
import type { Kind, ModelTable, Scalar } from './model-table.js';
import { namesOf } from './modelled-reads.js';
import type { Step } from './modelled-reads.js';
import type { ModelledSession } from './modelled-session.js';

const rowsMost = 40;

/** Mostly of the column's own kind; now and then what makes it wider. */
function cellFor(session: ModelledSession, kind: Kind, dice: Dice): Scalar {
  if (kind === 'int' && dice.oneIn(12)) return session.number * 1000 + 0.25;
  if (kind === 'mixed' || dice.oneIn(40)) return session.cell(dice.of(['int', 'text', 'bool']), dice);
  return session.cell(kind, dice);
}

async function setValues(session: ModelledSession, dice: Dice): Promise<void> {
  const { labels } = session.table;
  let { table } = session;
  if (labels.length === 0) return;
  const values = dice.list(4, () => {
    const row = dice.below(labels.length);
    const { name, kind } = dice.of(table.columns);
    return { row, column: name, value: cellFor(session, kind, dice) };
  });
  for (const { row, column, value } of values)
    table = replaceColumn(table, withCells(columnNamed(table, column), new Map([[row, value]])));
  const given = values.map(({ row, ...rest }) => ({ index: labels[row], ...rest }));
  await session.change('set_values', { values: given }, table);
}

async function appendRows(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  if (table.labels.length > rowsMost) return dropNulls(session, dice);
  const rows = dice.list(3, () => {
    const own = dice.some(table.columns, 0).map(({ name, kind }) => [name, cellFor(session, kind, dice)]);
    const label = table.index === null ? [] : [[table.index, session.newLabel(table)]];
    return Object.fromEntries([...label, ...own]) as Record<string, Scalar>;
  });
  await session.change('append_rows', { rows }, appended(table, rows));
}

async function addColumn(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  if (table.columns.length > 9) return dropColumns(session, dice);
  const name = session.newName(dice);
  const kind = dice.of<Kind>(['int', 'float', 'text', 'bool']);
  const one = session.cell(kind, dice);
  const all = dice.oneIn(2);
  const cells = table.labels.map(() => (all ? one : session.cell(kind, dice)));
  const added = { name, kind: kindOfAll(all ? [one] : cells), cells };
  const given = all ? { value: one } : { values: cells };
  await session.change(
    'add_column',
    { column: name, ...given },
    { ...table, columns: [...table.columns, added] },
  );
}

async function renameColumns(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const [one, other] = [dice.of(namesOf(table)), dice.of(namesOf(table))];
  const names: Record<string, string> =
    one !== other && dice.oneIn(3) ? { [one]: other, [other]: one } : { [one]: session.newName(dice) };
  const columns = table.columns.map((column) => ({ ...column, name: names[column.name] ?? column.name }));
  await session.change('rename_columns', { columns: names }, { ...table, columns });
}

async function dropColumns(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  if (table.columns.length < 4) return addColumn(session, dice);
  const gone = dice.of(namesOf(table));
  const kept = namesOf(table).filter((name) => name !== gone);
  await session.change('drop_columns', { columns: dice.oneIn(2) ? gone : [gone] }, takeColumns(table, kept));
}

async function fillNulls(session: ModelledSession, dice: Dice): Promise<void> {
  let { table } = session;
  const { name, kind } = dice.of(table.columns);
  const value = cellFor(session, kind, dice);
  // A null in the place of a null is refused.
  if (typeof value === 'object') return;
  const names = dice.oneIn(4) ? undefined : [name];
  for (const own of names ?? nullable(table)) {
    const column = columnNamed(table, own);
    const rows = column.cells.flatMap((cell, row) => (cell === null ? [[row, value] as const] : []));
    table = replaceColumn(table, withCells(column, new Map(rows)));
  }
  // A column that had nulls once, and has none now, would take the kind of the value all the same.
  if (names === undefined || !columnNamed(session.table, name).cells.includes(null)) return;
  await session.change('fill_nulls', { value, columns: names }, table);
}

const nullable = (table: ModelTable): string[] =>
  table.columns.filter(({ cells }) => cells.includes(null)).map(({ name }) => name);

async function dropNulls(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const names = dice.oneIn(4) ? undefined : dice.some(namesOf(table));
  const how = dice.of(['any', 'all'] as const);
  const isNull = (row: number) => (name: string) => columnNamed(table, name).cells[row] === null;
  const looked = names ?? namesOf(table);
  const rows = [...table.labels.keys()].filter(
    (row) => !(how === 'any' ? looked.some(isNull(row)) : looked.every(isNull(row))),
  );
  if (rows.length === 0) return;
  await session.change('drop_nulls', { columns: names, how }, labelled(takeRows(table, rows)));
}

async function sort(session: ModelledSession, dice: Dice): Promise<void> {
  const { table } = session;
  const sortable = table.columns.filter(({ kind }) => kind !== 'mixed');
  if (sortable.length === 0) return;
  const keys = dice.some(sortable).map(({ name }) => ({ column: name, ascending: dice.oneIn(2) }));
  const nulls = dice.of(['first', 'last'] as const);
  const column = keys.map((key) => key.column);
  const ascending = keys.map((key) => key.ascending);
  await session.change('sort', { column, ascending, nulls }, sorted(table, keys, nulls));
}

async function undo(session: ModelledSession, dice: Dice): Promise<void> {
  const steps = 1 + dice.below(3);
  const answer = await session.ask('undo', { steps });
  for (let gone = 0; gone < steps && session.head.parent; gone += 1) {
    session.undone.push(session.head);
    session.head = session.head.parent;
  }
  expect(answer.reached_seq).to.equal(session.head.seq);
}

async function redo(session: ModelledSession, dice: Dice): Promise<void> {
  const steps = 1 + dice.below(2);
  const answer = await session.ask('redo', { steps });
  for (let gone = 0; gone < steps; gone += 1) session.head = session.undone.pop() ?? session.head;
  expect(answer.reached_seq).to.equal(session.head.seq);
}

async function goto(session: ModelledSession, dice: Dice): Promise<void> {
  const to = dice.of(session.versions);
  const answer = await session.ask('goto', { seq: to.seq });
  session.head = to;
  session.undone = [];
  expect(answer.reached_seq).to.equal(to.seq);
}

/** The fork has the same table, and what is done to it is not seen here. */
async function fork(session: ModelledSession): Promise<void> {
  const id = `${session.id}-fork`;
  await session.ask('fork', { new_session_id: id });
  await session.verify(id);
  await session.ask('add_column', { session_id: id, column: 'only in the fork', value: session.number });
  await session.ask('delete_session', { session_id: id });
}

async function hibernate(session: ModelledSession): Promise<void> {
  await session.ask('hibernate');
}

export const writeSteps: readonly Step[] = [
  setValues,
  setValues,
  setValues,
  appendRows,
  appendRows,
  addColumn,
  renameColumns,
  dropColumns,
  fillNulls,
  dropNulls,
  sort,
  sort,
  undo,
  undo,
  redo,
  goto,
  fork,
  hibernate,
];
