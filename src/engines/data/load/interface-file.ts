/** Interface files: found, read, and what they inherit put in. */
import { basename, isAbsolute } from 'node:path';
import { SojournError } from '../../../types/errors.js';
import type { NamedBy } from './confined-paths.js';
import { loadErrors } from './load-errors.js';
import type { ParsedRecord } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import type { Workbench } from './workbench.js';

export interface InterfaceFile {
  /** Its text as errors tell it. */
  readonly path: string;
  /** The folder that it was looked for in: where its relative folders begin. */
  readonly directory: string;
  readonly content: ParsedRecord;
}

const interfaceBytesMax = 2 ** 20;

/** Where an interface file is, which need not be there. */
export function interfacePath(
  bench: Workbench,
  request: { readonly interface_file: string; readonly directory?: string | undefined },
): { path: string; directory: string } {
  const directory = bench.paths.folder(request.directory ?? '.', bench.paths.home);
  const name = request.interface_file;
  return { path: isAbsolute(name) ? name : bench.paths.file(name, directory), directory };
}

/**
 * @throws file_not_found · invalid_params or interface_invalid for a path out of the roots · interface_invalid for
 * what is no mapping, too large, or no YAML
 */
export async function readInterface(
  bench: Workbench,
  { path, directory }: { path: string; directory: string },
  by: NamedBy,
): Promise<InterfaceFile> {
  const found = await bench.lookFor(path, by);
  if (!found) {
    if (by === 'file') throw loadErrors.missing(path);
    throw new SojournError('file_not_found', `Interface file not found: ${path}`, { path });
  }
  if (found.stat.size > interfaceBytesMax)
    throw loadErrors.invalid(
      `Interface file '${path}' has ${found.stat.size} bytes; at most ${interfaceBytesMax} are read.`,
    );
  const content = await bench.jobs.run('yaml', { text: await bench.text(found), path });
  if (content === null) throw loadErrors.invalid(`No data found in "${path}".`);
  if (!isRecord(content)) throw loadErrors.invalid(`Interface file '${path}' must be a mapping of keys.`);
  return { path, directory, content };
}

/** The interface that a top-level key holds as a whole. @throws interface_invalid */
export function interfaceIn(file: InterfaceFile, field: string | undefined): InterfaceFile {
  if (field === undefined) return file;
  const inner = Object.hasOwn(file.content, field) ? file.content[field] : undefined;
  if (isRecord(inner)) return { ...file, content: inner };
  throw loadErrors.invalid(`Field "${field}" specified but not found in file "${file.path}"`);
}

/** As it is used: with what is added where the file says nothing, and variables in its top-level texts replaced. */
export function completed(
  bench: Workbench,
  content: ParsedRecord,
  { path, directory }: Pick<InterfaceFile, 'path' | 'directory'>,
): ParsedRecord {
  const whole: ParsedRecord = { ...content };
  whole['base_directory'] ??= directory;
  whole['user_file'] ??= basename(path);
  const entries = Object.entries(whole).map(([key, value]) => [
    key,
    typeof value === 'string' ? bench.paths.expand(value) : value,
  ]);
  return Object.fromEntries(entries) as ParsedRecord;
}
