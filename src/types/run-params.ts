/** Parameters that every operation has in common which runs code of a session. */
import { z } from 'zod';

export const runParams = {
  report_files: z
    .boolean()
    .optional()
    .describe('Answer new_files: which files of the workspace are new or changed.'),
  replay: z
    .boolean()
    .optional()
    .describe('false: recovery never runs it again; a checkpoint is taken instead.'),
};
