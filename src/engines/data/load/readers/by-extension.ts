/** The reader of a file by the end of its name. */
import { basename } from 'node:path';
import { SojournError } from '../../../../types/errors.js';
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import { loadErrors } from '../load-errors.js';
import { askedTypes } from '../section-keys.js';
import type { SectionKeys } from '../section-keys.js';
import type { Workbench } from '../workbench.js';
import { readCsv } from './csv.js';
import { readJson, readJsonLines } from './json.js';
import { readParquet } from './parquet.js';
import { readDocument, readExcel } from './parsed-files.js';

export type FileKind =
  'csv' | 'tsv' | 'json' | 'jsonl' | 'parquet' | 'excel' | 'yaml' | 'markdown' | 'bibtex' | 'text';

const kinds: ReadonlyMap<string, FileKind> = new Map<string, FileKind>([
  ...(['md', 'mmd', 'markdown', 'html'] as const).map((end) => [end, 'markdown'] as const),
  ...(['yml', 'yaml'] as const).map((end) => [end, 'yaml'] as const),
  ...(['bib', 'bibtex'] as const).map((end) => [end, 'bibtex'] as const),
  ...(['jsonl', 'ndjson'] as const).map((end) => [end, 'jsonl'] as const),
  ...(['parquet', 'pq'] as const).map((end) => [end, 'parquet'] as const),
  ['json', 'json'],
  ['txt', 'text'],
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['xlsx', 'excel'],
]);

/** What cannot be read, and what to do instead. */
export const refusals: Readonly<Record<string, string>> = {
  gsheet: 'Google sheets (gsheet) are not available here: export the sheet as csv and load that.',
  docx: 'Word documents (docx) are not available here: save the document as markdown and load that.',
  docx_directory:
    'Word documents (docx) are not available here: save them as markdown and load a markdown_directory.',
  xls: 'Old Excel workbooks (xls) are not available here: save the workbook as xlsx or csv and load that.',
  doc: 'Word documents (doc) are not available here: save the document as markdown and load that.',
};

export const refused = (what: string): SojournError | null =>
  Object.hasOwn(refusals, what)
    ? new SojournError('not_supported', refusals[what] ?? '', { type: what })
    : null;

/** @throws interface_invalid for an end that nothing is known of · not_supported */
export function kindByExtension(path: string): FileKind {
  const extension = /\.([^.]+)$/.exec(basename(path))?.[1]?.toLowerCase() ?? '';
  const refusal = refused(extension);
  if (refusal) throw refusal;
  const kind = kinds.get(extension);
  if (!kind) throw loadErrors.invalid(`Unrecognised type of file in "${path}"`);
  return kind;
}

/** A whole file as a table. */
export function readFile(
  bench: Workbench,
  file: FoundFile,
  kind: FileKind,
  keys: SectionKeys,
): Promise<Frame> {
  if (kind === 'json') return readJson(bench, file);
  if (kind === 'jsonl') return readJsonLines(bench, file);
  if (kind === 'parquet') return readParquet(bench, file);
  if (kind === 'excel') {
    if (/\.xls$/i.test(file.path)) throw refused('xls') ?? loadErrors.invalid('xls');
    return readExcel(bench, file, keys);
  }
  if (kind === 'csv' || kind === 'tsv')
    return readCsv(bench, file, {
      delimiter: keys.delimiter ?? (kind === 'csv' ? ',' : '\t'),
      quote: keys.quotechar ?? '"',
      header: keys.header === undefined ? 0 : keys.header,
      types: askedTypes(keys),
    });
  return readDocument(bench, file, kind);
}
