/** The operation correlation: of each two columns of numbers, over the rows where both have one. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { defineEngineOperation } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';
import { familyOf } from '../dtypes.js';
import type { Relation } from '../relation.js';
import { doubleOf } from './aggregates.js';
import { scopeOf, scopeParams, versionOf } from './scope.js';
import { numberTarget } from './target.js';

const most = { pearson: 100, spearman: 20 };
type Method = keyof typeof most;

export const correlationOperation = defineEngineOperation({
  name: 'correlation',
  access: 'read',
  summary: 'Correlations of columns of numbers with one another, by pearson or by the ranks (spearman).',
  params: z.object({
    columns: z.array(z.string()).min(1).optional().describe('All columns of numbers when left out.'),
    method: z.enum(['pearson', 'spearman']).default('pearson'),
    ...scopeParams,
  }),
  result: z.object({
    columns: z.array(z.string()),
    matrix: z.array(z.array(z.number().nullable())).describe('null where there is none.'),
  }),
  run: async (engine: DataEngine, params, { signal }) => {
    const { method } = params;
    const version = versionOf(engine, params);
    const numbers = version.columns.filter(({ type }) => familyOf(type) === 'number');
    const names = [...new Set(params.columns ?? numbers.map(({ name }) => name))];
    const targets = names.map((name) => numberTarget(version, name, 'a correlation'));
    if (names.length > most[method]) throw tooMany(method, names.length);
    const relation = scopeOf(engine, params, names);
    const finite = targets.map((target) => {
      const number = doubleOf(target);
      return `CASE WHEN abs(${number}) < 1e150 THEN ${number} END`;
    });
    const pairs = finite.flatMap((a, at) => finite.slice(at).map((b) => [a, b] as const));
    const found = method === 'pearson' ? pearson : spearman;
    const cells = pairs.length === 0 ? [] : await found(engine, relation, pairs, signal);
    return { columns: names, matrix: matrixOf(names.length, cells) };
  },
});

const tooMany = (method: Method, given: number): SojournError => {
  const detail = `${given} columns are too many for ${method}, which compares ${most[method]} at once; name the columns.`;
  return new SojournError('limit_exceeded', detail, { limit: 'correlated columns', value: most[method] });
};

type Pairs = readonly (readonly [string, string])[];

const pearson = (
  engine: DataEngine,
  { from }: Relation,
  pairs: Pairs,
  signal: AbortSignal,
): Promise<readonly Cell[]> =>
  engine.database.row(
    `SELECT ${pairs.map(([a, b]) => `corr(${a}, ${b})`).join(', ')} FROM ${from}`,
    [],
    signal,
  );

/** Equal numbers share the mean of their ranks, which are those among the rows that have both. */
function spearman(
  engine: DataEngine,
  { from }: Relation,
  pairs: Pairs,
  signal: AbortSignal,
): Promise<readonly Cell[]> {
  const rank = (x: string) => `rank() OVER (ORDER BY ${x}) + (count(*) OVER (PARTITION BY ${x}) - 1) / 2`;
  const one = async ([a, b]: readonly [string, string]): Promise<Cell> => {
    const both = `SELECT x, y FROM (SELECT ${a} AS x, ${b} AS y FROM ${from}) WHERE x IS NOT NULL AND y IS NOT NULL`;
    const sql = `SELECT corr(a, b) FROM (SELECT ${rank('x')} AS a, ${rank('y')} AS b FROM (${both}))`;
    return (await engine.database.row(sql, [], signal))[0] ?? null;
  };
  return Promise.all(pairs.map(one));
}

/** From its upper half. A column is like itself, unless it does not vary. */
function matrixOf(size: number, cells: readonly Cell[]): (number | null)[][] {
  const matrix = Array.from({ length: size }, () => new Array<number | null>(size).fill(null));
  let at = 0;
  for (let row = 0; row < size; row += 1)
    for (let column = row; column < size; column += 1) {
      const cell = cells[at] ?? null;
      at += 1;
      const value = typeof cell === 'number' ? cell : null;
      const shown = value !== null && row === column ? 1 : value;
      matrix[row]?.splice(column, 1, shown);
      matrix[column]?.splice(row, 1, shown);
    }
  return matrix;
}
