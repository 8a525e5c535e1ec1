/** What follows a write once its result is journaled and before its caller is answered: what is kept of its effect. */
import { endByStop } from './end-by-stop.js';
import type { Incarnation } from './incarnation.js';
import type { RunOutcome } from './run.js';
import type { SessionSaver } from './session-saver.js';
import type { SessionServices } from './session-services.js';
import type { SessionVitals } from './session-vitals.js';
import type { WarmStates } from './warm-states.js';
import type { Write } from './write.js';

export interface SettlementHost {
  readonly saver: SessionSaver;
  readonly incarnation: Incarnation;
  readonly vitals: SessionVitals;
  readonly warm: WarmStates;
  rebuildSoon(): void;
}

/** False when the effect will not survive a crash. For the write that holds the turn. */
export async function settle(
  write: Write,
  outcome: RunOutcome,
  services: Pick<SessionServices, 'saveIsDue'>,
  host: SettlementHost,
): Promise<boolean> {
  const { saver, incarnation } = host;
  if (outcome.execute) host.vitals.add(outcome.duration_ms);
  if (write.operation === 'clear') await host.warm.clear();
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
  if (!write.repeatable || write.isSecret || !ended || incarnation.beginsUnsaved)
    return saver.keepInTurn('not repeatable');
  if (saver.wanted === 'now') await saver.keepInTurn('policy');
  else if (saver.wanted === 'soon') saver.saveNext('policy');
  else if (saver.isDue) services.saveIsDue();
  return true;
}
