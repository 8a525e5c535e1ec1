/** Which code a session runs: every code, or what the policy lets through. What that is, policy.py says. */
import { z } from 'zod';

export const policySchema = z.enum(['open', 'restricted']);
export type Policy = z.infer<typeof policySchema>;

/** A session may be stricter than its server, never looser. */
export const policyOption = (server: Policy) =>
  policySchema
    .default(server)
    .transform((asked): Policy => (server === 'restricted' ? 'restricted' : asked))
    .describe('open = every code; restricted = what is not let through is rejected before it runs.');
