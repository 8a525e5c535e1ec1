/** What an operation names as a column: one of the table's, or its index. */
import { SojournError } from '../../../types/errors.js';
import { dtypeOf, familyOf } from '../dtypes.js';
import type { Family } from '../dtypes.js';
import type { Version } from '../version.js';
import { refOf } from '../relation.js';
import { unknownColumn } from '../version.js';

export interface Target {
  readonly name: string;
  /** In a relation. */
  readonly ref: string;
  /** As DuckDB writes it. */
  readonly type: string;
  readonly dtype: string;
  readonly family: Family;
  readonly isIndex: boolean;
}

/** What the labels are called where they have no name of their own. */
export const unnamedIndex = 'index';

export const indexNameOf = (version: Version): string => version.index?.name ?? unnamedIndex;

export const labelType = (version: Version): string => version.index?.source.type ?? 'BIGINT';

const isIndexName = (version: Version, name: string): boolean =>
  name === unnamedIndex || name === version.index?.name;

/** A column comes before the index where both have the name. @throws column_not_found */
export function targetOf(version: Version, name: string): Target {
  const column = version.columns.find((one) => one.name === name);
  if (column) {
    const { type, nullable } = column;
    const dtype = dtypeOf(type, nullable);
    return { name, ref: refOf(version, name), type, dtype, family: familyOf(type), isIndex: false };
  }
  if (isIndexName(version, name)) {
    const type = labelType(version);
    return { name, ref: 'label', type, dtype: dtypeOf(type, false), family: familyOf(type), isIndex: true };
  }
  const names = version.columns.map((one) => one.name);
  throw unknownColumn(name, version.index ? [...names, version.index.name] : names);
}

/** Of several names those that a relation has to hold: the index is in it anyway. @throws column_not_found */
export const columnNames = (version: Version, names: readonly string[]): string[] =>
  [...new Set(names)].filter((name) => !targetOf(version, name).isIndex);

/** @throws data_error unless it is a column of numbers */
export function numberTarget(version: Version, name: string, purpose: string): Target {
  const target = targetOf(version, name);
  if (target.family === 'number') return target;
  const detail = `Column '${name}' is ${target.dtype}: ${purpose} needs a column of numbers.`;
  throw new SojournError('data_error', detail, { column: name, dtype: target.dtype });
}
