/** The tree of a session's checkpoints: what is told of its nodes, and how it closes over removed ones. */
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import { checkpointNoteSchema } from '../types/store.js';
import type { CheckpointNode, CheckpointNote, CheckpointRecord, PartRef } from '../types/store.js';
import { partSizes, sumOf } from './fork-rules.js';
import { hasShape } from './journal-codec.js';

type Parts = Pick<CheckpointRecord, 'parts'>;

/** The distinct parts of one that another does not have, with their sizes. */
export function newParts({ parts }: Parts, other: ReadonlyMap<string, number>): Map<string, number> {
  const isNew = ({ hash }: PartRef) => !other.has(hash);
  return partSizes([{ parts: parts.filter(isNew) }]);
}

/** Node for node, in the order of the records. */
export function listNodes(records: readonly CheckpointRecord[]): CheckpointNode[] {
  const byId = new Map(records.map((record) => [record.checkpoint_id, record]));
  return records.map((record) => {
    const { checkpoint_id, seq, parent, branch, epoch, reason, created_at, note = null } = record;
    const before = parent === null ? undefined : byId.get(parent);
    const sizes = partSizes([record]);
    const new_bytes = sumOf(newParts(record, partSizes(before ? [before] : [])));
    const place = { checkpoint_id, seq, parent, branch, epoch, reason, created_at };
    return { ...place, bytes: sumOf(sizes), new_bytes, note };
  });
}

/** The nearest that stays of a removed node's ancestors, by the parents of the removed. */
export function parentLeft(
  parent: string | null,
  removed: ReadonlyMap<string, string | null>,
): string | null {
  const passed = new Set<string>();
  let left = parent;
  while (left !== null && removed.has(left) && !passed.has(left)) {
    // Whatever parents say, no node is met twice.
    passed.add(left);
    left = removed.get(left) ?? null;
  }
  return left !== null && removed.has(left) ? null : left;
}

/** The tree without these nodes; their children get their parents. */
export function withoutCheckpoints(
  records: readonly CheckpointRecord[],
  ids: ReadonlySet<string>,
): CheckpointRecord[] {
  const gone = records.filter((record) => ids.has(record.checkpoint_id));
  const removed = new Map(gone.map(({ checkpoint_id, parent }) => [checkpoint_id, parent]));
  return records
    .filter((record) => !removed.has(record.checkpoint_id))
    .map((record) => ({ ...record, parent: parentLeft(record.parent, removed) }));
}

/** @throws conflict: recovery starts from the head */
export function assertRemovable(
  sessionId: string,
  { head_checkpoint }: Pick<SessionRecord, 'head_checkpoint'>,
  ids: ReadonlySet<string>,
): void {
  if (head_checkpoint === null || !ids.has(head_checkpoint)) return;
  const detail = `The checkpoint '${head_checkpoint}' is the head of session '${sessionId}' and cannot be removed.`;
  throw new SojournError('conflict', detail, { session_id: sessionId, checkpoint_id: head_checkpoint });
}

const isNote = (value: unknown): value is CheckpointNote => hasShape(checkpointNoteSchema, value);

/** A copy. @throws internal when it could not be read again */
export function checkedNote(note: CheckpointNote): CheckpointNote {
  if (isNote(note)) return structuredClone(note);
  throw new SojournError('internal', 'The note of a checkpoint is malformed; it was not stored.');
}

export const noCheckpoint = (sessionId: string, checkpointId: string): SojournError =>
  new SojournError('checkpoint_not_found', `Session '${sessionId}' has no checkpoint '${checkpointId}'.`, {
    session_id: sessionId,
    checkpoint_id: checkpointId,
  });
