/** Rows in Arrow's own form, as an answer that is sent piece by piece. */
import { z } from 'zod';
import type { MediaForm } from '../../types/operation.js';
import { arrowStream } from './analysis/arrow.js';
import type { DataEngine } from './data-engine.js';
import type { Relation } from './relation.js';

export const arrowMedia: MediaForm = {
  type: 'application/vnd.apache.arrow.stream',
  params: { format: 'arrow' },
  member: 'arrow',
};
/** Of operations that have the form. */
export const formatParam = z.enum(['json', 'arrow']).optional().describe('arrow: an Arrow IPC stream.');
export const arrowMember = z.custom<AsyncIterable<Uint8Array>>().optional();

/** The database stays as long as the answer is read. */
export async function* arrowAnswer(
  engine: DataEngine,
  relation: Relation,
  columns: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const held = engine.database.retain();
  try {
    yield* arrowStream(engine, relation, { columns, signal });
  } finally {
    await held.dispose();
  }
}
