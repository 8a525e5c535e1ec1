/** The operation find_duplicates: values, of one column or of several together, that come more than once. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import type { Relation } from '../relation.js';
import { cellSchema, cellsSchema, cut, cutShape, pageLimit, pageParams } from './answers.js';
import { scopeOf, scopeParams } from './scope.js';
import { countRows } from './stats.js';
import { columnsOf } from './table.js';
import { labelType, targetOf } from './target.js';

const duplicateSchema = z.object({
  value: cellSchema.describe('With columns: an object with the value of each.'),
  count: z.number().int(),
  indices: cellsSchema.describe('The labels of its rows.'),
});

/** In one answer: as many as fit, and those of the first value up to this number. */
const labelsMax = 200_000;

export const duplicatesOperation = defineEngineOperation({
  name: 'find_duplicates',
  access: 'read',
  summary:
    'Values that come more than once, in the order in which they come; a null of a single column is none.',
  params: z.object({
    column: z.string().optional(),
    columns: z.array(z.string()).min(1).max(100).optional().describe('Instead of column: several together.'),
    ...scopeParams,
    ...pageParams,
  }),
  result: z.object({
    column: z.string().optional(),
    columns: z.array(z.string()).optional(),
    duplicates: z.array(duplicateSchema),
    total_rows: z.number().int(),
    ...cutShape,
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { column, columns, start, limit } = params;
    if ((column === undefined) === (columns === undefined))
      throw new SojournError('invalid_params', 'Give column or columns, one of the two.');
    const names = [...new Set(columns ?? [column ?? ''])];
    const relation = scopeOf(engine, params, names);
    const refs = names.map((name) => targetOf(relation.version, name).ref);
    const most = pageLimit(engine.services.pageRows, names.length, limit);
    const [total, found] = await Promise.all([
      countRows(engine, relation, signal),
      groupsOf(engine, relation, refs, { start, most }, signal),
    ]);
    const groups = fitting(found.slice(0, most));
    await addLabels(engine, relation, refs, groups, signal);
    const duplicates = groups.map(({ values, count, labels }) => ({
      value: columns ? record(names, values) : (values[0] ?? null),
      count,
      indices: labels,
    }));
    const more = found.length > groups.length;
    const asked = columns ? { columns: names } : { column };
    return { ...asked, duplicates, total_rows: total, ...cut(more, start + groups.length) };
  },
});

const record = (names: readonly string[], values: readonly Cell[]): Cell =>
  Object.fromEntries(names.map((name, at) => [name, values[at] ?? null]));

interface Group {
  /** The position of the first row. */
  readonly first: number;
  readonly count: number;
  readonly values: readonly Cell[];
  readonly labels: Cell[];
}

/** As pandas has it: a null is no value of a column, but rows may be equal in their nulls. */
const complete = ([ref, ...others]: readonly string[]): string =>
  others.length === 0 && ref !== undefined ? `${ref} IS NOT NULL` : 'true';

async function groupsOf(
  engine: DataEngine,
  { from }: Relation,
  refs: readonly string[],
  page: { readonly start: number; readonly most: number },
  signal: AbortSignal,
): Promise<Group[]> {
  const keys = refs.join(', ');
  const grouped = `FROM ${from} WHERE ${complete(refs)} GROUP BY ${keys} HAVING count(*) > 1`;
  const sql = `SELECT min("row") AS first, count(*), ${keys} ${grouped} ORDER BY first LIMIT ${page.most + 1} OFFSET ${page.start}`;
  const { columns, rows } = await engine.database.read(sql, [], signal);
  const [firsts = [], counts = [], ...values] = columns;
  return Array.from({ length: rows }, (_, at) => ({
    first: Number(firsts[at]),
    count: Number(counts[at]),
    values: values.map((cells) => cells[at] ?? null),
    labels: [],
  }));
}

/** As many as have few enough rows, one at least. */
function fitting(groups: readonly Group[]): Group[] {
  let labels = 0;
  const end = groups.findIndex(({ count }) => (labels += count) > labelsMax);
  return groups.slice(0, end === -1 ? groups.length : Math.max(1, end));
}

async function addLabels(
  engine: DataEngine,
  { from, version }: Relation,
  refs: readonly string[],
  groups: readonly Group[],
  signal: AbortSignal,
): Promise<void> {
  if (groups.length === 0) return;
  const byFirst = new Map(groups.map((group) => [group.first, group]));
  const firsts = `SELECT * FROM ${from} WHERE "row" IN (${[...byFirst.keys()].join(', ')})`;
  const same = refs.map((ref) => `r.${ref} IS NOT DISTINCT FROM g.${ref}`).join(' AND ');
  const sql = `SELECT g."row", r.label FROM ${from} r JOIN (${firsts}) g ON ${same} ORDER BY r."row" LIMIT ${labelsMax}`;
  for await (const chunk of engine.database.stream(sql, [], signal)) {
    const [rows = [], labels = []] = await columnsOf(chunk, ['BIGINT', labelType(version)]);
    rows.forEach((row, at) => byFirst.get(Number(row))?.labels.push(labels[at] ?? null));
  }
}
