/** Conditions as SQL on the columns of a relation. */
import { SojournError } from '../../../types/errors.js';
import type { Version } from '../version.js';
import { operators } from './conditions.js';
import type { Comparison, Condition, ConditionValue, Operator, Scalar } from './conditions.js';
import { textLiteral } from '../sql-text.js';
import { mismatch, operandsOf, textOf } from './operands.js';
import { targetOf } from './target.js';
import type { Target } from './target.js';

/** @throws column_not_found · data_error when a column cannot be compared with what was given */
export const conditionSql = (version: Version, condition: Condition): string =>
  conditionPart(version, condition, false);

/**
 * @param definite whether the answer has to be true or false where a null is compared: below a `not`. Elsewhere null is
 * as good as false, and a plain comparison lets DuckDB leave out what cannot match.
 */
function conditionPart(version: Version, condition: Condition, definite: boolean): string {
  const all = (parts: readonly Condition[], word: string) =>
    `(${parts.map((part) => conditionPart(version, part, definite)).join(` ${word} `)})`;
  if ('and' in condition) return all(condition.and, 'AND');
  if ('or' in condition) return all(condition.or, 'OR');
  if ('not' in condition) return `(NOT ${conditionPart(version, condition.not, true)})`;
  return comparisonSql(version, condition, definite);
}

const opposites: Partial<Record<Operator, Operator>> = { ne: 'eq', not_in: 'in', not_contains: 'contains' };

function comparisonSql(version: Version, comparison: Comparison, definite: boolean): string {
  const target = targetOf(version, comparison.column);
  const operator = operators[comparison.operator ?? '=='];
  if (operator === 'is_null') return `(${target.ref} IS NULL)`;
  if (operator === 'not_null') return `(${target.ref} IS NOT NULL)`;
  const opposite = opposites[operator];
  if (opposite) return `(NOT coalesce(${positive(target, opposite, comparison)}, false))`;
  const sql = positive(target, operator, comparison);
  return definite ? `coalesce(${sql}, false)` : `(${sql})`;
}

const signs: Partial<Record<Operator, string>> = { eq: '=', gt: '>', ge: '>=', lt: '<', le: '<=' };
const textFunctions: Partial<Record<Operator, string>> = {
  contains: 'contains',
  startswith: 'starts_with',
  endswith: 'ends_with',
  regex: 'regexp_matches',
};

function positive(target: Target, operator: Operator, { operator: name = '==', value }: Comparison): string {
  const sign = signs[operator];
  if (sign !== undefined) return signed(target, sign, scalar(target, name, value));
  const called = textFunctions[operator];
  if (called !== undefined) return textSql(target, name, called, value);
  const values = list(target, name, value);
  if (operator === 'in') return isIn(target, values);
  if (values.length !== 2) throw wrongValue(target, name, 'takes a list of two values');
  return `${signed(target, '>=', values[0])} AND ${signed(target, '<=', values[1])}`;
}

function signed(target: Target, sign: string, value: Scalar | undefined): string {
  const operands = operandsOf(target, value ?? null);
  return `${operands.column} ${sign} ${operands.value}`;
}

/** Grouped by what is compared: mixed columns compare texts, numbers and booleans apart. */
function isIn(target: Target, values: readonly Scalar[]): string {
  const groups = new Map<string, string[]>();
  for (const value of values) {
    const operands = operandsOf(target, value);
    groups.set(operands.column, [...(groups.get(operands.column) ?? []), operands.value]);
  }
  const parts = [...groups].map(([column, literals]) => `${column} IN (${literals.join(', ')})`);
  return parts.length === 0 ? 'false' : `(${parts.join(' OR ')})`;
}

function textSql(target: Target, name: string, called: string, value: ConditionValue | undefined): string {
  if (target.family !== 'text' && target.type !== 'JSON') {
    const detail = `Column '${target.name}' is ${target.dtype}: ${name} needs a column of texts.`;
    throw new SojournError('data_error', detail, { column: target.name, dtype: target.dtype });
  }
  if (typeof value !== 'string') throw mismatch(target, value, 'a text');
  return `${called}(${textOf(target)}, ${textLiteral(value)})`;
}

function scalar(target: Target, name: string, value: ConditionValue | undefined): Scalar {
  if (value === undefined) throw wrongValue(target, name, 'needs a value');
  if (value !== null && typeof value === 'object')
    throw wrongValue(target, name, 'takes one value; a list goes with in, not in and between');
  return value;
}

function list(target: Target, name: string, value: ConditionValue | undefined): readonly Scalar[] {
  if (Array.isArray(value)) return value;
  throw wrongValue(target, name, 'takes a list of values');
}

const wrongValue = (target: Target, operator: string, what: string): SojournError =>
  new SojournError('data_error', `The operator ${operator} on column '${target.name}' ${what}.`, {
    column: target.name,
    dtype: target.dtype,
  });
