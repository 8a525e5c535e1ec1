/** The tree in letters, for terminals and for those who read text: newest first, a line for each checkpoint. */
import type { CheckpointNode } from '../../types/store.js';
import type { Timeline } from '../../types/timeline.js';
import { rowsOf } from './lanes.js';
import type { Row } from './lanes.js';
import { ageOf, bytesText } from './quantities.js';

/** @param now milliseconds since 1970 */
export function drawText(timeline: Timeline, now: number): string {
  const { checkpoints, head, next_before_seq, checkpoint_count } = timeline;
  if (checkpoints.length === 0) return `(no checkpoints; the journal ends at ${head.seq})`;
  const rows = rowsOf(checkpoints);
  const width = 1 + Math.max(...rows.flatMap(({ lane, through, leaving }) => [lane, ...through, ...leaving]));
  const seqWidth = String(rows[0]?.node.seq ?? 0).length;
  const tips = new Map(timeline.branches.map(({ name, tip }) => [tip.checkpoint_id, name]));
  const lines = rows.flatMap((row) => {
    const { node } = row;
    const isHead = node.checkpoint_id === head.checkpoint_id;
    const facts = factsOf(node, isHead, tips.get(node.checkpoint_id), now);
    const line = `${marksOf(row, width, isHead)} ${String(node.seq).padStart(seqWidth)}  ${facts}`;
    return row.leaving.length === 0 ? [line] : [partingOf(row, width), line];
  });
  if (next_before_seq !== null) lines.push(`… ${checkpoint_count - checkpoints.length} more`);
  return lines.map((line) => line.trimEnd()).join('\n');
}

function marksOf({ lane, through }: Row, width: number, isHead: boolean): string {
  const marks = Array.from({ length: width }, (_, at) => {
    if (at === lane) return isHead ? '◉' : '●';
    return through.has(at) ? '│' : ' ';
  });
  return marks.join(' ');
}

/** The line above a checkpoint that other branches left. */
function partingOf({ lane, through, leaving }: Row, width: number): string {
  const last = Math.max(...leaving);
  let drawn = '';
  for (let at = 0; at < width; at += 1) {
    const isBetween = at > lane && at < last;
    if (at === lane) drawn += '├';
    else if (at === last) drawn += '╯';
    else if (leaving.includes(at)) drawn += '┴';
    else if (through.has(at)) drawn += isBetween ? '┼' : '│';
    else drawn += isBetween ? '─' : ' ';
    drawn += at >= lane && at < last ? '─' : ' ';
  }
  return drawn;
}

function factsOf(node: CheckpointNode, isHead: boolean, tipOf: string | undefined, now: number): string {
  const { note, created_at, bytes, new_bytes, reason } = node;
  const names = [...(isHead ? ['HEAD'] : []), ...(tipOf === undefined ? [] : [tipOf])];
  const label = note && note.label !== '' ? `"${plain(note.label)}"` : '';
  const tags = note?.tags.map((tag) => `#${plain(tag)}`).join(' ') ?? '';
  const size = `${bytesText(bytes)} (+${bytesText(new_bytes)})`;
  const parts = [names.length === 0 ? '' : `[${names.join(', ')}]`, label, tags];
  const shown = parts.filter((part) => part !== '').join(' ');
  const age = ageOf(now - Date.parse(created_at));
  return [shown, age, size, plain(reason)].filter((part) => part !== '').join('  ');
}

/** Labels come from outside: nothing in them may steer a terminal. */
const plain = (text: string): string => text.replace(/\p{C}/gu, '�');
