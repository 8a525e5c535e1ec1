/** What becomes of the effect of a write between its result in the journal and its answer. */
import { endByStop } from './end-by-stop.js';
import type { Incarnation } from './incarnation.js';
import type { RunOutcome } from './run.js';
import type { SessionSaver } from './session-saver.js';
import type { SessionVitals } from './session-vitals.js';
import type { Write } from './write.js';

export interface EffectHost {
  readonly saver: SessionSaver;
  readonly incarnation: Incarnation;
  readonly vitals: SessionVitals;
  rebuildSoon(): void;
  /** A checkpoint is due. */
  saveIsDue(): void;
}

/** @returns false when the effect will not survive a crash */
export async function keepEffect(write: Write, outcome: RunOutcome, host: EffectHost): Promise<boolean> {
  const { saver, incarnation } = host;
  if (outcome.execute) host.vitals.add(outcome.duration_ms);
  if (write.operation === 'clear') await incarnation.warm.clear();
  incarnation.endOfRun();
  const stopped = endByStop(outcome);
  if (stopped) {
    await incarnation.discard(stopped);
    host.rebuildSoon();
    return true;
  }
  // It brings no state of its own: recovery finds it by the journal's word.
  if (outcome.moved !== undefined) return true;
  if (saver.hasApplied(write.seq)) return true;
  saver.add(outcome.duration_ms);
  const ended = outcome.status === 'ok' || outcome.status === 'error';
  if (write.repeatable && !write.isSecret && ended && !incarnation.beginsUnsaved) {
    if (saver.isDue) host.saveIsDue();
    return true;
  }
  return saver.keepInTurn('not repeatable');
}
