/**
 * What differs between two versions of a table. Rows are told apart by their labels where both versions have an index
 * of the same name whose labels are unique, else by position. Columns that are the same cells are not looked at.
 */
import { z } from 'zod';
import type { Cell } from '../cells.js';
import type { Database } from '../database.js';
import { dtypeOf } from '../dtypes.js';
import { relationOf } from '../relation.js';
import type { Relation } from '../relation.js';
import type { Column, Version } from '../version.js';
import { cellSchema } from './answers.js';

const named = z.object({ name: z.string(), dtype: z.string() });
const rowSchema = z.object({ row: cellSchema, values: z.record(z.string(), cellSchema) });
export const tableDiffSchema = z.object({
  matched_by: z.enum(['index', 'position']),
  shape: z.object({ from: z.array(z.number().int()), to: z.array(z.number().int()) }),
  columns: z.object({
    added: z.array(named),
    removed: z.array(named),
    changed: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
  }),
  rows: z.object({ added: z.number().int(), removed: z.number().int(), changed: z.number().int() }),
  /** The first rows of each, by label or position. */
  added_rows: z.array(rowSchema),
  removed_rows: z.array(rowSchema),
  cells: z.array(z.object({ row: cellSchema, column: z.string(), before: cellSchema, after: cellSchema })),
  truncated: z.boolean().describe('True when not every row that differs is listed.'),
});
export type TableDiff = z.infer<typeof tableDiffSchema>;

/** Columns of a row that is listed. */
const shownColumns = 50;

interface Common {
  readonly name: string;
  readonly before: Column;
  readonly after: Column;
}

export async function diffVersions(
  database: Database,
  from: Version,
  to: Version,
  limit: number,
  signal: AbortSignal,
): Promise<TableDiff> {
  const byName = new Map(to.columns.map((column) => [column.name, column]));
  const earlier = new Set(from.columns.map(({ name }) => name));
  const common = from.columns.flatMap((before): Common[] => {
    const after = byName.get(before.name);
    return after ? [{ name: before.name, before, after }] : [];
  });
  const differing = common.filter((one) => !isSame(one, from, to));
  const byIndex = await labelsMatch(database, from, to, signal);
  const pair = { from, to, byIndex, differing };
  const rows = await countRows(database, pair, signal);
  const added_rows = rows.added === 0 ? [] : await lone(database, pair, 'to', limit, signal);
  const removed_rows = rows.removed === 0 ? [] : await lone(database, pair, 'from', limit, signal);
  return {
    matched_by: byIndex ? 'index' : 'position',
    shape: { from: [from.rows, from.columns.length], to: [to.rows, to.columns.length] },
    columns: {
      added: to.columns.filter(({ name }) => !earlier.has(name)).map(described),
      removed: from.columns.filter(({ name }) => !byName.has(name)).map(described),
      changed: common.map(dtypes).filter((one) => one.from !== one.to),
    },
    rows,
    added_rows,
    removed_rows,
    cells: rows.changed === 0 ? [] : await changedCells(database, pair, limit, signal),
    truncated: Math.max(rows.added, rows.removed, rows.changed) > limit,
  };
}

const described = ({ name, type, nullable }: Column) => ({ name, dtype: dtypeOf(type, nullable) });
const dtypes = ({ name, before, after }: Common) => ({
  name,
  from: dtypeOf(before.type, before.nullable),
  to: dtypeOf(after.type, after.nullable),
});

/** The very same cells: nothing has to be compared. */
function isSame({ name, before, after }: Common, from: Version, to: Version): boolean {
  const isStored = before.store === after.store && before.field === after.field;
  const [one, other] = [from.patches.get(name), to.patches.get(name)];
  return (
    isStored &&
    from.rows === to.rows &&
    (one === other || ((one?.size ?? 0) === 0 && (other?.size ?? 0) === 0))
  );
}

async function labelsMatch(
  database: Database,
  from: Version,
  to: Version,
  signal: AbortSignal,
): Promise<boolean> {
  if (!from.index || from.index.name !== to.index?.name) return false;
  for (const version of [from, to]) {
    const sql = `SELECT count(*) = count(DISTINCT label) FROM ${relationOf(version, []).from}`;
    if ((await database.row(sql, [], signal))[0] !== true) return false;
  }
  return true;
}

interface Pair {
  readonly from: Version;
  readonly to: Version;
  readonly byIndex: boolean;
  readonly differing: readonly Common[];
}

