/** A sheet of an Excel workbook as records below a row of names. */
import { loadErrors } from '../load-errors.js';
import type { ParsedValue } from '../parsed-value.js';
import { plainText } from '../parsed-value.js';
import { uniqueNames } from '../readers/csv-header.js';
import type { ValueColumn } from './value-table.js';

export interface ExcelRequest {
  readonly bytes: Uint8Array;
  readonly path: string;
  /** A name, or a place from 0. */
  readonly sheet: string | number;
  /** The row with the names; null: there is none. */
  readonly header: number | null;
}

/** @throws interface_invalid for a sheet that is not there · data_error for what is no workbook */
export async function parseExcel({ bytes, path, sheet, header }: ExcelRequest): Promise<ValueColumn[]> {
  const { default: readSheets } = await import('read-excel-file/node');
  let sheets: readonly { sheet: string; data: readonly (readonly unknown[])[] }[];
  try {
    sheets = await readSheets(Buffer.from(bytes), { trim: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw loadErrors.data(
      `'${path}' cannot be read as an Excel workbook (.xlsx): ${reason}`,
      { path },
      error,
    );
  }
  const found = typeof sheet === 'number' ? sheets[sheet] : sheets.find((one) => one.sheet === sheet);
  if (!found) {
    const known = sheets.map((one) => `'${one.sheet}'`).join(', ');
    throw loadErrors.invalid(`Worksheet named '${sheet}' not found. Worksheets are ${known}.`, { path });
  }
  const width = Math.max(0, ...found.data.map((row) => row.length));
  const names =
    header === null
      ? Array.from({ length: width }, (_, at) => String(at))
      : uniqueNames(Array.from({ length: width }, (_, at) => nameOf(found.data[header]?.[at])));
  const rows = header === null ? found.data : found.data.slice(header + 1);
  return names.map((name, at) => ({ name, cells: rows.map((row) => cellOf(row[at])) }));
}

const nameOf = (cell: unknown): string => plainText(cellOf(cell));

function cellOf(cell: unknown): ParsedValue {
  if (cell === null || cell === undefined || cell === '') return null;
  if (cell instanceof Date) return dateText(cell);
  if (typeof cell === 'number') return Number.isNaN(cell) ? null : cell;
  return typeof cell === 'boolean' || typeof cell === 'string' ? cell : null;
}

/** A date that has no time of day is told without one. */
function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return '';
  const text = date.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.replace(/(\.000)?Z$/, '');
}
