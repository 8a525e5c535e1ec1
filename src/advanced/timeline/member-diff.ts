/** Two checkpoints compared by what they say of themselves: nothing is restored. */
import type { StateMember } from '../../types/engine.js';
import type { StateDiff } from '../../types/timeline.js';

type Files = StateDiff['files'];

export function diffMembers(
  before: readonly StateMember[],
  after: readonly StateMember[],
  limit: number,
): { variables: NonNullable<StateDiff['variables']>; truncated: boolean } {
  const earlier = new Map(before.map((member) => [member.name, member]));
  const later = new Set(after.map(({ name }) => name));
  const added = after.filter(({ name }) => !earlier.has(name));
  const removed = before.filter(({ name }) => !later.has(name));
  const both = after.flatMap((member) => {
    const former = earlier.get(member.name);
    return former ? [{ former, member }] : [];
  });
  const changed = both.filter(({ former, member }) => former.fingerprint !== member.fingerprint);
  const variables = {
    added: added.slice(0, limit).map(named),
    removed: removed.slice(0, limit).map(named),
    changed: changed.slice(0, limit).map(({ former, member }) => ({
      name: member.name,
      before: described(former),
      after: described(member),
    })),
    unchanged_count: both.length - changed.length,
  };
  return { variables, truncated: Math.max(added.length, removed.length, changed.length) > limit };
}

const described = ({ type, size_bytes, preview }: StateMember) => ({
  type,
  size_bytes,
  ...(preview === undefined ? {} : { preview }),
});
const named = (member: StateMember) => ({ name: member.name, ...described(member) });

/** Files by path, with a text that is another one where the content is. */
export function diffFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  limit: number,
): { files: Files; truncated: boolean } {
  const added = [...after.keys()].filter((path) => !before.has(path));
  const removed = [...before.keys()].filter((path) => !after.has(path));
  const changed = [...after].filter(([path, content]) => (before.get(path) ?? content) !== content);
  const shown = (paths: string[]) => paths.sort().slice(0, limit);
  const files = {
    added: shown(added),
    removed: shown(removed),
    changed: shown(changed.map(([path]) => path)),
  };
  return { files, truncated: Math.max(added.length, removed.length, changed.length) > limit };
}