/** `before` and `after` are both sides of a row; one of them is missing where the other version has no such row. */
function joined({ from, to, byIndex, differing }: Pair, kind: 'INNER' | 'FULL OUTER') {
  const names = differing.map(({ name }) => name);
  const sides = [relationOf(from, names), relationOf(to, names)] as const;
  const key = byIndex ? 'label' : '"row"';
  const sql = `${sides[0].from} AS b ${kind} JOIN ${sides[1].from} AS a ON b.${key} = a.${key}`;
  const differs = differing.map(({ name, before, after }) => {
    const [one, other] = cellsOf(sides, name);
    const isTyped = before.type === after.type;
    return isTyped
      ? `${one} IS DISTINCT FROM ${other}`
      : `${one}::VARCHAR IS DISTINCT FROM ${other}::VARCHAR`;
  });
  return { sql, key, sides, differs: differs.length === 0 ? 'false' : differs.join(' OR ') };
}

const cellsOf = ([before, after]: readonly [Relation, Relation], name: string): [string, string] => [
  `b.${before.ref(name)}`,
  `a.${after.ref(name)}`,
];

async function countRows(database: Database, pair: Pair, signal: AbortSignal): Promise<TableDiff['rows']> {
  const { from, to, byIndex, differing } = pair;
  if (differing.length === 0 && from.rows === to.rows && from.index?.source.store === to.index?.source.store)
    return { added: 0, removed: 0, changed: 0 };
  const { sql, differs } = joined(pair, byIndex ? 'FULL OUTER' : 'INNER');
  const select = `SELECT count_if(b."row" IS NULL), count_if(a."row" IS NULL),
    count_if(a."row" IS NOT NULL AND b."row" IS NOT NULL AND (${differs})) FROM ${sql}`;
  const [added, removed, changed] = (await database.row(select, [], signal)).map(Number);
  const more = to.rows - from.rows;
  return {
    added: byIndex ? (added ?? 0) : Math.max(0, more),
    removed: byIndex ? (removed ?? 0) : Math.max(0, -more),
    changed: changed ?? 0,
  };
}

/** Rows that only one of the two has. */
async function lone(
  database: Database,
  { from, to, byIndex }: Pair,
  side: 'from' | 'to',
  limit: number,
  signal: AbortSignal,
): Promise<TableDiff['added_rows']> {
  const [own, other] = side === 'to' ? [to, from] : [from, to];
  const names = own.columns.slice(0, shownColumns).map(({ name }) => name);
  const relation = relationOf(own, names);
  const missing = byIndex
    ? `NOT EXISTS (SELECT 1 FROM ${relationOf(other, []).from} o WHERE o.label = r.label)`
    : `r."row" >= ${other.rows}`;
  const shown = names.map((name) => `r.${relation.ref(name)}`);
  const sql = `SELECT ${['r.label', ...shown].join(', ')} FROM ${relation.from} r
    WHERE ${missing} ORDER BY r."row" LIMIT ${limit}`;
  const { columns, rows } = await database.read(sql, [], signal);
  return Array.from({ length: rows }, (_, at) => ({
    row: columns[0]?.[at] ?? null,
    values: Object.fromEntries(names.map((name, place) => [name, columns[place + 1]?.[at] ?? null])),
  }));
}

async function changedCells(
  database: Database,
  pair: Pair,
  limit: number,
  signal: AbortSignal,
): Promise<TableDiff['cells']> {
  const { sql, sides, differs } = joined(pair, 'INNER');
  const cells = pair.differing.flatMap(({ name }) => cellsOf(sides, name));
  const select = `SELECT ${['a.label', ...cells].join(', ')} FROM ${sql} WHERE ${differs}
    ORDER BY a."row" LIMIT ${limit}`;
  const { columns, rows } = await database.read(select, [], signal);
  const found: TableDiff['cells'] = [];
  for (let at = 0; at < rows; at += 1)
    pair.differing.forEach(({ name }, place) => {
      const before = columns[1 + 2 * place]?.[at] ?? null;
      const after = columns[2 + 2 * place]?.[at] ?? null;
      if (!isEqual(before, after)) found.push({ row: columns[0]?.[at] ?? null, column: name, before, after });
    });
  return found;
}

const isEqual = (one: Cell, other: Cell): boolean => JSON.stringify(one) === JSON.stringify(other);
