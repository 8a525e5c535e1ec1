/** The conditions that a write may be under: they are judged in one place, whichever way the write goes. */
import { SojournError } from '../types/errors.js';
import type { WriteConditions } from '../types/operation.js';

/** How far a session has come. */
export interface SessionHead {
  readonly epoch: number;
  readonly head_seq: number;
  /** The last seq that a client caused: a rebuild comes after it without changing what the session holds. */
  readonly content_seq: number;
}

/** @throws epoch_mismatch · conflict, with the head */
export function checkConditions(id: string, head: SessionHead, conditions: WriteConditions): void {
  const { if_seq, if_epoch } = conditions;
  if (if_epoch !== undefined && if_epoch !== head.epoch) {
    const detail = `The live state was rebuilt: it is in epoch ${head.epoch}, not ${if_epoch}; the events of type epoch say why.`;
    throw new SojournError('epoch_mismatch', detail, { session_id: id, epoch: head.epoch });
  }
  if (if_seq === undefined) return;
  if (if_seq > head.head_seq || if_seq < head.content_seq) {
    const detail = `The head is at ${head.head_seq}, and was written after ${if_seq}.`;
    throw new SojournError('conflict', detail, { session_id: id, head_seq: head.head_seq });
  }
}
