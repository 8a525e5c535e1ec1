/** What all reading operations take: which version they read, and which of its rows. */
import { z } from 'zod';
import { SojournError } from '../../../types/errors.js';
import type { DataEngine } from '../data-engine.js';
import { relationOf } from '../relation.js';
import type { Relation } from '../relation.js';
import type { Version } from '../version.js';
import { conditionSql } from './condition-sql.js';
import { conditionColumns, conditionSchema } from './conditions.js';
import type { Condition } from './conditions.js';
import { columnNames } from './target.js';

const versionSchema = z.number().int().min(0);

/** Rows of a version by a condition; what `filter` answers when a view is asked for. */
export const viewSchema = z
  .object({ version: versionSchema, where: conditionSchema })
  .describe('What filter answered with view: true; only its rows are read.');
export type View = z.output<typeof viewSchema>;

/** To be spread into the parameters of an operation. */
export const scopeParams = {
  where: conditionSchema.optional().describe('Only rows that match.'),
  version: versionSchema.optional().describe('The seq of an earlier version; the present one when left out.'),
  view: viewSchema.optional(),
};
export interface ScopeParams {
  readonly where?: Condition | undefined;
  readonly version?: number | undefined;
  readonly view?: View | undefined;
}

/** @throws checkpoint_not_found · invalid_params when the view is of another version */
export function versionOf(engine: DataEngine, { version, view }: ScopeParams): Version {
  if (version !== undefined && view && view.version !== version) {
    const detail = `The view is of version ${view.version} and version ${version} was asked for; leave version out.`;
    throw new SojournError('invalid_params', detail);
  }
  const seq = version ?? view?.version;
  return seq === undefined ? engine.version : engine.versionAt(seq);
}

/** The condition of the view and the one that was given, both. */
export function conditionOf({ where, view }: ScopeParams): Condition | undefined {
  if (where && view) return { and: [view.where, where] };
  return where ?? view?.where;
}

/**
 * @param names columns that will be used, the index may be among them; all columns when left out
 * @throws column_not_found · data_error as `conditionSql` · checkpoint_not_found
 */
export function scopeOf(engine: DataEngine, params: ScopeParams, names?: readonly string[]): Relation {
  const version = versionOf(engine, params);
  const condition = conditionOf(params);
  if (!condition) return relationOf(version, names && columnNames(version, names));
  const where = conditionSql(version, condition);
  const used = names && columnNames(version, [...names, ...conditionColumns(condition)]);
  return relationOf(version, used, where);
}
