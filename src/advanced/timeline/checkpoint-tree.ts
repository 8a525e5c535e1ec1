/** A session's checkpoints as a tree with branches. */
import type { SessionRecord } from '../../types/session.js';
import type { CheckpointNode } from '../../types/store.js';
import type { Timeline, TimelineBranch } from '../../types/timeline.js';

export interface PageQuery {
  /** Only what is older. */
  readonly before_seq?: number | undefined;
  readonly limit: number;
}

/** @param nodes all of them, oldest first */
export function timelinePage(
  record: SessionRecord,
  nodes: readonly CheckpointNode[],
  { before_seq, limit }: PageQuery,
): Timeline {
  const { session_id, head_seq, head_checkpoint, branch } = record;
  const until = before_seq === undefined ? nodes.length : firstFrom(nodes, before_seq);
  const from = pageStart(nodes, until, limit);
  return {
    session_id,
    head: { seq: head_seq, checkpoint_id: head_checkpoint, branch },
    branches: branchesOf(nodes, branch),
    checkpoints: nodes.slice(from, until),
    checkpoint_count: nodes.length,
    next_before_seq: from === 0 ? null : (nodes[from]?.seq ?? null),
  };
}

/** Checkpoints of one place in the journal are never torn apart: the next page begins before it. */
function pageStart(nodes: readonly CheckpointNode[], until: number, limit: number): number {
  let from = Math.max(0, until - limit);
  while (from > 0 && nodes[from - 1]?.seq === nodes[from]?.seq) from -= 1;
  return from;
}

/** The place of the first node with this seq or more. Checkpoints are made in the order of the journal. */
function firstFrom(nodes: readonly CheckpointNode[], seq: number): number {
  let [low, high] = [0, nodes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((nodes[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In the order in which they began. */
export function branchesOf(nodes: readonly CheckpointNode[], current: string): TimelineBranch[] {
  const byId = new Map(nodes.map((node) => [node.checkpoint_id, node]));
  const branches = new Map<string, TimelineBranch>();
  for (const { checkpoint_id, seq, branch, parent } of nodes) {
    const tip = { checkpoint_id, seq };
    const known = branches.get(branch);
    if (known) {
      known.tip = tip;
      known.checkpoint_count += 1;
      continue;
    }
    const from = parent === null ? undefined : byId.get(parent);
    const forked_from = from
      ? { checkpoint_id: from.checkpoint_id, seq: from.seq, branch: from.branch }
      : null;
    const is_current = branch === current;
    branches.set(branch, { name: branch, tip, forked_from, checkpoint_count: 1, is_current });
  }
  return [...branches.values()];
}
