/**
 * A data session as a checkpoint: its stores as Parquet, each written once however many checkpoints and forks have
 * it, and how its versions are put together from them.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { CheckpointContent, CheckpointSource, PartSink } from '../../types/engine.js';
import type { IFiles } from '../../types/ports.js';
import { cellSchema } from './cell-schema.js';
import type { Database } from './database.js';
import type { Focus } from './focus.js';
import { textLiteral } from './sql-text.js';
import { fieldName } from './store.js';
import type { Store } from './store.js';
import type { StateSnapshot } from './table-state.js';
import { sections } from './version.js';
import type { CellSource, Column, Version } from './version.js';

/** Bytes of one part: a store of any size is read back without ever being in memory as a whole. */
const partBytes = 32 * 1024 ** 2;

const typeSchema = z.string().regex(/^[A-Za-z0-9_(),."'[\] ]{1,2000}$/);
const placeSchema = z.tuple([z.string(), z.string()]);
const storeSchema = z.object({
  table: z.string().regex(/^s\d{1,9}$/),
  rows: z.number().int().min(0),
  fields: z.array(z.object({ type: typeSchema, nulls: z.number().int().min(0) })),
});
const versionSchema = z.object({
  seq: z.number().int(),
  parent: z.number().int().nullable(),
  operation: z.string(),
  rows: z.number().int(),
  columns: z.array(
    z.object({ name: z.string(), place: placeSchema, section: z.enum(sections), nullable: z.boolean() }),
  ),
  index: z.object({ name: z.string(), place: placeSchema }).nullable(),
  row_place: placeSchema,
  in_index: placeSchema.nullable(),
  in_series: placeSchema.nullable(),
  patches: z.array(z.tuple([z.string(), z.array(z.tuple([z.number().int(), cellSchema]))])),
});
const labelSchema = z.union([z.string(), z.number(), z.boolean()]);
const manifestSchema = z.object({
  stores: z.array(storeSchema),
  versions: z.array(versionSchema),
  head: z.number().int(),
  undone: z.array(z.number().int()),
  moves: z.array(z.object({ seq: z.number().int(), head: z.number().int() })),
  focus: z.object({
    index: labelSchema.nullable(),
    column: z.string().nullable(),
    selector: z.string().nullable(),
    subindex: cellSchema,
  }),
  origin: z.record(z.string(), z.unknown()),
});

export interface SavedState {
  readonly state: StateSnapshot;
  readonly focus: Focus;
  readonly origin: Readonly<Record<string, unknown>>;
}

/** Which parts hold a store that was written before, by its table. */
export type WrittenStores = Map<string, readonly { name: string; hash: string }[]>;

export interface SavePlace {
  readonly database: Database;
  readonly written: WrittenStores;
  readonly files: IFiles;
  /** Ends it when nobody needs it any more. */
  readonly signal: AbortSignal;
}

export async function writeCheckpoint(
  saved: SavedState,
  sink: PartSink,
  place: SavePlace,
): Promise<CheckpointContent> {
  const stores = [...new Set(saved.state.versions.flatMap(storesOf))];
  for (const store of stores) await writeStoreParts(store, sink, place);
  const { versions, head, undone, moves } = saved.state;
  const manifest = {
    stores: stores.map(({ table, rows, fields }) => ({
      table,
      rows,
      fields: fields.map(({ type, nulls }) => ({ type, nulls })),
    })),
    versions: versions.map(describe),
    head,
    undone,
    moves,
    focus: saved.focus,
    origin: saved.origin,
  };
  return { manifest };
}

function storesOf(version: Version): Store[] {
  const sources: (CellSource | null | undefined)[] = [
    ...version.columns,
    version.index?.source,
    version.rowSource,
    version.inIndex,
    version.inSeries,
  ];
  return sources.flatMap((source) => (source ? [source.store] : []));
}

const placeOf = ({ store, field }: CellSource): [string, string] => [store.table, field];

const describe = (version: Version): z.infer<typeof versionSchema> => ({
  seq: version.seq,
  parent: version.parent,
  operation: version.operation,
  rows: version.rows,
  columns: version.columns.map((column) => ({
    name: column.name,
    place: placeOf(column),
    section: column.section,
    nullable: column.nullable,
  })),
  index: version.index && { name: version.index.name, place: placeOf(version.index.source) },
  row_place: placeOf(version.rowSource),
  in_index: version.inIndex && placeOf(version.inIndex),
  in_series: version.inSeries && placeOf(version.inSeries),
  patches: [...version.patches].map(([name, own]) => [name, [...own]]),
});

async function writeStoreParts(
  store: Store,
  sink: PartSink,
  { database, written, files, signal }: SavePlace,
): Promise<void> {
  const before = written.get(store.table);
  if (before?.every(({ hash }) => sink.has(hash)) === true) {
    for (const { name, hash } of before) sink.reuse(name, hash);
    return;
  }
  const path = join(database.folder, `${store.table}.parquet`);
  const fields = store.fields.map(
    ({ field, type }) => `${isWide(type) ? `${field}::VARCHAR` : field} AS ${field}`,
  );
  const options = 'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1';
  await database.run(
    `COPY (SELECT ${fields.join(', ')} FROM ${store.table}) TO ${textLiteral(path)} (${options})`,
    [],
    signal,
  );
  try {
    const size = (await files.stat(path))?.size ?? 0;
    const parts: { name: string; hash: string }[] = [];
    for (let start = 0; start < size; start += partBytes) {
      signal.throwIfAborted();
      const name = `${store.table}.${parts.length}`;
      parts.push({ name, hash: await sink.put(name, slices(files, path, start)) });
    }
    written.set(store.table, parts);
  } finally {
    await files.remove(path);
  }
}

/** Parquet has no whole numbers of this size, and would make floats of them. */
const isWide = (type: string): boolean => type === 'HUGEINT' || type === 'UHUGEINT';

async function* slices(files: IFiles, path: string, start: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < start + partBytes;) {
    const bytes = await files.readRange(path, at, Math.min(1024 ** 2, start + partBytes - at));
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}

/** Null when nothing was saved: a session that is empty. */
export async function readCheckpoint(
  source: CheckpointSource,
  database: Database,
  written: WrittenStores,
  files: IFiles,
): Promise<SavedState | null> {
  if (Object.keys(source.manifest).length === 0) return null;
  const manifest = manifestSchema.parse(source.manifest);
  const stores = new Map<string, Store>();
  for (const described of manifest.stores) {
    stores.set(described.table, await readStore(described, source, database, files));
    const parts = source.parts.filter(({ name }) => name.startsWith(`${described.table}.`));
    written.set(
      described.table,
      parts.map(({ name, hash }) => ({ name, hash })),
    );
  }
  const { head, undone, moves, focus, origin } = manifest;
  const versions = manifest.versions.map((version) => revived(version, stores));
  return { state: { versions, head, undone, moves }, focus, origin };
}

async function readStore(
  { table, rows, fields }: z.infer<typeof storeSchema>,
  source: CheckpointSource,
  database: Database,
  files: IFiles,
): Promise<Store> {
  const path = join(database.folder, `${table}.parquet`);
  await files.writePieces(path, partsOf(source, table));
  const selected = fields.map(({ type }, place) => `${fieldName(place)}::${type} AS ${fieldName(place)}`);
  const sql = `CREATE TABLE ${table} AS SELECT ${selected.join(', ')} FROM read_parquet(${textLiteral(path)})`;
  await database.run(sql);
  await files.remove(path);
  database.tablesBegin(Number(table.slice(1)));
  return { table, rows, fields: fields.map((field, place) => ({ ...field, field: fieldName(place) })) };
}

async function* partsOf(source: CheckpointSource, table: string): AsyncGenerator<Uint8Array> {
  for (let number = 0; ; number += 1) {
    const name = `${table}.${number}`;
    if (!source.parts.some((part) => part.name === name)) return;
    yield await source.read(name);
  }
}

function revived(described: z.infer<typeof versionSchema>, stores: ReadonlyMap<string, Store>): Version {
  const at = ([table, field]: [string, string]): CellSource => {
    const store = stores.get(table);
    const found = store?.fields.find((candidate) => candidate.field === field);
    if (!store || !found) throw new Error(`a version needs ${table}.${field}, which was not saved`);
    return { store, field, type: found.type };
  };
  const columns = described.columns.map(({ name, place, section, nullable }): Column => ({
    ...at(place),
    name,
    section,
    nullable,
  }));
  const { seq, parent, operation, rows, index, in_index, in_series } = described;
  return {
    seq,
    parent,
    operation,
    rows,
    columns,
    index: index && { name: index.name, source: at(index.place) },
    rowSource: at(described.row_place),
    inIndex: in_index && at(in_index),
    inSeries: in_series && at(in_series),
    patches: new Map(described.patches.map(([name, own]) => [name, new Map(own)])),
  };
}
