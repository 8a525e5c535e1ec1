/** What a run leaves behind that could only be stopped by ending the live state. */
import type { Absence } from './incarnation.js';
import type { RunOutcome } from './run.js';

/** Of a live state that had to be ended to stop what ran; null when it goes on. */
export function endByStop({ execute, status }: RunOutcome): Absence | null {
  if (!execute?.interrupt || execute.interrupt.rung === 'signal') return null;
  const cause = status === 'timeout' ? 'hard_timeout' : 'interrupt_escalated';
  return { cause, details: { ...execute.interrupt } };
}
