/** Moving between the moments of a session: nothing is ever lost by it. */
import { z } from 'zod';
import type { IEngines } from '../types/engine.js';
import { defineSessionOperation, journaledKeys } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import { writeReceiptSchema } from '../types/session.js';
import { performWrite } from './code-operations.js';

const steps = z.strictObject({ steps: z.number().int().min(1).max(1_000_000).default(1) });

const movedSchema = writeReceiptSchema.extend({
  /** The journal's end, this move included. */
  head_seq: z.number().int(),
  /** The place in the journal whose state it is now. */
  reached_seq: z.number().int(),
  /** False where that is not the place that was asked for. */
  exact: z.boolean(),
  /** Why it is not. */
  reason: z.string().optional(),
  /** How many writes it went back or forward. */
  steps: z.number().int(),
});

export function versionOperations(engines: IEngines): Operation[] {
  const kinds = [...engines.keys()];
  const move = (name: 'undo' | 'redo' | 'goto', summary: string, params: z.ZodType): Operation =>
    defineSessionOperation({
      name,
      access: 'write',
      takes: journaledKeys,
      summary,
      params,
      result: movedSchema,
      kinds,
      answersOnce: true,
      handle: async (given, call) => {
        const answer = await performWrite(kinds, name, z.record(z.string(), z.unknown()).parse(given), call);
        const { durable_seq, ...rest } = movedSchema.omit({ head_seq: true }).parse(answer);
        return { ...rest, durable_seq, head_seq: durable_seq };
      },
    });
  return [
    move('undo', 'Goes back to the state before the last writes; the next write begins a new branch.', steps),
    move('redo', 'Goes forward again over what was undone.', steps),
    move(
      'goto',
      'Goes to the state that the session had when everything up to a seq was written.',
      z.strictObject({ seq: z.number().int().min(0) }),
    ),
  ];
}
