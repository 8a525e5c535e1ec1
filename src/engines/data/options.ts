/** What a data session is made from. */
import { z } from 'zod';
import { cellSchema } from './cell-schema.js';

export const dataOptionsSchema = z.strictObject({
  interface_file: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('A YAML file below the data roots that says what to load.'),
  directory: z
    .string()
    .max(4096)
    .optional()
    .describe(
      'Where the interface file lies and its relative folders begin; relative to the first data root.',
    ),
  interface_field: z.string().max(200).optional().describe('A top-level key that holds the whole interface.'),
  data_source: z
    .record(z.string(), cellSchema)
    .optional()
    .describe('What to load, directly: {"type": "csv", "filename": "sales.csv", "index": "id"}.'),
  data: z
    .union([z.array(z.record(z.string(), cellSchema)), z.record(z.string(), z.array(cellSchema))])
    .optional()
    .describe('The rows themselves: a list of records, or lists of values by column.'),
  in_workspace: z
    .boolean()
    .optional()
    .describe("The files of data_source lie in the session's own workspace."),
  index: z
    .string()
    .max(1000)
    .optional()
    .describe('Of rows or a file that are sent along: the column of labels.'),
});
export type DataOptions = z.output<typeof dataOptionsSchema>;

/** Fields that `create_session` takes beside the common ones. */
export const creationFields = [
  'interface_file',
  'directory',
  'interface_field',
  'data_source',
  'data',
  'index',
] as const;
