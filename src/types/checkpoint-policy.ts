/**
 * When checkpoints are taken unasked, beside the saving of what is idle: they are the places that undo and goto
 * reach.
 */
import { z } from 'zod';

export const checkpointPolicySchema = z.strictObject({
  every_writes: z
    .union([z.literal('auto'), z.number().int().min(0).max(1e9)])
    .describe(
      'After so many writes, before the answer; 0 = not by their number. auto: after each, while checkpoints take less than a tenth of the time.',
    ),
  before_effects: z
    .boolean()
    .describe('Also before a write that recovery would never run again; after it one is taken in any case.'),
});
export type CheckpointPolicy = z.infer<typeof checkpointPolicySchema>;
