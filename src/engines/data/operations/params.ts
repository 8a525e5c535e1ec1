/** Pieces of parameters that several operations have. */
import { z } from 'zod';
import { defineEngineOperation } from '../../../types/engine.js';
import type { EngineOperation } from '../../../types/engine.js';
import { cellSchema } from '../cell-schema.js';
import type { DataEngine } from '../data-engine.js';

export { cellSchema as cell };
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
