/** A comparison of two moments for people: a line for each thing that differs. */
import type { StateDiff } from '../types/timeline.js';

type Member = { type: string; preview?: string | undefined };

export function diffText({ from, to, variables, table, files, truncated }: StateDiff): string {
  const shown = ({ type, preview }: Member) => preview ?? `<${type}>`;
  const lines = [
    ...(variables?.added ?? []).map((one) => `+ ${one.name} = ${shown(one)}`),
    ...(variables?.removed ?? []).map((one) => `- ${one.name} = ${shown(one)}`),
    ...(variables?.changed ?? []).map((one) => `~ ${one.name} = ${shown(one.before)} → ${shown(one.after)}`),
    ...files.added.map((path) => `+ file ${path}`),
    ...files.removed.map((path) => `- file ${path}`),
    ...files.changed.map((path) => `~ file ${path}`),
    ...(table ? [JSON.stringify(table, null, 2)] : []),
  ];
  const reasons = [from, to].flatMap(({ exact, reason }) => (exact ? [] : [`(${reason ?? ''})`]));
  const more = truncated ? ['… and more'] : [];
  return [...(lines.length === 0 ? ['Nothing differs.'] : lines), ...more, ...reasons].join('\n');
}
