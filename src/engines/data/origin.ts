/** Where a session's table came from, as its metadata tell it. */
import { z } from 'zod';
import type { IFiles } from '../../types/ports.js';
import { dtypesOf } from './dtypes.js';
import type { Version } from './version.js';

export const originSchema = z.object({
  interface_file: z.string().nullable(),
  directory: z.string().nullable(),
  interface_field: z.string().nullable(),
  sources: z.array(z.object({ path: z.string(), size: z.number(), mtime_ms: z.number() })),
  warnings: z.array(z.string()),
  /** A source is not what it was when it was loaded, or is gone. */
  source_changed: z.boolean(),
});
export type Origin = z.infer<typeof originSchema>;

export const emptyOrigin: Origin = {
  interface_file: null,
  directory: null,
  interface_field: null,
  sources: [],
  warnings: [],
  source_changed: false,
};

/** Compares the sources with what they were. */
export async function lookedAt(origin: Origin, files: IFiles): Promise<Origin> {
  for (const { path, size, mtime_ms } of origin.sources) {
    const stat = await files.stat(path).catch(() => null);
    if (stat?.size !== size || Math.abs(stat.mtimeMs - mtime_ms) > 1)
      return { ...origin, source_changed: true };
  }
  return { ...origin, source_changed: false };
}

/** Of wide tables the columns are counted, and asked for with get_columns. */
const columnsTold = 200;

/** What a data session adds to its metadata. */
export function factsOf(version: Version, origin: Origin): Record<string, unknown> {
  const { sources: _sources, warnings, ...from } = origin;
  const told = version.columns.slice(0, columnsTold);
  return {
    ...from,
    shape: [version.rows, version.columns.length],
    columns: told.map(({ name }) => name),
    dtypes: dtypesOf(told),
    index: version.index?.name ?? null,
    version: version.seq,
    warnings: warnings.slice(0, 20),
  };
}
