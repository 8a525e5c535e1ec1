/**
 * Which checkpoints may go. What somebody has named or annotated stays, and so do the head, the tips of branches and
 * the places where branches part; of the rest the newest ones stay and fewer and fewer of what is older.
 */
import type { CheckpointNode } from '../../types/store.js';

export interface RetentionRule {
  /** So many of the newest stay in any case. */
  readonly keepLast: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Up to an age one of each span stays. */
const spans = [
  { age: hour, span: minute },
  { age: day, span: hour },
  { age: 30 * day, span: day },
  { age: Infinity, span: 30 * day },
];

/** @param nodes all of them, oldest first. @returns ids of those that may go */
export function expendable(
  nodes: readonly CheckpointNode[],
  head: string | null,
  { keepLast, now }: RetentionRule,
): string[] {
  const fixed = fixedNodes(nodes, head);
  const old = nodes.slice(0, Math.max(0, nodes.length - keepLast));
  const kept = new Set<string>();
  const removable: string[] = [];
  for (const node of old.reverse()) {
    const made = Date.parse(node.created_at);
    const { span } = spans.find(({ age }) => now - made <= age) ?? { span: 30 * day };
    const slot = `${node.branch} ${span} ${Math.floor(made / span)}`;
    const isFirst = !kept.has(slot);
    kept.add(slot);
    if (!isFirst && !fixed.has(node.checkpoint_id)) removable.push(node.checkpoint_id);
  }
  return removable;
}

function fixedNodes(nodes: readonly CheckpointNode[], head: string | null): ReadonlySet<string> {
  const fixed = new Set<string>(head === null ? [] : [head]);
  const tips = new Map<string, string>();
  const children = new Map<string, number>();
  for (const { checkpoint_id, branch, parent, note } of nodes) {
    tips.set(branch, checkpoint_id);
    if (note) fixed.add(checkpoint_id);
    if (parent !== null) children.set(parent, (children.get(parent) ?? 0) + 1);
  }
  for (const tip of tips.values()) fixed.add(tip);
  for (const [parent, count] of children) if (count > 1) fixed.add(parent);
  return fixed;
}
