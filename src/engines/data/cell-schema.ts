/** Cells that come from outside: whatever JSON can say. */
import { z } from 'zod';
import type { Cell } from './cells.js';

export const cellSchema: z.ZodType<Cell> = z.lazy(() =>
  z.union([
    z.null(),
    z.boolean(),
    z.number(),
    z.string(),
    z.array(cellSchema),
    z.record(z.string(), cellSchema),
  ]),
);
