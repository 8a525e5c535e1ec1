/** Where a section stands, and the files that it names from there. */
import type { FoundFile, NamedBy } from './confined-paths.js';
import { loadErrors } from './load-errors.js';
import type { SectionKeys } from './section-keys.js';
import type { Workbench } from './workbench.js';

export interface SectionPlace {
  /** Where relative folders begin. */
  readonly base: string;
  readonly by: NamedBy;
  /** How many stacks it is in. */
  readonly depth: number;
}

export const baseOf = (bench: Workbench, section: SectionKeys, place: SectionPlace): string =>
  section.base_directory === undefined
    ? place.base
    : bench.paths.folder(section.base_directory, bench.paths.home);

/** Without a folder of its own, a file name begins at the first data root. */
export const folderOf = (bench: Workbench, section: SectionKeys, place: SectionPlace): string =>
  section.directory === undefined
    ? bench.paths.home
    : bench.paths.folder(section.directory, baseOf(bench, section, place));

/** The text of the path that a section names. @throws interface_invalid */
export function filePath(bench: Workbench, section: SectionKeys, place: SectionPlace): string {
  const [name, ...others] = section.filename ?? [];
  if (name === undefined || name === '')
    throw loadErrors.invalid(`A section of type "${section.type}" needs a "filename".`);
  if (others.length > 0)
    throw loadErrors.invalid(
      `A section of type "${section.type}" has one "filename"; type list has several.`,
    );
  return bench.paths.file(name, folderOf(bench, section, place));
}

export const singleFile = (bench: Workbench, section: SectionKeys, place: SectionPlace): Promise<FoundFile> =>
  bench.find(filePath(bench, section, place), place.by);
