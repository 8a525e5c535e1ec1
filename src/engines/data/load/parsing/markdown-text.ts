/** Markdown with a front matter of YAML between two lines of `---`. */
import type { ParsedRecord } from '../parsed-value.js';
import { isRecord } from '../parsed-value.js';
import { parseYaml, YamlProblem } from './yaml-text.js';

/**
 * The fields of the front matter, and the text below as `content`.
 * @throws YamlProblem
 */
export function parseMarkdown(text: string, path: string): ParsedRecord {
  const { front, content } = split(text.replace(/^\ufeff/, ''));
  if (front === null) return { content };
  const fields = parseYaml(front, path);
  if (fields === null) return { content };
  if (!isRecord(fields)) throw new YamlProblem(`The front matter of "${path}" must be a mapping of fields.`);
  return { ...fields, content };
}

function split(text: string): { front: string | null; content: string } {
  const opening = /^---[ \t]*\r?\n/.exec(text);
  if (!opening) return { front: null, content: text.trim() };
  const closing = /^(?:---|\.\.\.)[ \t]*$/m.exec(text.slice(opening[0].length));
  if (!closing) return { front: null, content: text.trim() };
  const start = opening[0].length;
  const front = text.slice(start, start + closing.index);
  return { front, content: text.slice(start + closing.index + closing[0].length).trim() };
}
