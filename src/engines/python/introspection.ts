/** What can be asked of unfinished code in a Python session: how it may go on, and what it means. */
import { z } from 'zod';
import { defineEngineOperation } from '../../types/engine.js';
import type { PythonEngine } from './python-engine.js';

const codeSchema = z.string().max(1_000_000).describe('Code that need not be complete; it is not run.');
const cursorSchema = z
  .number()
  .int()
  .min(0)
  .optional()
  .describe('The cursor, in Unicode characters from 0; at the end when left out.');

const completionSchema = z.object({
  matches: z.array(z.string()).describe('Each replaces the text from cursor_start to cursor_end.'),
  cursor_start: z.number().int(),
  cursor_end: z.number().int(),
  metadata: z.record(z.string(), z.unknown()),
});

const inspectionSchema = z.object({
  found: z.boolean(),
  data: z.record(z.string(), z.string()).describe('Mime type to text; empty when nothing was found.'),
  metadata: z.record(z.string(), z.unknown()),
});

export const complete = defineEngineOperation({
  name: 'complete',
  access: 'read',
  summary: 'What may stand at the cursor: names, attributes, keys, columns, modules, keyword arguments.',
  params: z.object({ code: codeSchema, cursor_pos: cursorSchema }),
  result: completionSchema,
  run: (engine: PythonEngine, { code, cursor_pos = null }, context) =>
    engine.ask('complete', { code, cursor_pos }, completionSchema, context),
});

export const inspect = defineEngineOperation({
  name: 'inspect',
  access: 'read',
  summary: 'What the thing at the cursor is: signature, documentation, type, value in short.',
  params: z.object({
    code: codeSchema,
    cursor_pos: cursorSchema,
    detail_level: z
      .union([z.literal(0), z.literal(1)])
      .optional()
      .describe('1 adds the source; 0 is the default.'),
  }),
  result: inspectionSchema,
  run: (engine: PythonEngine, { code, cursor_pos = null, detail_level = 0 }, context) =>
    engine.ask('inspect', { code, cursor_pos, detail_level }, inspectionSchema, context),
});
