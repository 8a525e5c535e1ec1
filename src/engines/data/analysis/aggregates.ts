/**
 * Aggregates as pandas computes them: std and var with n - 1, quantiles by linear interpolation, nulls left out, the
 * sum of nothing 0.
 */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import { isFloat, isInteger } from '../dtypes.js';
import type { Target } from './target.js';

export const aggregateSchema = z.enum([
  'size',
  'count',
  'sum',
  'mean',
  'median',
  'std',
  'var',
  'min',
  'max',
  'first',
  'last',
  'nunique',
  'quantile',
]);
export type AggregateName = z.output<typeof aggregateSchema>;

export interface Aggregate {
  readonly sql: string;
  readonly dtype: string;
  /** As DuckDB writes it, where it is the column's own; what counts or computes has none that matters. */
  readonly type?: string;
}

const spread: ReadonlySet<AggregateName> = new Set(['mean', 'median', 'std', 'var', 'quantile']);
const whole: ReadonlySet<AggregateName> = new Set(['size', 'count', 'nunique']);

/** @param q of `quantile`: which one. @throws data_error when the column's type has no such aggregate */
export function aggregateOf(target: Target, name: AggregateName, q = 0.5): Aggregate {
  if (whole.has(name)) return { sql: countSql(target, name), dtype: 'int64' };
  if (spread.has(name)) return { sql: spreadSql(numeric(target, name), name, q), dtype: 'float64' };
  if (name === 'sum') {
    const summed = numeric(target, name);
    const dtype = isInteger(summed.type) ? 'int64' : isFloat(summed.type) ? 'float64' : target.dtype;
    return { sql: `coalesce(sum(${summed.ref}), 0)`, dtype };
  }
  const { dtype, type } = target;
  if (name === 'first') return { sql: `arg_min(${target.ref}, "row")`, dtype, type };
  if (name === 'last') return { sql: `arg_max(${target.ref}, "row")`, dtype, type };
  if (target.family === 'other' && target.type !== 'TIME' && target.type !== 'INTERVAL')
    throw unfit(target, name, 'cells that have an order');
  return { sql: `${name}(${target.ref})`, dtype, type };
}

function countSql({ ref }: Target, name: AggregateName): string {
  if (name === 'size') return 'count(*)';
  return name === 'count' ? `count(${ref})` : `count(DISTINCT ${ref})`;
}

/** Booleans count as 0 and 1, as they do in pandas. */
function numeric(target: Target, name: AggregateName): Target {
  if (target.family === 'number') return target;
  if (target.family === 'boolean') return { ...target, ref: `${target.ref}::INTEGER`, type: 'INTEGER' };
  throw unfit(target, name, 'numbers');
}

const unfit = (target: Target, name: string, needed: string): SojournError =>
  new SojournError('data_error', `Column '${target.name}' is ${target.dtype}: ${name} needs ${needed}.`, {
    column: target.name,
    dtype: target.dtype,
  });

function spreadSql(target: Target, name: AggregateName, q: number): string {
  if (name === 'mean') return `avg(${target.ref})`;
  if (name === 'std') return spreadOf('stddev_samp', target);
  if (name === 'var') return spreadOf('var_samp', target);
  return `quantile_cont(${doubleOf(target)}, ${name === 'median' ? 0.5 : q})`;
}

export const doubleOf = ({ ref, type }: Target): string => (type === 'DOUBLE' ? ref : `${ref}::DOUBLE`);

/** Where a square is beyond what a double holds, which DuckDB calls an error, there is no spread. */
export function spreadOf(called: 'stddev_samp' | 'var_samp', target: Target): string {
  const number = doubleOf(target);
  if (isInteger(target.type) && !target.type.includes('HUGE')) return `${called}(${number})`;
  const fits = `abs(${number}) < 1e150`;
  return `CASE WHEN bool_and(${fits}) THEN ${called}(${number}) FILTER (WHERE ${fits}) END`;
}
