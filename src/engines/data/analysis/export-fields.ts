/**
 * The columns of a relation as they leave the session: the index first, where rows have labels of their own, then the
 * columns in their order.
 */
import type { Relation } from '../relation.js';
import { uniqueNames } from './names.js';
import { columnOf } from '../version.js';
import { indexNameOf, labelType } from './target.js';

export interface ExportField {
  readonly name: string;
  /** In the relation. */
  readonly ref: string;
  /** As DuckDB writes it. */
  readonly type: string;
}

/** @param chosen names of columns; all when left out */
export function fieldsOf(relation: Relation, chosen?: readonly string[]): ExportField[] {
  const { version } = relation;
  const own = chosen ? chosen.map((name) => columnOf(version, name)) : version.columns;
  const columns = own.map(({ name, type }) => ({ name, ref: relation.ref(name), type }));
  if (!version.index) return columns;
  const names = columns.map(({ name }) => name);
  const label = uniqueNames([...names, indexNameOf(version)]).at(-1) ?? '';
  return [{ name: label, ref: 'label', type: labelType(version) }, ...columns];
}
