/** What can be asked of a run beside its answer: its whole output, and what it asks for itself. */
import { z } from 'zod';
import { journaledKey } from '../core/write-caller.js';
import { errors } from '../types/errors.js';
import { defineSessionOperation } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import { inputReceiptSchema } from '../types/input.js';
import { outputPageSchema, outputStreamSchema } from '../types/session.js';

const pageBytes = 256 * 1024;
const pageBytesMax = 8 * 1024 ** 2;
const inputCharactersMax = 1024 ** 2;

const seqSchema = z.number().int().min(0);

const replySchema = z
  .strictObject({
    value: z.string().max(inputCharactersMax).optional().describe('The line, without its end.'),
    eof: z.literal(true).optional().describe('The end of input, in place of a value.'),
    input_id: seqSchema.optional().describe('Only if this request is the one that waits.'),
  })
  .refine(({ value, eof }) => (value === undefined) !== (eof === undefined), {
    message: 'give the text in `value`, or `eof: true`',
    path: ['value'],
  });

/** @param kinds the session kinds that run code */
export function outputOperations(kinds: readonly string[]): Operation[] {
  return [
    defineSessionOperation({
      name: 'get_output',
      access: 'read',
      summary:
        'The whole output of a run, a piece at a time, also while it runs and after a restart; offsets are bytes.',
      params: z.strictObject({
        seq: seqSchema.describe('The place of the input.'),
        stream: outputStreamSchema
          .default('output')
          .describe(
            '`output` is what a terminal would have shown; of a run that goes on, its finished lines.',
          ),
        offset: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(pageBytesMax).default(pageBytes),
      }),
      result: outputPageSchema,
      kinds,
      http: [{ method: 'GET', path: '/sessions/:id/executions/:seq/output' }],
      handle: ({ seq, ...query }, call) => call.use((session) => session.readOutput(seq, query)),
    }),
    defineSessionOperation({
      name: 'reply_input',
      access: 'write',
      lease: 'running',
      summary: 'Answers code that waits for input(), as an event of type input_request has told.',
      params: replySchema,
      result: inputReceiptSchema,
      kinds,
      answersOnce: true,
      handle: ({ value, input_id }, call) =>
        call.use((session) => {
          if (!kinds.includes(session.kind)) throw errors.notSupported(session.kind, 'reply_input');
          const { idempotency_key: key } = call;
          const idempotency_key = key === undefined ? key : journaledKey(key, call, session.owner);
          return session.replyInput(value ?? null, { input_id, idempotency_key });
        }),
    }),
  ];
}
