/** Reads what a section describes, by its type. */
import type { Frame } from './frame.js';
import { loadErrors } from './load-errors.js';
import { readCsv } from './readers/csv.js';
import { askedTypes } from './section-keys.js';
import type { SectionKeys } from './section-keys.js';
import type { SectionPlace } from './section-place.js';
import { singleFile } from './section-place.js';
import type { Workbench } from './workbench.js';

export type SourceReader = (bench: Workbench, section: SectionKeys, place: SectionPlace) => Promise<Frame>;

const separated =
  (delimiter: string): SourceReader =>
  async (bench, section, place) =>
    readCsv(bench, await singleFile(bench, section, place), {
      delimiter: section.delimiter ?? delimiter,
      quote: section.quotechar ?? '"',
      header: section.header === undefined ? 0 : section.header,
      types: askedTypes(section),
    });

const readers: ReadonlyMap<string, SourceReader> = new Map([
  ['csv', separated(',')],
  ['tsv', separated('\t')],
]);

/** @throws interface_invalid · data_error · limit_exceeded */
export async function readSource(
  bench: Workbench,
  section: SectionKeys,
  place: SectionPlace,
): Promise<Frame> {
  const reader = readers.get(section.type);
  if (!reader) throw loadErrors.invalid(`Unknown type "${section.type}" in read_data.`);
  return reader(bench, section, place);
}
