/** What a fork takes over of its source's checkpoints; shared by all stores, so that each forks the same. */
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointRecord, SessionFork } from '../types/store.js';
import { damaged } from './store-errors.js';

/** What must be known of a checkpoint to fork its session. */
export type ForkNode = Pick<CheckpointRecord, 'checkpoint_id' | 'seq' | 'parent' | 'branch' | 'parts'>;
type Source = Pick<SessionRecord, 'head_seq' | 'head_checkpoint'>;

/** @throws conflict when there is no such event */
export function assertWithin(sessionId: string, head: number, atSeq: number): void {
  if (Number.isSafeInteger(atSeq) && atSeq >= 0 && atSeq <= head) return;
  const detail = `There is no event ${atSeq} to fork from: session '${sessionId}' is at ${head}.`;
  throw new SojournError('conflict', detail, { session_id: sessionId, head_seq: head });
}

/**
 * The checkpoint that recovery of a fork starts from: on the path to the one that is wanted, or to the source's head,
 * the newest up to `atSeq`.
 * @throws storage_error, damaged, when that one is not there
 */
export function forkHead<Node extends ForkNode>(
  sourceId: string,
  source: Source,
  nodes: readonly Node[],
  {
    at_seq: atSeq,
    head_checkpoint = source.head_checkpoint,
  }: Pick<SessionFork, 'at_seq' | 'head_checkpoint'>,
): Node | undefined {
  if (head_checkpoint === null) return undefined;
  const left = new Map(nodes.map((node) => [node.checkpoint_id, node]));
  if (!left.has(head_checkpoint)) {
    throw damaged(`The checkpoint '${head_checkpoint}' is missing.`, { session_id: sourceId });
  }
  let node = left.get(head_checkpoint);
  while (node && node.seq > atSeq) {
    // Whatever parents say, no node is met twice.
    left.delete(node.checkpoint_id);
    node = node.parent === null ? undefined : left.get(node.parent);
  }
  return node;
}

/** Bytes of each distinct part, by hash. */
export function partSizes(nodes: readonly Pick<ForkNode, 'parts'>[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { parts } of nodes)
    for (const { hash, size } of parts) if (!sizes.has(hash)) sizes.set(hash, size);
  return sizes;
}

export const sumOf = (sizes: ReadonlyMap<string, number>): number =>
  [...sizes.values()].reduce((sum, size) => sum + size, 0);
