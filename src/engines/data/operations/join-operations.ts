/** Joining with another session's table. */
import { z } from 'zod';
import { sessionIdSchema } from '../../../types/session.js';
import { joinTables, tableToFile } from '../join.js';
import { columnName, columnNames, none, operation } from './params.js';

export const joinOperations = [
  operation({
    name: 'join',
    access: 'write',
    // The other session may be another one, or gone, when it would be run again.
    replay: false,
    summary: 'Adds the columns of another data session of the same owner, by labels or by a column of both.',
    params: z.strictObject({
      other_session_id: sessionIdSchema,
      on: columnName.optional().describe('A column of both tables; the labels when left out.'),
      how: z.enum(['left', 'inner', 'right', 'outer']).default('left'),
      columns: columnNames.optional().describe('Columns of the other table; all when left out.'),
      lsuffix: z.string().max(100).default(''),
      rsuffix: z.string().max(100).default('_right'),
    }),
    result: z.object({
      shape: z.array(z.number().int()),
      columns: z.array(z.string()),
      version: z.number().int(),
    }),
    run: async (engine, { other_session_id: session, on = null, ...rest }, context) => {
      const made = await engine.change('join', context, () =>
        joinTables(engine, { session, on, ...rest }, context),
      );
      return {
        shape: [made.rows, made.columns.length],
        columns: made.columns.map(({ name }) => name),
        version: made.seq,
      };
    },
  }),
  operation({
    name: 'table_to_file',
    access: 'read',
    internal: true,
    summary: 'The present table as a file for another session.',
    params: none,
    result: z.object({ path: z.string() }),
    run: (engine, _params, context) => tableToFile(engine, context.signal),
  }),
];
