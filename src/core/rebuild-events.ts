/** What the journal is told when a live state was built again: what was restored, run again and lost, and why. */
import type { IEngine } from '../types/engine.js';
import type { EpochCause, NotKept, SessionEventBody } from '../types/events.js';
import type { RecoveryPlan } from './recovery.js';

/** Why there is no live state at present. */
export interface Absence {
  readonly cause: EpochCause;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Embodied {
  engine: IEngine;
  notKept: NotKept[];
  /** It was kept, and nothing had to be restored. */
  warm: boolean;
  /** It made anew what a session of its kind begins with. */
  begun?: boolean;
}

export interface Rebuilt extends Embodied {
  replayed: number[];
  lost: number[];
  /** Checkpoints that could not be restored. */
  passedOver: string[];
}

/** Of an input that a former process left without an answer. */
export const closedInput = (seq: number): SessionEventBody => ({
  type: 'result',
  input_seq: seq,
  status: 'interrupted',
  duration_ms: 0,
  error: null,
  reason: 'the server stopped before it had an answer',
});

export const rebuildEvent = (
  epoch: number,
  absence: Absence | null,
  plan: RecoveryPlan,
  built: Rebuilt,
): SessionEventBody => ({
  type: 'epoch',
  epoch,
  cause: absence?.cause ?? 'server_restarted',
  details: {
    ...absence?.details,
    ...(built.warm ? { warm: true } : {}),
    ...(built.passedOver.length > 0 ? { unusable_checkpoints: built.passedOver } : {}),
  },
  restored_seq: plan.checkpoint?.seq ?? null,
  replayed: built.replayed,
  lost: [...plan.lost, ...built.lost],
  not_kept: built.notKept,
});
