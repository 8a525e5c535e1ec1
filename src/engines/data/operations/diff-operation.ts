/** What differs between two moments of a table; asked by the timeline. */
import { z } from 'zod';
import { diffVersions, tableDiffSchema } from '../analysis/version-diff.js';
import { operation } from './params.js';

export const diffOperations = [
  operation({
    name: 'diff_state',
    access: 'read',
    internal: true,
    summary: 'What differs between the tables at two places of the journal.',
    params: z.strictObject({ from: z.number().int(), to: z.number().int(), limit: z.number().int() }),
    result: tableDiffSchema,
    run: (engine, { from, to, limit }, { signal }) =>
      diffVersions(engine.database, engine.headAt(from), engine.headAt(to), limit, signal),
  }),
];
