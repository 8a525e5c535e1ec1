/** The names in the header of a file with separated values, and where it stands. */
import type { IFiles } from '../../../../types/ports.js';
import { loadErrors } from '../load-errors.js';

export interface CsvHeader {
  readonly names: readonly string[];
  /** Lines of the file that come before it. */
  readonly skip: number;
}

export interface CsvForm {
  readonly delimiter: string;
  readonly quote: string;
  /** Which row has the names, empty lines not counted; null: none has. */
  readonly header: number | null;
}

const firstBytes = 2 ** 16;
const headerBytesMax = 2 ** 23;

/** @throws data_error when there is nothing to read or it is no text */
export async function readCsvHeader(
  files: IFiles,
  path: string,
  size: number,
  form: CsvForm,
): Promise<CsvHeader> {
  for (let length = firstBytes; ; length *= 4) {
    const bytes = await files.readRange(path, 0, Math.min(length, headerBytesMax));
    const isAll = bytes.byteLength >= size;
    const found = findHeader(decode(bytes, path), isAll, form);
    if (found) return found;
    if (isAll) throw loadErrors.data(`No columns to parse from file '${path}'.`, { path });
    if (length >= headerBytesMax)
      throw loadErrors.data(`The header of '${path}' is longer than ${headerBytesMax} bytes.`, { path });
  }
}

function decode(bytes: Uint8Array, path: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw loadErrors.data(`'${path}' is UTF-16; only UTF-8 can be read: convert it first.`, { path });
  // A character may be cut in two at the end; what is wrong elsewhere is found when all is read.
  return new TextDecoder('utf-8').decode(bytes);
}

/** Null when the text ends before the header does. */
function findHeader(text: string, isAll: boolean, form: CsvForm): CsvHeader | null {
  let position = 0;
  let skip = 0;
  let rows = 0;
  while (position < text.length) {
    const record = readRecord(text, position, form);
    if (record.isOpen && !isAll) return null;
    const isBlank = record.fields.length === 1 && record.fields[0]?.trim() === '' && !record.isQuoted;
    if (!isBlank) {
      if (form.header === null) return { names: record.fields.map((_field, at) => String(at)), skip };
      if (rows === form.header) return { names: uniqueNames(record.fields), skip };
      rows += 1;
    }
    skip += record.lines;
    position = record.end;
  }
  return null;
}

interface CsvRecord {
  readonly fields: string[];
  readonly lines: number;
  readonly end: number;
  /** The text ended before the record did. */
  readonly isOpen: boolean;
  readonly isQuoted: boolean;
}

function readRecord(text: string, start: number, { delimiter, quote }: CsvForm): CsvRecord {
  const fields: string[] = [];
  let lines = 1;
  let position = start;
  let isQuoted = false;
  for (;;) {
    const field = readField(text, position, delimiter, quote);
    fields.push(field.value);
    lines += field.newlines;
    isQuoted ||= field.isQuoted;
    position = field.end;
    if (text[position] === delimiter) {
      position += 1;
      continue;
    }
    const isOpen = position >= text.length;
    const end = text.startsWith('\r\n', position) ? position + 2 : position + 1;
    return { fields, lines, end, isOpen, isQuoted };
  }
}

function readField(text: string, start: number, delimiter: string, quote: string) {
  const isEnd = (at: number) =>
    at >= text.length || text[at] === delimiter || text[at] === '\n' || text[at] === '\r';
  let value = '';
  let position = start;
  const isQuoted = quote !== '' && text[position] === quote;
  if (isQuoted) {
    position += 1;
    for (;;) {
      const close = text.indexOf(quote, position);
      value += text.slice(position, close === -1 ? text.length : close);
      position = close === -1 ? text.length : close + 1;
      if (close === -1 || text[position] !== quote) break;
      value += quote;
      position += 1;
    }
  }
  const newlines = isQuoted ? (text.slice(start, position).match(/\r\n|\r|\n/g)?.length ?? 0) : 0;
  const rest = position;
  while (!isEnd(position)) position += 1;
  return { value: value + text.slice(rest, position), end: position, newlines, isQuoted };
}

/** As pandas names them: `Unnamed: 2` where there is no name, `x.1` for the second x. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  const filled = names.map((name, at) => (name === '' ? `Unnamed: ${at}` : name));
  const given = new Set(filled);
  return filled.map((name) => {
    let unique = name;
    let count = next.get(name) ?? 0;
    while (taken.has(unique) || (count > 0 && given.has(unique))) {
      count += 1;
      unique = `${name}.${count}`;
    }
    next.set(name, count);
    taken.add(unique);
    return unique;
  });
}
