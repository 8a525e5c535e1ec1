/** Ways to make a version from another: some columns anew, or all rows anew. */
import { castSql } from './cell-types.js';
import type { Database } from './database.js';
import { refOf, relationOf } from './relation.js';
import type { Relation } from './relation.js';
import { fieldName, writeStore } from './store.js';
import type { KnownStore, Store } from './store.js';
import { columnOf } from './version.js';
import type { CellPatches, CellSource, Column, Section, Version } from './version.js';

/** What a change gives instead of what was there. */
export type VersionChange = Partial<Omit<Version, 'seq' | 'parent' | 'operation'>>;

export function sourceAt(store: Store, place: number): CellSource {
  const field = store.fields[place];
  return { store, field: fieldName(place), type: field?.type ?? 'JSON' };
}

export function columnAt(store: Store, place: number, name: string, section: Section): Column {
  const nulls = store.fields[place]?.nulls ?? 0;
  return { ...sourceAt(store, place), name, section, nullable: nulls > 0 };
}

/** Patches without those of some columns. */
export function patchesWithout(version: Version, names: Iterable<string>): Map<string, CellPatches> {
  const patches = new Map(version.patches);
  for (const name of names) patches.delete(name);
  return patches;
}

/** Columns as other types, by name; what has its type already is not written. @throws column_not_found */
export function castVersion(
  database: Database,
  version: Version,
  types: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<VersionChange> {
  const expressions = new Map<string, string>();
  for (const [name, to] of types) {
    const { type } = columnOf(version, name);
    if (type !== to) expressions.set(name, castSql(refOf(version, name), type, to));
  }
  return withColumns(database, version, expressions, signal);
}

/** Some columns with new cells in the same rows. @param expressions SQL on the columns of the relation, by name */
export async function withColumns(
  database: Database,
  version: Version,
  expressions: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<VersionChange> {
  if (expressions.size === 0) return {};
  const relation = relationOf(version);
  const selected = [...expressions.values()].map((sql, at) => `${sql} AS x${at}`).join(', ');
  const store = await writeStore(
    database,
    `SELECT ${selected} FROM ${relation.from} ORDER BY "row"`,
    [],
    signal,
  );
  const names = [...expressions.keys()];
  const columns = version.columns.map((column) => {
    const at = names.indexOf(column.name);
    return at === -1 ? column : columnAt(store, at, column.name, column.section);
  });
  return { columns, patches: patchesWithout(version, names) };
}

export interface RowOptions {
  /** The rows are counted from 0 again, where they have no labels. */
  readonly counted?: boolean;
  /** The same rows in another order. */
  readonly reordered?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What a store of the same cells in another order has; undefined where some cells were set one by one. */
function reorderedStore(version: Version, before: readonly string[]): KnownStore | undefined {
  if (version.patches.size > 0 || version.columns.length === 0) return undefined;
  const first: Record<string, CellSource | null | undefined> = {
    label: version.index?.source,
    in_index: version.inIndex,
    in_series: version.inSeries,
  };
  const sources = [...before.map((name) => first[name] ?? null), ...version.columns];
  const fields = sources.map((source) => {
    const field = source?.store.fields.find((candidate) => candidate.field === source.field);
    return field ?? { type: 'BIGINT', nulls: 0 };
  });
  return { rows: version.rows, fields };
}

/**
 * All rows anew: fewer, more, or in another order.
 * @param from what stands behind FROM, given the relation: it has all of the relation's columns
 */
export async function withRows(
  database: Database,
  version: Version,
  from: (relation: Relation) => string,
  { counted = false, reordered = false, signal }: RowOptions = {},
): Promise<VersionChange> {
  const relation = relationOf(version);
  const keepsLabels = version.index !== null || !counted;
  const before = [
    ...(keepsLabels ? ['label'] : []),
    ...(version.inIndex ? ['in_index'] : []),
    ...(version.inSeries ? ['in_series'] : []),
  ];
  const cells = version.columns.map((_column, at) => `c${at}`);
  const all = [...before, ...cells];
  const selected = all.length > 0 ? all.map((name, at) => `${name} AS x${at}`).join(', ') : '"row" AS x0';
  const known = reordered ? reorderedStore(version, before) : undefined;
  const store = await writeStore(database, `SELECT ${selected} FROM ${from(relation)}`, [], signal, known);
  const at = (name: string) => sourceAt(store, before.indexOf(name));
  return {
    rows: store.rows,
    columns: version.columns.map(({ name, section }, place) =>
      columnAt(store, before.length + place, name, section),
    ),
    index: keepsLabels ? { name: version.index?.name ?? 'index', source: at('label') } : null,
    inIndex: version.inIndex ? at('in_index') : null,
    inSeries: version.inSeries ? at('in_series') : null,
    rowSource: sourceAt(store, 0),
    patches: new Map(),
  };
}
