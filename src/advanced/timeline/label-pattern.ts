/**
 * Labels by a regular expression that came from outside: one that does not come to an end is stopped, which V8 does for
 * scripts with a time limit.
 */
import { createContext, Script } from 'node:vm';
import { SojournError } from '../../types/errors.js';

/** Everybody waits for it. */
const limitMs = 20;
const script = new Script('labels.map((label) => expression.test(label))');

/** @throws invalid_params for what is no regular expression, or takes too long */
export function labelsMatching(pattern: string, labels: readonly string[]): boolean[] {
  const expression = compiled(pattern);
  try {
    const found: unknown = script.runInContext(createContext({ labels, expression }), { timeout: limitMs });
    return Array.from(found as ArrayLike<boolean>);
  } catch (cause) {
    const detail = `label: the pattern takes longer than ${limitMs} ms; write a simpler one.`;
    throw new SojournError('invalid_params', detail, {}, { cause });
  }
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'iu');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SojournError('invalid_params', `label: ${reason}.`, {}, { cause });
  }
}
