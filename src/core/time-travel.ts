/**
 * Where undo, redo and goto lead to, for kinds whose engines keep no versions themselves: to a checkpoint, and on from
 * there by running inputs again where the kind says that this gives the very same state.
 */
import { z } from 'zod';
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointNode, CheckpointRecord, ISessionStore } from '../types/store.js';
import { emptied } from './checkpointer.js';
import { lastOfState, stepsBack } from './journal-steps.js';
import { planRecovery } from './recovery.js';
import type { RecoveryPlan } from './recovery.js';

export interface Destination {
  /** How its state comes back; null when the session is there already. */
  readonly plan: RecoveryPlan | null;
  /** What grows from there is on this branch. */
  readonly branch: string;
  /** The place in the journal whose state it is. */
  readonly reachedSeq: number;
  /** Recovery of a session that ends here would come to this state. */
  readonly endSeq: number;
  /** How many steps of the state lie between, where steps were asked for. */
  readonly steps: number;
  /** Why it is not the place that was asked for. */
  readonly reason: string | null;
  /** What can be redone from there, the next one last. */
  readonly undone: readonly number[];
}

/** As many steps back are remembered for redo. */
const undoneMax = 1000;

export type MoveName = 'undo' | 'redo' | 'goto';
const moveNames: ReadonlySet<string> = new Set<MoveName>(['undo', 'redo', 'goto']);
export const isMoveName = (operation: string): operation is MoveName => moveNames.has(operation);

const stepsSchema = z.object({ steps: z.number().int().min(1) });
const seqSchema = z.object({ seq: z.number().int().min(0) });

export class TimeTravel {
  /** A redo may look at several places. */
  private listing: Promise<readonly CheckpointNode[]> | null = null;

  constructor(
    private readonly store: ISessionStore,
    private readonly record: SessionRecord,
    /** Inputs that are run again give the very same state. */
    private readonly replays: boolean,
  ) {}

  /** @throws checkpoint_not_found for a place that the journal does not have */
  to(move: MoveName, params: Readonly<Record<string, unknown>>): Promise<Destination> {
    if (move === 'goto') return this.goto(seqSchema.parse(params).seq);
    const { steps } = stepsSchema.parse(params);
    return move === 'undo' ? this.undo(steps) : this.redo(steps);
  }

  private async goto(seq: number): Promise<Destination> {
    const { head_seq, session_id } = this.record;
    if (seq > head_seq) {
      const detail = `Session '${session_id}' has no event ${seq}: its journal ends at ${head_seq}.`;
      throw new SojournError('checkpoint_not_found', detail, { session_id, seq, head_seq });
    }
    return { ...(await this.nearest(seq)), steps: 0, undone: [] };
  }

  private async undo(wanted: number): Promise<Destination> {
    const passed: number[] = [];
    let target = 0;
    for await (const step of this.stepsBack()) {
      target = step;
      if (passed.length === wanted) break;
      passed.push(step);
      target = 0;
    }
    if (passed.length === 0) return this.stay();
    const found = await this.nearest(target);
    if (found.reason !== null) {
      // Only an earlier place can be reached: more is undone than was asked for.
      for await (const step of this.stepsBack(target)) {
        if (step <= found.reachedSeq) break;
        passed.push(step);
      }
    }
    const undone = [...(this.record.undone ?? []), ...passed].slice(-undoneMax);
    return { ...found, steps: passed.length, undone };
  }

  /** What cannot be reached exactly is passed over: forward there is always the state that was left. */
  private async redo(wanted: number): Promise<Destination> {
    const { undone = [] } = this.record;
    for (let place = Math.max(0, undone.length - wanted); place >= 0; place -= 1) {
      const target = undone[place];
      if (target === undefined) break;
      const found = await this.nearest(target);
      const steps = undone.length - place;
      const isFurther = steps > wanted;
      const reason = isFurther ? 'No checkpoint was taken there; this is the next one after it.' : null;
      if (found.reason === null) return { ...found, reason, steps, undone: undone.slice(0, place) };
    }
    return this.stay();
  }

  private stay(): Destination {
    const { head_seq, branch, undone = [] } = this.record;
    return { plan: null, branch, reachedSeq: head_seq, endSeq: head_seq, steps: 0, reason: null, undone };
  }

  private stepsBack(from = this.record.head_seq): AsyncGenerator<number> {
    return stepsBack(this.store, this.record.session_id, from);
  }

  /** The state at a place, or the nearest before it that can be had. */
  private async nearest(seq: number): Promise<Omit<Destination, 'steps' | 'undone'>> {
    const last = await this.lastAt(seq);
    const { plan, branch } = await this.planAt(last);
    const missing = plan.replay.length + plan.lost.length;
    if (missing === 0 || (this.replays && plan.lost.length === 0))
      return {
        plan,
        branch,
        reachedSeq: seq,
        endSeq: Math.max(seq, plan.checkpoint?.seq ?? 0),
        reason: null,
      };
    const reachedSeq = plan.checkpoint?.seq ?? 0;
    const at = plan.checkpoint ? `the checkpoint at ${reachedSeq}` : 'the beginning';
    const reason = `No checkpoint was taken at ${seq}; ${at} is the nearest before it.`;
    return { plan: { ...plan, replay: [], lost: [] }, branch, reachedSeq, endSeq: reachedSeq, reason };
  }

  private lastAt(seq: number): Promise<number> {
    return lastOfState(this.store, this.record.session_id, seq, this.record.head_seq);
  }

  /** How recovery would come to a place, from the newest checkpoint that has nothing of what came after it. */
  private async planAt(last: number): Promise<{ plan: RecoveryPlan; branch: string }> {
    const { session_id } = this.record;
    this.listing ??= this.store.listCheckpointNodes(session_id);
    const checkpoints = await this.listing;
    for (const checkpoint of newestFirst(checkpoints, last)) {
      if (checkpoint?.reason === emptied && (await this.lastAt(checkpoint.seq)) === last) continue;
      const record = { session_id, head_seq: last, head_checkpoint: checkpoint?.checkpoint_id ?? null };
      const plan = await planRecovery(this.store, record, true);
      if (!hasMore(plan.checkpoint, plan.open))
        return { plan, branch: branchFrom(checkpoints, plan.checkpoint) };
    }
    throw new Error('the beginning of a session has nothing of what came after it');
  }
}

/** Those up to a place, and last of all the beginning. Checkpoints are made in the order of the journal. */
function* newestFirst(nodes: readonly CheckpointNode[], last: number): Generator<CheckpointNode | null> {
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const node = nodes[at];
    if (node && node.seq <= last) yield node;
  }
  yield null;
}

const appliedSchema = z.object({ applied: z.array(z.number().int()).default([]) });

/** True where a checkpoint has the effect of an input that had not ended yet. */
function hasMore(checkpoint: CheckpointRecord | null, open: readonly number[]): boolean {
  const { applied } = appliedSchema.parse(checkpoint?.manifest ?? {});
  return applied.some((seq) => open.includes(seq));
}

/** From the tip of a branch it goes on; from elsewhere another one begins. */
function branchFrom(checkpoints: readonly CheckpointNode[], from: CheckpointRecord | null): string {
  const own = from?.branch ?? 'main';
  const isTip = checkpoints.every(({ branch, seq }) => branch !== own || seq <= (from?.seq ?? -1));
  if (isTip) return own;
  const names = new Set(checkpoints.map(({ branch }) => branch));
  for (let number = 2; ; number += 1) if (!names.has(`branch-${number}`)) return `branch-${number}`;
}
