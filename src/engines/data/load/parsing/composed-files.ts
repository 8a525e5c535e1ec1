/** Records as the text or bytes of files. */
import { loadErrors } from '../load-errors.js';
import type { ParsedRecord, ParsedValue } from '../parsed-value.js';
import { jsonText, plainText } from '../parsed-value.js';

export type ComposedFormat = 'csv' | 'json' | 'yaml' | 'markdown' | 'bibtex' | 'excel';

export interface ComposeRequest {
  readonly format: ComposedFormat;
  readonly records: readonly ParsedRecord[];
  readonly columns: readonly string[];
  /** Of a workbook. */
  readonly sheet: string;
  /** A file for each record, where the format allows it. */
  readonly isEach: boolean;
}

/** One file, or one for each record. @throws data_error for records that the format cannot hold */
export async function compose(request: ComposeRequest): Promise<Uint8Array[]> {
  const { isEach, records } = request;
  if (!isEach) return [await composeOne(request)];
  const files: Uint8Array[] = [];
  for (const record of records) {
    const columns = Object.keys(record);
    files.push(await composeOne({ ...request, columns, records: [record] }));
  }
  return files;
}

async function composeOne(request: ComposeRequest): Promise<Uint8Array> {
  const { format, records, columns } = request;
  if (format === 'excel') return excel(request);
  if (format === 'csv') return bytes(csv(request));
  const rows = records.map((record) => ordered(record, columns));
  if (format === 'json') return bytes(`[${rows.map(jsonText).join(',\n ')}]\n`);
  const filled = rows.map(withoutNulls);
  if (format === 'bibtex') return bytes(bibtex(filled));
  if (format === 'markdown') return bytes(await markdown(filled));
  return bytes(await yaml(request.isEach ? (filled[0] ?? {}) : filled));
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const ordered = (record: ParsedRecord, columns: readonly string[]): ParsedRecord =>
  Object.fromEntries(
    columns.map((name) => [name, Object.hasOwn(record, name) ? (record[name] ?? null) : null]),
  );

const withoutNulls = (record: ParsedRecord): ParsedRecord =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));

function csv({ records, columns }: ComposeRequest): string {
  const lines = [columns.map(quoted).join(',')];
  for (const record of records)
    lines.push(columns.map((name) => quoted(csvText(record[name] ?? null))).join(','));
  return `${lines.join('\n')}\n`;
}

/** Booleans as pandas writes them. */
function csvText(value: ParsedValue): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return plainText(value);
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function yaml(value: ParsedValue): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(value, {
    version: '1.1',
    blockQuote: 'literal',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

async function markdown(records: readonly ParsedRecord[]): Promise<string> {
  const [record, ...others] = records;
  if (!record || others.length > 0)
    throw loadErrors.data(`A markdown file holds one record; there are ${records.length}.`);
  const { content = '', ...fields } = record;
  const front = Object.keys(fields).length === 0 ? '' : await yaml(fields);
  return `---\n${front}---\n\n${plainText(content)}\n`;
}

const unfitForKeys = /[@',#}{~%\s]/;

function bibtex(records: readonly ParsedRecord[]): string {
  const seen = new Set<string>();
  const entries = records.map((record) => {
    const { ENTRYTYPE: type = 'misc', ID: id = '', ...fields } = record;
    const key = plainText(id);
    if (key === '' || unfitForKeys.test(key) || seen.has(key))
      throw loadErrors.data(
        `BibTeX needs an "ID" for each record that no other has, without @',#}{~% and spaces; '${key}' is none.`,
      );
    seen.add(key);
    const lines = Object.entries(fields).map(([name, value]) => ` ${name} = {${plainText(value)}}`);
    return `@${plainText(type)}{${[key, ...lines].join(',\n')}\n}\n`;
  });
  return entries.join('\n');
}

async function excel({ records, columns, sheet }: ComposeRequest): Promise<Uint8Array> {
  const { default: write } = await import('write-excel-file/node');
  const header = columns.map((name) => ({ value: name, fontWeight: 'bold' as const }));
  const rows = records.map((record) => columns.map((name) => excelCell(record[name] ?? null)));
  return write([header, ...rows], { sheet }).toBuffer();
}

function excelCell(value: ParsedValue) {
  if (value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value)) return { value };
  return typeof value === 'boolean' ? { value } : { value: plainText(value), type: String };
}
