/** Which names a pattern of a file means. Runs in the worker: a regular expression may take for ever. */
import { loadErrors } from '../load-errors.js';

export interface NamePattern {
  readonly names: readonly string[];
  /** As of the shell: `*`, `?` and `[…]`. */
  readonly glob: string | null;
  /** Must match from the start of the name. */
  readonly regexp: string | null;
}

/** @throws interface_invalid for a pattern that is none */
export function matchingNames({ names, glob, regexp }: NamePattern): string[] {
  const byGlob = glob === null ? null : new RegExp(`^(?:${globSource(glob)})$`, 's');
  const byRegexp = regexp === null ? null : compiled(regexp);
  return names.filter((name) => (byGlob?.test(name) ?? true) && (byRegexp?.test(name) ?? true));
}

function compiled(regexp: string): RegExp {
  try {
    return new RegExp(`^(?:${regexp})`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw loadErrors.invalid(`"regexp" is no regular expression: ${reason}`);
  }
}

/** Stars in a row are one: each of them alone would multiply the work. */
function globSource(glob: string): string {
  return glob
    .replace(/\*+/g, '*')
    .split(/(\*|\?|\[[^\]]+\])/)
    .map((part) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      if (/^\[.+\]$/s.test(part)) return classSource(part.slice(1, -1));
      return part.replace(/[\\^$.|+()[\]{}*?]/g, String.raw`\$&`);
    })
    .join('');
}

function classSource(inside: string): string {
  const negated = inside.startsWith('!') || inside.startsWith('^');
  const members = (negated ? inside.slice(1) : inside).replace(/[\\[\]^]/g, String.raw`\$&`);
  return `[${negated ? '^' : ''}${members}]`;
}
