/** Folders with files that are a row each, and lists of files. */
import { basename, dirname } from 'node:path';
import { SojournError } from '../../../../types/errors.js';
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import { withColumn } from '../frame-tables.js';
import { loadErrors } from '../load-errors.js';
import type { DocumentFormat, TextFile } from '../parsing/jobs.js';
import type { SectionKeys } from '../section-keys.js';
import type { SectionPlace } from '../section-place.js';
import { baseOf } from '../section-place.js';
import { textLiteral } from '../../sql-text.js';
import { frameOfJob, frameOfValues } from '../value-frame.js';
import type { Workbench } from '../workbench.js';
import { kindByExtension, readFile } from './by-extension.js';
import { under } from './stacks.js';

export const directoryKinds: ReadonlyMap<string, { glob: string; format: DocumentFormat | 'meta' | null }> =
  new Map([
    ['directory', { glob: '*', format: null }],
    ['yaml_directory', { glob: '*.yml', format: 'yaml' }],
    ['json_directory', { glob: '*.json', format: 'json' }],
    ['markdown_directory', { glob: '*.md', format: 'markdown' }],
    ['bibtex_directory', { glob: '*.bib', format: 'bibtex' }],
    ['meta_directory', { glob: '*', format: 'meta' }],
  ]);

const filesMax = 100_000;
const textBytesMax = 64 * 2 ** 20;

interface ListedFile {
  readonly name: string;
  readonly folder: string;
  /** As the section has it. */
  readonly directory: string;
}

export async function readDirectory(
  bench: Workbench,
  keys: SectionKeys,
  place: SectionPlace,
): Promise<Frame> {
  const kind = directoryKinds.get(keys.type) ?? { glob: '*', format: null };
  const root = baseOf(bench, keys, place);
  const listed = await listedFiles(bench, keys, place, kind);
  const names = {
    root: keys.store_fields?.root ?? 'sourceRoot',
    directory: keys.store_fields?.directory ?? 'sourceDirectory',
    filename: keys.store_fields?.filename ?? 'sourceFilename',
  };
  const added = {
    [names.root]: listed.map(() => root),
    [names.directory]: listed.map(({ directory }) => directory),
    [names.filename]: listed.map(({ name }) => name),
  };
  if (kind.format === null || listed.length === 0)
    return frameOfValues(
      bench,
      Object.entries(added).map(([name, cells]) => ({ name, cells })),
    );
  const files = await textsOf(bench, listed, kind.format === 'meta', place);
  const format = kind.format === 'meta' ? 'yaml' : kind.format;
  return frameOfJob(bench, await bench.jobs.run('documents', { format, files, isDirectory: true, added }));
}

async function listedFiles(
  bench: Workbench,
  keys: SectionKeys,
  place: SectionPlace,
  { glob, format }: { glob: string; format: string | null },
): Promise<ListedFile[]> {
  const sources = keys.source ?? [keys.directory === undefined ? {} : { directory: keys.directory }];
  const found: ListedFile[] = [];
  for (const source of sources) {
    const directory = source.directory ?? '.';
    const folder = bench.paths.folder(directory, baseOf(bench, keys, place));
    const real = await bench.paths.confine(folder, place.by);
    let names = await namesIn(bench, real, folder);
    const pattern = source.glob ?? glob;
    if (pattern.includes('/'))
      throw loadErrors.invalid(`"glob" is a pattern for names in one folder; '${pattern}' has a slash.`);
    if (pattern !== '*' || source.regexp !== undefined)
      names = await bench.jobs.run('names', { names, glob: pattern, regexp: source.regexp ?? null });
    if (format === 'meta') names = names.filter((name) => !isMetaOf(name, names));
    found.push(...names.map((name) => ({ name, folder, directory })));
    if (found.length > filesMax)
      throw new SojournError('limit_exceeded', `More than ${filesMax} files in '${folder}'.`, {
        limit: 'files',
      });
  }
  return found;
}

const isMetaOf = (name: string, names: readonly string[]): boolean =>
  name.endsWith('.yml') && names.includes(name.slice(0, -'.yml'.length));

/** Files and links in a folder, by name. */
async function namesIn(bench: Workbench, real: string, folder: string): Promise<string[]> {
  try {
    const entries = await bench.context.files.list(real, filesMax + 1);
    const names = entries.filter(({ type }) => type === 'file' || type === 'link').map(({ name }) => name);
    return names.sort();
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null;
    if (code === 'ENOENT') throw loadErrors.missing(folder);
    throw loadErrors.invalid(`'${folder}' cannot be listed (${String(code)}).`, { path: folder });
  }
}

async function textsOf(
  bench: Workbench,
  listed: readonly ListedFile[],
  isMeta: boolean,
  place: SectionPlace,
): Promise<TextFile[]> {
  const texts: TextFile[] = [];
  let bytes = 0;
  for (const [at, { name, folder }] of listed.entries()) {
    const path = bench.paths.file(isMeta ? `${name}.yml` : name, folder);
    const file = isMeta ? await bench.lookFor(path, place.by) : await bench.find(path, place.by);
    bytes += file?.stat.size ?? 0;
    if (bytes > textBytesMax)
      throw new SojournError(
        'limit_exceeded',
        `The files in '${folder}' have more than ${textBytesMax} bytes.`,
        {
          limit: 'bytes',
        },
      );
    texts.push({ path, text: file ? await bench.text(file) : '' });
    if (at % 100 === 99) bench.context.progress(`read ${at + 1} of ${listed.length} files`);
  }
  return texts;
}

/** Several files, each read by its extension, one under another. */
export async function readList(bench: Workbench, keys: SectionKeys, place: SectionPlace): Promise<Frame> {
  const names = keys.filename ?? [];
  if (names.length === 0) throw loadErrors.invalid('A section of type "list" needs a list as "filename".');
  const root = baseOf(bench, keys, place);
  const folder = keys.directory === undefined ? root : bench.paths.folder(keys.directory, root);
  const frames: Frame[] = [];
  for (const name of names) {
    const file: FoundFile = await bench.find(bench.paths.file(name, folder), place.by);
    let frame = await readFile(bench, file, kindByExtension(name), keys);
    const added = { sourceRoot: root, sourceDirectory: dirname(name), sourceFile: basename(name) };
    for (const [column, text] of Object.entries(added)) {
      if (frame.columns.some((own) => own.name === column))
        throw loadErrors.data(`'${file.path}' has a column "${column}", which says where a row is from.`);
      frame = await withColumn(bench, frame, column, { type: 'VARCHAR', value: textLiteral(text) });
    }
    frames.push(frame);
  }
  return under(bench, frames);
}
