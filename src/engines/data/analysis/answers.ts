/** Parts of answers that many operations share. */
import { z } from 'zod';
import type { Cell } from '../cells.js';

/** Made here from cells, and as long as a page: to look at each of them again would hold everybody up. */
export const cellsSchema = z.custom<readonly Cell[]>(Array.isArray).meta({ type: 'array', items: {} });

export type CellRecord = Record<string, Cell>;
export const recordsSchema = z
  .custom<readonly CellRecord[]>(Array.isArray)
  .meta({ type: 'array', items: { type: 'object' } });

export const cellSchema = z.custom<Cell>(() => true).meta({ description: 'A cell.' });

export const shapeSchema = z.tuple([z.number().int(), z.number().int()]).describe('[rows, columns]');
export const shapeOf = (rows: number, columns: number): [number, number] => [rows, columns];
export const dtypesSchema = z.record(z.string(), z.string()).describe('By column, as pandas names them.');

/** A record from what stands under each name; a column may well be called __proto__. */
export function recordMaker(names: readonly string[]): (cells: readonly Cell[]) => CellRecord {
  if (names.includes('__proto__'))
    return (cells) => Object.fromEntries(names.map((name, at) => [name, cells[at] ?? null]));
  return (cells) => {
    const record: CellRecord = {};
    for (let at = 0; at < names.length; at += 1) record[names[at] ?? ''] = cells[at] ?? null;
    return record;
  };
}

/** How many rows one answer holds: cells are counted too, so that a wide one is not too long to be written as JSON. */
export function pageLimit(pageRows: number, columns: number, limit = pageRows): number {
  const rows = Math.floor(cellsMax / Math.max(1, columns));
  return Math.max(1, Math.min(limit, pageRows, rows));
}
/** Cells of one answer. */
export const cellsMax = 200_000;

/** `truncated`, and where the next page begins, when there is one. */
export const cut = (more: boolean, next: number): { truncated?: true; next_start?: number } =>
  more ? { truncated: true, next_start: next } : {};
export const cutShape = {
  truncated: z.literal(true).optional().describe('There is more than one answer holds.'),
  next_start: z.number().int().optional().describe('The start of the next page.'),
};

export const pageParams = {
  start: z.number().int().min(0).default(0).describe('How many of the answer are left out.'),
  limit: z.number().int().min(1).optional().describe('At most this many; a page is the most.'),
};
