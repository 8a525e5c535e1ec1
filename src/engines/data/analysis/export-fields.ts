/** The columns of a relation as they leave the session: the index first, then the columns in their order. */
import type { Relation } from '../relation.js';
import { uniqueNames } from './names.js';
import { indexNameOf, labelType } from './target.js';

export interface ExportField {
  readonly name: string;
  /** In the relation. */
  readonly ref: string;
  /** As DuckDB writes it. */
  readonly type: string;
}

export function fieldsOf(relation: Relation, withoutIndex = false): ExportField[] {
  const { version } = relation;
  const columns = version.columns.map(({ name, type }) => ({ name, ref: relation.ref(name), type }));
  if (withoutIndex) return columns;
  const names = columns.map(({ name }) => name);
  const label = uniqueNames([...names, indexNameOf(version)]).at(-1) ?? '';
  return [{ name: label, ref: 'label', type: labelType(version) }, ...columns];
}
