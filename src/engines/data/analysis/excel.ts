/**
 * Writes a table as an Excel workbook, in a worker thread: the whole sheet is put together at once, which takes
 * seconds. The worker's source is a string: it needs no file beside it, so it works from TypeScript sources as from the
 * compiled ones, and the library is resolved here, because a worker made from a string resolves names from the working
 * directory. The file is written by a pipeline, which waits until it is closed: a worker that ends earlier would leave
 * it open.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { SojournError } from '../../../types/errors.js';
import type { Cell } from '../cells.js';

export const sheetRowsMax = 1_048_575;
const sheetColumnsMax = 16_384;
/** A cell is an object while the sheet is put together: this many take about a gigabyte. */
const sheetCellsMax = 4_000_000;
const textMax = 32_767;

export interface Sheet {
  readonly names: readonly string[];
  /** As DuckDB writes them. */
  readonly types: readonly string[];
  readonly rows: number;
  /** Column by column, some rows at a time. */
  readonly pieces: AsyncIterable<readonly (readonly Cell[])[]>;
}

const source = `
const { createWriteStream } = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { parentPort, workerData } = require('node:worker_threads');
const library = require(workerData.library);
const write = library.default ?? library;
const { names, kinds, path } = workerData;
const clean = (text) => text.replace(/[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\ufffe\\uffff]/g, '');
const cellOf = (value, kind) => {
  if (value === null) return null;
  if (typeof value === 'number') return { type: Number, value };
  if (typeof value === 'boolean') return { type: Boolean, value };
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (kind) {
    const date = new Date(text.endsWith('Z') || text.length === 10 ? text : text + 'Z');
    if (date.getTime() >= Date.UTC(1900, 2, 1)) return { type: Date, value: date, format: kind };
  }
  return { type: String, value: clean(text) };
};
const data = [names.map((name) => ({ type: String, value: clean(name) }))];
parentPort.on('message', (columns) => {
  if (columns === null) {
    write(data).toStream().then((bytes) => pipeline(bytes, createWriteStream(path))).then(
      () => { parentPort.postMessage({ done: true }); parentPort.close(); },
      (error) => { throw error; },
    );
    return;
  }
  const rows = columns[0] ? columns[0].length : 0;
  for (let row = 0; row < rows; row += 1)
    data.push(columns.map((cells, at) => cellOf(cells[row], kinds[at])));
  parentPort.postMessage({ taken: rows });
});`;

/** How Excel shows dates. */
const kindOf = (type: string): string => {
  if (type === 'DATE') return 'yyyy-mm-dd';
  return type.startsWith('TIMESTAMP') ? 'yyyy-mm-dd hh:mm:ss' : '';
};

/** @throws limit_exceeded when it does not fit into a sheet · data_error · timeout */
export async function writeExcel(sheet: Sheet, path: string, signal?: AbortSignal): Promise<void> {
  assertFits(sheet);
  const library = createRequire(import.meta.url).resolve('write-excel-file/node');
  const workerData = { library, names: sheet.names, kinds: sheet.types.map(kindOf), path };
  const worker = new Worker(source, { eval: true, workerData, execArgv: [] });
  const stop = () => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  const answers = answersOf(worker);
  try {
    for await (const columns of sheet.pieces) {
      assertTexts(columns);
      worker.postMessage(columns);
      await answers.next();
    }
    worker.postMessage(null);
    await answers.next();
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    throw new SojournError('timeout', `Writing the workbook was stopped (${String(signal.reason)}).`);
  } finally {
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function answersOf(worker: Worker): { next(): Promise<void> } {
  let settle: { resolve(): void; reject(error: unknown): void } | null = null;
  let failure: SojournError | null = null;
  const failed = (error: unknown) => {
    const detail = `The workbook could not be written: ${error instanceof Error ? error.message : String(error)}.`;
    failure ??= new SojournError('data_error', detail, {}, { cause: error });
    settle?.reject(failure);
  };
  worker.on('message', () => settle?.resolve());
  worker.on('error', failed);
  worker.on('exit', () => failed('its worker ended'));
  return {
    next: () =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        if (failure) reject(failure);
      }),
  };
}

function assertFits({ names, rows }: Sheet): void {
  const fits =
    rows <= sheetRowsMax && names.length <= sheetColumnsMax && rows * names.length <= sheetCellsMax;
  if (fits) return;
  const detail = `${rows} rows of ${names.length} columns are too many for a workbook, which holds ${sheetRowsMax} rows and ${sheetCellsMax} cells; export csv or parquet.`;
  throw new SojournError('limit_exceeded', detail, { limit: 'workbook cells', value: sheetCellsMax });
}

function assertTexts(columns: readonly (readonly Cell[])[]): void {
  for (const cells of columns)
    for (const cell of cells)
      if (typeof cell === 'string' && cell.length > textMax) {
        const detail = `A text has ${cell.length} characters, and a cell of a workbook holds ${textMax}; export csv or parquet.`;
        throw new SojournError('data_error', detail);
      }
}
