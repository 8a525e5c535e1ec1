/** BibTeX as records: fields as they are written, without their outer braces or quotes; abbreviations put in. */
import { z } from 'zod';
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

/** Entries by author, year and title. @throws data_error with the place */
export async function parseBibtex(text: string, path: string): Promise<ParsedRecord[]> {
  const { parse } = await import('@retorquere/bibtex-parser');
  const { entries, errors } = parse(text, { raw: true, sentenceCase: false });
  const [problem] = errors;
  if (problem) throw loadErrors.data(`'${path}' is no BibTeX: ${problem.error}.`, { path });
  const records = entries.map(({ type, key, fields }): ParsedRecord => {
    const texts = Object.entries(fields).map(([name, value]) => [name, fieldText(value)] as const);
    return { ENTRYTYPE: type.toLowerCase(), ID: key, ...Object.fromEntries(texts) };
  });
  const sortKey = (record: ParsedRecord) =>
    ['author', 'year', 'title'].map((name) => plainText(record[name] ?? '\uffff')).join('\u0000');
  const keyed = records.map((record) => ({ record, key: sortKey(record) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return keyed.map(({ record }) => record);
}

const creatorSchema = z.object({
  name: z.string().optional(),
  prefix: z.string().optional(),
  lastName: z.string().optional(),
  suffix: z.string().optional(),
  firstName: z.string().optional(),
});
const valueSchema = z.union([z.string(), z.array(z.union([z.string(), creatorSchema]))]);

/** As it is written in an entry: people are put between `and`, other lists between commas. */
function fieldText(value: unknown): string {
  const parsed = valueSchema.safeParse(value);
  if (!parsed.success) return JSON.stringify(value);
  if (typeof parsed.data === 'string') return parsed.data.replace(/\s*\n\s*/g, ' ');
  const isPeople = parsed.data.some((item) => typeof item !== 'string');
  return parsed.data
    .map((item) => (typeof item === 'string' ? item : personText(item)))
    .join(isPeople ? ' and ' : ', ');
}

function personText({ name, prefix, lastName, suffix, firstName }: z.output<typeof creatorSchema>): string {
  if (name !== undefined) return name;
  const family = [prefix, lastName].filter((part) => part !== undefined).join(' ');
  return [family, suffix, firstName].filter((part) => part !== undefined && part !== '').join(', ');
}
