/** Reads what a section describes, by its type. */
import type { Frame } from './frame.js';
import { loadErrors } from './load-errors.js';
import { columnsOf } from './parsing/value-table.js';
import type { FileKind } from './readers/by-extension.js';
import { kindByExtension, readFile, refused } from './readers/by-extension.js';
import { directoryKinds, readDirectory, readList } from './readers/directory.js';
import { readFake } from './readers/fake.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { filePath, singleFile } from './section-place.js';
import { frameOfValues } from './value-frame.js';
import type { Workbench } from './workbench.js';

const fileTypes: readonly FileKind[] = [
  ...(['csv', 'tsv', 'json', 'jsonl', 'parquet', 'excel', 'yaml', 'markdown', 'bibtex'] as const),
];

/**
 * Anything but stacks, which read sections in their turn; null for a type that is not known here.
 * @throws interface_invalid · not_supported · data_error · limit_exceeded
 */
export async function readSource(
  bench: Workbench,
  keys: SectionKeys,
  place: SectionPlace,
): Promise<Frame | null> {
  const { type } = keys;
  const refusal = refused(type);
  if (refusal) throw refusal;
  const kind = fileTypes.find((name) => name === type);
  if (kind) return readFile(bench, await singleFile(bench, keys, place), kind, keys);
  if (type === 'auto') {
    const auto = kindByExtension(filePath(bench, keys, place));
    return readFile(bench, await singleFile(bench, keys, place), auto, keys);
  }
  if (type === 'local') return readLocal(bench, keys);
  if (type === 'fake') return readFake(bench, keys);
  if (type === 'list') return readList(bench, keys, place);
  return directoryKinds.has(type) ? readDirectory(bench, keys, place) : null;
}

function readLocal(bench: Workbench, { data }: SectionKeys): Promise<Frame> {
  if (data === undefined || data === null)
    throw loadErrors.invalid(
      `Could not create data frame from details specified in "local" entry. Missing key 'data'.`,
    );
  return frameOfValues(bench, columnsOf(data, '"data"'));
}
