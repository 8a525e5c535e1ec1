/** Interface files: found, read and checked, down to the sections that have data. */
import { isAbsolute } from 'node:path';
import { SojournError } from '../../../types/errors.js';
import type { NamedBy } from './confined-paths.js';
import { loadErrors } from './load-errors.js';
import type { ParsedRecord, ParsedValue } from './parsed-value.js';
import { isRecord } from './parsed-value.js';
import type { Workbench } from './workbench.js';
import { parseYaml, YamlProblem } from './yaml-text.js';

export interface InterfaceFile {
  /** Its text as errors tell it. */
  readonly path: string;
  /** The folder that it was looked for in: where its relative folders begin. */
  readonly directory: string;
  readonly content: ParsedRecord;
}

export const interfaceBytesMax = 2 ** 20;

/** Where an interface file is, which need not be there. */
export function interfacePath(
  bench: Workbench,
  request: { readonly interface_file: string; readonly directory?: string },
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
  if (!found) throw new SojournError('file_not_found', `Interface file not found: ${path}`, { path });
  if (found.stat.size > interfaceBytesMax)
    throw loadErrors.invalid(
      `Interface file '${path}' has ${found.stat.size} bytes; at most ${interfaceBytesMax} are read.`,
    );
  const bytes = await bench.context.files.read(found.path);
  const content = parsed(textOf(bytes, path), path);
  if (content === null) throw loadErrors.invalid(`No data found in "${path}".`);
  if (!isRecord(content)) throw loadErrors.invalid(`Interface file '${path}' must be a mapping of keys.`);
  return { path, directory, content };
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw loadErrors.data(`'${path}' is not valid UTF-8; convert it to UTF-8 first.`, { path }, error);
  }
}

function parsed(text: string, path: string): ParsedValue {
  try {
    return parseYaml(text, path);
  } catch (error) {
    if (error instanceof YamlProblem) throw loadErrors.invalid(error.message, { path });
    throw error;
  }
}
