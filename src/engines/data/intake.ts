/** What is sent along with the creation of a data session goes into its workspace, where it is loaded from. */
import { basename, join } from 'node:path';
import type { IntakePlace } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { IFiles } from '../../types/ports.js';
import type { Cell } from './cells.js';
import type { DataOptions } from './options.js';

const extensions: Readonly<Record<string, string>> = {
  csv: 'csv',
  tsv: 'tsv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  xlsx: 'excel',
  yaml: 'yaml',
  yml: 'yaml',
  md: 'markdown',
  bib: 'bibtex',
};

/** Records of one piece of text. */
const batch = 500;

/**
 * @returns the options that are stored.
 * @throws invalid_params when nothing, or more than one thing, is to be loaded
 */
export async function takeIn(
  options: DataOptions,
  place: IntakePlace,
  files: IFiles,
): Promise<Record<string, unknown>> {
  const { data, index, ...rest } = options;
  const given = [
    ...(rest.interface_file === undefined ? [] : ['interface_file']),
    ...(rest.data_source === undefined || place.body ? [] : ['data_source']),
    ...(data === undefined ? [] : ['data']),
    ...(place.body ? ['a file'] : []),
  ];
  if (given.length !== 1) {
    const found = given.length === 0 ? 'nothing was given' : `${given.join(' and ')} were given`;
    const detail = `A data session is made from one of interface_file, data_source, data or a file: ${found}.`;
    throw new SojournError('invalid_params', detail);
  }
  const source = place.body
    ? await uploaded(place.body, rest.data_source ?? {}, place.workspace, files)
    : data
      ? await written(data, place.workspace, files)
      : null;
  if (source === null) return index === undefined ? rest : withIndex(rest, index);
  const { interface_file: _file, data_source: _source, ...others } = rest;
  const data_source = { ...source, ...(index === undefined ? {} : { index }) };
  return { ...others, in_workspace: true, data_source };
}

function withIndex(rest: Omit<DataOptions, 'data' | 'index'>, index: string): Record<string, unknown> {
  if (!rest.data_source)
    throw new SojournError('invalid_params', 'index: an interface file names its index itself.');
  return { ...rest, data_source: { ...rest.data_source, index } };
}

async function uploaded(
  body: NonNullable<IntakePlace['body']>,
  asked: Readonly<Record<string, Cell>>,
  workspace: string,
  files: IFiles,
): Promise<Record<string, Cell>> {
  const given = basename(body.name ?? '');
  const name = /^[^\0]{1,200}$/.test(given) && !given.startsWith('.') ? given : 'data.csv';
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const type = asked.type ?? extensions[extension];
  if (type === undefined) {
    const known = [...new Set(Object.keys(extensions))].join(', ');
    const detail = `The kind of '${name}' is not known by its name; name it .${known.replaceAll(', ', ', .')}, or say data_source.type.`;
    throw new SojournError('invalid_params', detail);
  }
  await files.writePieces(join(workspace, name), body.bytes);
  return { ...asked, type, filename: name };
}

/** In pieces: nobody waits while much of it is turned into text. */
async function written(
  data: NonNullable<DataOptions['data']>,
  workspace: string,
  files: IFiles,
): Promise<Record<string, Cell>> {
  const name = 'data.json';
  await files.writePieces(join(workspace, name), Array.isArray(data) ? recordTexts(data) : columnTexts(data));
  return { type: 'json', filename: name };
}

async function* recordTexts(records: readonly Readonly<Record<string, Cell>>[]): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let start = 0; start < records.length; start += batch) {
    const lines = records.slice(start, start + batch).map((record) => JSON.stringify(record));
    yield await Promise.resolve(encoder.encode(`${start === 0 ? '[' : ','}${lines.join(',\n')}`));
  }
  yield encoder.encode(records.length === 0 ? '[]' : ']');
}

async function* columnTexts(columns: Readonly<Record<string, readonly Cell[]>>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let before = '{';
  for (const [name, cells] of Object.entries(columns)) {
    yield encoder.encode(`${before}${JSON.stringify(name)}: [`);
    for (let start = 0; start < cells.length; start += batch * 10) {
      const text = JSON.stringify(cells.slice(start, start + batch * 10)).slice(1, -1);
      yield await Promise.resolve(encoder.encode(`${start === 0 ? '' : ','}${text}`));
    }
    yield encoder.encode(']');
    before = ',\n';
  }
  yield encoder.encode(before === '{' ? '{}' : '}');
}
