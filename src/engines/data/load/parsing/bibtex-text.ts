/** BibTeX as records: fields as they are written, without their outer braces or quotes; abbreviations put in. */
import { loadErrors } from '../load-errors.js';
import type { ParsedRecord } from '../parsed-value.js';
import { plainText } from '../parsed-value.js';

const firstFields = [
  ...['ENTRYTYPE', 'ID', 'title', 'author', 'editor', 'abstract', 'year', 'journal', 'booktitle', 'volume'],
  ...['issue', 'pages', 'publisher', 'address', 'doi', 'url', 'note'],
];

/** In the order of the columns that tables of entries have: the frequent ones first, the rest from A to Z. */
export function bibtexFields(records: readonly ParsedRecord[]): string[] {
  const found = new Set(records.flatMap((record) => Object.keys(record)));
  const rest = [...found].filter((name) => !firstFields.includes(name)).sort();
  return [...firstFields.filter((name) => found.has(name)), ...rest];
}

/** Entries by author, year and title. @throws data_error with the line */
export function parseBibtex(text: string, path: string): ParsedRecord[] {
  const entries = new BibtexReader(text, path).entries();
  const key = (entry: ParsedRecord) =>
    ['author', 'year', 'title'].map((name) => plainText(entry[name] ?? '\uffff'));
  const keyed = entries.map((entry) => ({ entry, key: key(entry).join('\u0000') }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return keyed.map(({ entry }) => entry);
}

const tokenEnd = /[\s,={}()"#%]/g;
const fieldsMax = 10_000;

class BibtexReader {
  private at = 0;
  private readonly abbreviations = new Map<string, string>();

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  entries(): ParsedRecord[] {
    const found: ParsedRecord[] = [];
    for (;;) {
      const start = this.text.indexOf('@', this.at);
      if (start === -1) return found;
      this.at = start + 1;
      const entry = this.entry();
      if (entry) found.push(entry);
    }
  }

  private entry(): ParsedRecord | null {
    const type = this.token().toLowerCase();
    this.space();
    const open = this.text[this.at];
    // Anything may stand between entries, an address of a person too.
    if (open !== '{' && open !== '(') return null;
    if (type === 'comment' || type === 'preamble') {
      this.delimited(open === '{' ? '}' : ')');
      return null;
    }
    this.at += 1;
    const close = open === '{' ? '}' : ')';
    if (type === 'string') {
      for (const [name, value] of this.fields(close)) this.abbreviations.set(name, value);
      return null;
    }
    const id = this.until(close);
    const fields = this.fields(close);
    return { ENTRYTYPE: type, ID: id, ...Object.fromEntries(fields) };
  }

  /** The key of an entry. */
  private until(close: string): string {
    this.space();
    const start = this.at;
    while (this.at < this.text.length && this.text[this.at] !== ',' && this.text[this.at] !== close)
      this.at += 1;
    return this.text.slice(start, this.at).trim();
  }

  private fields(close: string): [string, string][] {
    const found: [string, string][] = [];
    for (;;) {
      this.space();
      if (this.text[this.at] === ',') this.at += 1;
      this.space();
      if (this.text[this.at] === close) {
        this.at += 1;
        return found;
      }
      const name = this.token().toLowerCase();
      this.space();
      if (name === '' || this.text[this.at] !== '=' || found.length >= fieldsMax)
        throw this.problem(`a field "name = value" or ${close} is missing`);
      this.at += 1;
      found.push([name, this.value()]);
    }
  }

  private value(): string {
    let value = '';
    for (;;) {
      this.space();
      const first = this.text[this.at];
      if (first === '{') value += this.delimited('}');
      else if (first === '"') value += this.delimited('"');
      else {
        const name = this.token();
        if (name === '') throw this.problem('a value is missing');
        value += this.abbreviations.get(name.toLowerCase()) ?? name;
      }
      this.space();
      if (this.text[this.at] !== '#') return value.replace(/\s*\n\s*/g, ' ');
      this.at += 1;
    }
  }

  /** What stands up to the end of the group that begins here. */
  private delimited(close: string): string {
    const start = this.at + 1;
    let depth = 0;
    for (this.at = start; this.at < this.text.length; this.at += 1) {
      const character = this.text[this.at];
      if (character === '\\') this.at += 1;
      else if (character === close && depth === 0) {
        this.at += 1;
        return this.text.slice(start, this.at - 1);
      } else if (character === '{') depth += 1;
      else if (character === '}') depth -= 1;
      if (depth < 0) break;
    }
    this.at = start;
    throw this.problem(`${close} is missing`);
  }

  private token(): string {
    this.space();
    tokenEnd.lastIndex = this.at;
    const end = tokenEnd.exec(this.text)?.index ?? this.text.length;
    const token = this.text.slice(this.at, end);
    this.at = end;
    return token;
  }

  private space(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at] ?? '')) this.at += 1;
  }

  private problem(reason: string) {
    const line = this.text.slice(0, this.at).split('\n').length;
    return loadErrors.data(`Line ${line} of '${this.path}' is no BibTeX: ${reason}.`, {
      path: this.path,
      line,
    });
  }
}
