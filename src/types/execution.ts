/** What writes answer: the receipt of each, and what a run showed. */
import { z } from 'zod';
import { executionErrorSchema, mimeBundleSchema, resultStatusSchema } from './events.js';

/** What every answer to a write carries. */
export const writeReceiptSchema = z.object({
  /** The journal place of the input. */
  seq: z.number().int(),
  epoch: z.number().int(),
  /** True when the answer survives a kill of the server (durability os or fsync). */
  durable: z.boolean(),
  /** Everything up to this seq is as safe as the session's durability says. */
  durable_seq: z.number().int(),
});
export type WriteReceipt = z.infer<typeof writeReceiptSchema>;

/** What a run showed. Of long text the head and the tail, with a mark between them. */
export const runOutputSchema = z.object({
  /**
   * What a terminal would have shown: stdout, stderr, the value of the last expression, the traceback; of a line that
   * was written over (progress bars) its last state.
   */
  output: z.string(),
  stdout: z.string(),
  stderr: z.string(),
  /** True when something is left out here. */
  truncated: z.boolean(),
  /** Of the whole texts, when `truncated`. */
  total_bytes: z
    .object({ output: z.number().int(), stdout: z.number().int(), stderr: z.number().int() })
    .optional(),
});

export const executeResultSchema = writeReceiptSchema.extend({
  status: z.enum([...resultStatusSchema.options, 'running']),
  ...runOutputSchema.shape,
  should_exit: z.boolean(),
  result: mimeBundleSchema.nullable(),
  displays: z.array(mimeBundleSchema),
  error: executionErrorSchema.nullable(),
  execution_count: z.number().int().nullable(),
  duration_ms: z.number(),
  /** How a run was stopped: which rung of the ladder worked and after how many milliseconds. */
  interrupt: z.object({ rung: z.enum(['signal', 'terminate', 'kill']), ms: z.number() }).optional(),
  /** With `report_files`: files of the workspace that are new or changed since the run began, sorted. */
  new_files: z.array(z.string()).optional(),
  /** False when the workspace is too large to tell them all. */
  new_files_complete: z.boolean().optional(),
});
export type ExecuteResult = z.infer<typeof executeResultSchema>;

/** The answer to a run that belongs to no session: nothing of it is journaled. */
export const statelessResultSchema = executeResultSchema
  .omit({ seq: true, epoch: true, durable: true, durable_seq: true })
  .extend({ status: resultStatusSchema });
export type StatelessResult = z.infer<typeof statelessResultSchema>;
export const outputStreamSchema = z.enum(['output', 'stdout', 'stderr']);
export type OutputStream = z.infer<typeof outputStreamSchema>;

export const outputPageSchema = z.object({
  text: z.string(),
  /** Where `text` begins in the whole text, in bytes of UTF-8: as asked for, or the next whole character. */
  offset: z.number().int(),
  /** Where to go on. */
  next_offset: z.number().int(),
  /** Of the whole text, as far as it is there. */
  total_bytes: z.number().int(),
  /** True when the run has ended and this page reaches the end. */
  complete: z.boolean(),
});
/** A piece of what a run wrote. Never ends within a character. */
export type OutputPage = z.infer<typeof outputPageSchema>;

export interface OutputQuery {
  stream: OutputStream;
  /** Bytes of UTF-8. */
  offset: number;
  /** Bytes of UTF-8; at least one character is answered. */
  limit: number;
}
