/** What a write changes in the record of its session, beside the journal. */
import type { IClock } from '../types/ports.js';
import type { SessionPatch, SessionRecord } from '../types/session.js';
import type { RunOutcome } from './run.js';
import type { Write } from './write.js';

export function patchAfter(
  write: Write,
  outcome: RunOutcome,
  record: SessionRecord,
  clock: IClock,
): SessionPatch {
  const patch: SessionPatch = { last_activity: new Date(clock.now()).toISOString() };
  if (write.operation === 'execute') patch.total_executions = record.total_executions + 1;
  if (write.operation === 'clear' && outcome.status === 'ok') patch.variable_count = 0;
  if (outcome.execute?.variable_count !== undefined) patch.variable_count = outcome.execute.variable_count;
  if (outcome.patch) return { ...patch, ...outcome.patch };
  // What was undone is on another branch now.
  if (record.undone && record.undone.length > 0 && !outcome.failure) patch.undone = [];
  return patch;
}
