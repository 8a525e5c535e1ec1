/** Which lane of a drawing each branch of a tree has, and between which rows it is drawn. Newest rows come first. */
import type { CheckpointNode } from '../../types/store.js';

export interface Row {
  readonly node: CheckpointNode;
  readonly lane: number;
  /** Lanes with a line through this row, its own left out. */
  readonly through: ReadonlySet<number>;
  /** Lanes of branches that leave here. */
  readonly leaving: readonly number[];
}

interface Span {
  readonly branch: string;
  /** Rows, from the newest checkpoint down to the one it left, or to its first where that is not drawn. */
  readonly top: number;
  readonly bottom: number;
  /** The row of the checkpoint that it left. */
  readonly parent: number | null;
}

/** @param nodes oldest first */
export function rowsOf(nodes: readonly CheckpointNode[]): Row[] {
  const newest = [...nodes].reverse();
  const rows = new Map(newest.map(({ checkpoint_id }, row) => [checkpoint_id, row]));
  const spans = spansOf(newest, rows);
  const lanes = lanesOf(spans, newest);
  return newest.map((node, row) => {
    const lane = lanes.get(node.branch) ?? 0;
    const crossing = spans.filter(({ top, bottom }) => top < row && row < bottom);
    const through = new Set(crossing.map(({ branch }) => lanes.get(branch) ?? 0));
    const left = spans.filter(({ parent }) => parent === row).map(({ branch }) => lanes.get(branch) ?? 0);
    through.delete(lane);
    return { node, lane, through, leaving: left.filter((one) => one !== lane).sort((a, b) => a - b) };
  });
}

function spansOf(newest: readonly CheckpointNode[], rows: ReadonlyMap<string, number>): Span[] {
  const spans = new Map<string, { top: number; first: CheckpointNode; last: number }>();
  newest.forEach((node, row) => {
    const known = spans.get(node.branch);
    spans.set(node.branch, { top: known?.top ?? row, first: node, last: row });
  });
  return [...spans].map(([branch, { top, first, last }]) => {
    const parent = (first.parent === null ? undefined : rows.get(first.parent)) ?? null;
    return { branch, top, bottom: parent ?? last, parent };
  });
}

/** The oldest branch is the outermost; others stand further in than what they left, in a lane that is free. */
function lanesOf(spans: readonly Span[], rows: readonly CheckpointNode[]): Map<string, number> {
  const taken: Span[][] = [];
  const lanes = new Map<string, number>();
  for (const span of [...spans].sort(byAge)) {
    const left = span.parent === null ? undefined : rows[span.parent]?.branch;
    const from = left === undefined ? 0 : (lanes.get(left) ?? 0) + 1;
    const apart = (one: Span) => one.bottom < span.top || span.bottom < one.top;
    let lane = from;
    while (taken[lane]?.every(apart) === false) lane += 1;
    (taken[lane] ??= []).push(span);
    lanes.set(span.branch, lane);
  }
  return lanes;
}

const byAge = (one: Span, other: Span): number =>
  other.bottom - one.bottom ||
  Number(one.parent !== null) - Number(other.parent !== null) ||
  one.top - other.top;
