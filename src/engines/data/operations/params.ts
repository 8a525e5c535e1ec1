/** Pieces of parameters that several operations have. */
import { z } from 'zod';
import { defineEngineOperation } from '../../../types/engine.js';
import type { EngineOperation } from '../../../types/engine.js';
import type { Cell } from '../cells.js';
import type { DataEngine } from '../data-engine.js';

export const cell: z.ZodType<Cell> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(cell), z.record(z.string(), cell)]),
);
export const columnName = z.string().min(1).max(1000);
export const columnNames = z.array(columnName).max(10_000);
export const label = z
  .union([z.string().max(100_000), z.number(), z.boolean()])
  .describe('A label of the index; the position of the row where the table has none.');
export const none = z.strictObject({});

/** An operation of data sessions. */
export const operation = <P extends z.ZodType, R extends z.ZodType>(
  defined: EngineOperation<DataEngine, P, R>,
): EngineOperation<DataEngine> => defineEngineOperation<DataEngine, P, R>(defined);
